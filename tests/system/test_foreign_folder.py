"""Reading untrusted folders: bounds, file types, links and strict JSON."""

import os

import pytest

from twinlm.errors import ModelError
from twinlm.system.foreign_folder import LARGEST_JSON_BYTES, Folder, read_json

READERS = {
    "Folder.read_json": lambda path: Folder(path.parent).read_json(path.name),
    "Folder.read_lines": lambda path: Folder(path.parent).read_lines(path.name),
    "read_json": read_json,
}
JSON_READERS = ("Folder.read_json", "read_json")


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\n\n", ["a", ""]),
        (b"\n", [""]),
        ("a\u2028b\u0085c\n\u3000\n".encode(), ["a\u2028b\u0085c", "\u3000"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        (b"\xef\xbb\xbf", []),
    ],
)
def test_only_line_feeds_end_lines(tmp_path, data, lines):
    (tmp_path / "file").write_bytes(data)
    assert Folder(tmp_path).read_lines("file") == lines


def test_lines_that_are_not_utf8_are_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"a\xff\n")
    with pytest.raises(ModelError, match="file: this is not UTF-8"):
        Folder(tmp_path).read_lines("file")


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_missing_irregular_and_too_large_files_are_refused_unread(tmp_path, read):
    with pytest.raises(ModelError, match="nowhere: the file is missing"):
        read(tmp_path / "nowhere")
    (tmp_path / "below").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("below", "pipe"):
        with pytest.raises(ModelError, match=f"{name}: this is not a regular file"):
            read(tmp_path / name)
    with (tmp_path / "file").open("wb") as file:
        file.truncate(LARGEST_JSON_BYTES + 1)
    with pytest.raises(ModelError, match="file: the file has 16,777,217 bytes, more than the 16,777,216"):
        read(tmp_path / "file")


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (b"", "not JSON"),
        (b"[1]", "expected a JSON object, found a list"),
        (b"7", "found a int"),
        (b"[" * 10**6, "nested too deeply"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": 1, "a": 2}', "the key 'a' appears twice"),
        (b'{"a": "\xff"}', "not JSON"),
        (b'{"a": "\\ud800"}', "not JSON"),
    ],
)
@pytest.mark.parametrize("name", JSON_READERS)
def test_what_is_not_a_strict_json_object_is_refused(tmp_path, name, data, because):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(ModelError, match=because):
        READERS[name](tmp_path / "file")


def test_links_inside_the_folder_are_followed_and_others_refused(tmp_path):
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "file").write_text("{}")
    (tmp_path / "secret").write_text("{}")
    (folder / "inside").symlink_to("below/file")
    (folder / "away").symlink_to("nowhere")
    (folder / "round").symlink_to("round")
    view = Folder(folder)
    assert view.read_json("inside") == view.read_json("below/file") == {}
    with pytest.raises(ModelError, match="away: the file is missing"):
        view.read_json("away")
    with pytest.raises(ModelError, match="round: can't read the file"):
        view.read_json("round")
    with pytest.raises(ModelError, match="leads out of the folder"):
        view.read_json("../secret")
    with pytest.raises(ModelError, match="can't read the file"):
        view.read_json("a\0b")
    (folder / "outside").symlink_to("../secret")
    with pytest.raises(ModelError, match=r"outside: this link leads out of the folder; copy the file"):
        Folder(folder)
    assert read_json(folder / "outside") == {}


def test_a_folder_that_is_itself_a_link_is_a_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("{}")
    (tmp_path / "link").symlink_to("folder")
    assert Folder(tmp_path / "link").read_json("file") == {}


def test_a_folder_of_too_many_files_is_refused_since_not_all_were_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("twinlm.system.foreign_folder._MOST_FILES", 2)
    for name in "abc":
        Folder(tmp_path)
        (tmp_path / name).touch()
    with pytest.raises(ModelError, match="more than 2 files"):
        Folder(tmp_path)
