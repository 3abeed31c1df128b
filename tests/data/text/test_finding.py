"""Folders, patterns, links and odd names: which files are read, and in which order."""

import os
from collections import Counter
from pathlib import Path

import pytest

from twinlm.data.text.corpus import Document, read_documents
from twinlm.errors import DataError

KNOWN = ".txt, .jsonl, .parquet; the first two also with .gz, .bz2, .xz, .zst"


def read(*paths: str | Path, **settings) -> tuple[list[Document], Counter[str]]:
    counts: Counter[str] = Counter()
    documents = list(read_documents([str(path) for path in paths], counts=counts, **settings))
    return documents, +counts


def texts(*paths: str | Path, **settings) -> list[str]:
    return [document.text for document in read(*paths, **settings)[0]]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_folders_and_patterns_give_their_known_files_sorted_and_each_once(tmp_path):
    for name in ("b/2.txt", "b/10.txt", "a.jsonl", "b/.hidden/x.txt", "b/.y.txt", "b/c/z.TXT", "readme.md"):
        path = Path("in") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"text": "json"}' if name.endswith("jsonl") else name.encode())
    expected = ["json", "b/10.txt", "b/2.txt", "b/c/z.TXT"]
    documents, counts = read("in")
    assert [document.text for document in documents] == expected
    assert counts == {"files": 4, "documents": 4, "files of other kinds": 1}
    assert texts(tmp_path / "in") == expected
    assert texts("in/b/*.txt") == ["b/10.txt", "b/2.txt"]
    assert texts("in/**/*") == expected
    documents, counts = read("in/b/2.txt", "in", "in/b")
    assert [document.text for document in documents] == ["b/2.txt", "json", "b/10.txt", "b/c/z.TXT"]
    assert counts["files named twice"] == 4


def test_links_are_followed_within_a_folder_only_and_loops_end():
    Path("in/sub").mkdir(parents=True)
    Path("in/a.txt").write_text("inside")
    Path("secret.txt").write_text("outside")
    Path("in/b.txt").symlink_to("a.txt")
    Path("in/c.txt").symlink_to("../secret.txt")
    Path("in/sub/loop").symlink_to("..")
    documents, counts = read("in")
    assert [document.text for document in documents] == ["inside"]
    assert counts == {"files": 1, "documents": 1, "files named twice": 1, "links left out": 2}
    assert texts("in/**/*.txt") == ["inside", "outside"]


def test_names_with_odd_characters_work():
    for name in ("with space.txt", "[1].txt", "line\nbreak.txt", os.fsdecode(b"\xff.txt")):
        Path(name).write_text(repr(name))
        documents, _ = read(name)
        assert documents[0].text == repr(name)
        documents[0].source.encode()
        assert "\n" not in documents[0].source


def test_paths_that_lead_nowhere_are_refused_before_anything_is_read():
    Path("a.txt").write_text("a")
    Path("folder").mkdir()
    Path("folder/x.md").write_text("a")
    for path, message in {
        "none.txt": "none.txt: no such file; check the path",
        "none/*.txt": "none/*.txt: no file matches this pattern (0 with a known ending, 0 other files, "
        "0 folders); "
        f"check the pattern; known endings: {KNOWN}",
        "fold*": "fold*: no file matches this pattern (0 with a known ending, 0 other files, 1 folders); "
        f"check the pattern; known endings: {KNOWN}",
        "folder": "folder: the folder holds no text: 0 files with a known ending, 1 other files; "
        f"known endings: {KNOWN}",
    }.items():
        with pytest.raises(DataError) as caught:
            read_documents(["a.txt", path], counts=Counter())
        assert str(caught.value) == message
