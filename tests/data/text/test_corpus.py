"""The corpus as a stream of documents: what is counted, what is refused, and its fingerprint."""

import gzip
import json
import lzma
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.text.corpus import Document, corpus_fingerprint, read_documents
from twinlm.errors import DataError, UsageError

GOOD = b'{"text": "good"}\n'

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


NOT_A_CORPUS = {
    "empty.txt": (
        b"",
        "empty.txt: there is nothing to read (0 bytes, 0 blank documents, 0 documents); "
        "name a file with text in it",
    ),
    "blank.txt": (
        b" \n\n",
        "blank.txt: there is nothing but white space to read (3 bytes, 0 blank documents, 0 documents); "
        "name a file with text in it",
    ),
    "blank.jsonl": (
        b'{"text": " "}\n',
        "blank.jsonl: there is nothing but white space to read (14 bytes, 1 blank documents, 0 documents); "
        "name a file with text in it",
    ),
    "report.docx": (
        b"PK",
        f"report.docx: the ending '.docx' does not say what the file holds; known: {KNOWN}",
    ),
    "noending": (
        b"a",
        f"noending: a name without an ending does not say what the file holds; known: {KNOWN}",
    ),
    "a.parquet.gz": (
        b"a",
        f"a.parquet.gz: the ending '.parquet.gz' does not say what the file holds; known: {KNOWN}",
    ),
}


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1), min_size=1
    )
)
def test_json_rows_are_read_back(rows):
    Path("any.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in [*rows, "x"]))
    assert texts("any.jsonl") == [row for row in [*rows, "x"] if row.strip()]


def test_json_rows_know_their_line_and_lose_carriage_returns_and_blank_texts():
    Path("a.jsonl").write_bytes(b'{"body": "a\\r\\nb\\rc"}\n\n{"body": " "}\n{"id": 1, "body": "d"}\n')
    documents, counts = read("a.jsonl", text_field="body")
    assert documents == [Document("a\nb\nc", "a.jsonl:1"), Document("d", "a.jsonl:4")]
    assert counts == {"files": 1, "documents": 2, "blank documents": 1}


def test_compressed_files_are_read_by_their_endings():
    Path("a.txt.gz").write_bytes(gzip.compress(b"one"))
    Path("b.jsonl.xz").write_bytes(lzma.compress(GOOD))
    assert texts("a.txt.gz", "b.jsonl.xz") == ["one", "good"]


def test_bad_rows_up_to_the_share_allowed_are_counted():
    Path("a.jsonl").write_bytes(GOOD * 99 + b"bad\n")
    documents, counts = read("a.jsonl", max_bad_share=0.01)
    assert len(documents) == 99
    assert counts["bad rows"] == 1
    with pytest.raises(DataError) as caught:
        read("a.jsonl", max_bad_share=0.009)
    assert str(caught.value) == (
        "a.jsonl:100: not JSON at column 1: Expecting value in 'bad' (1 of 100 rows is bad, "
        "at most 0.900 % may be); correct or remove them, or set corpus.text_field (now 'text') or "
        "corpus.max_bad_share"
    )


def test_the_first_twenty_bad_rows_of_all_files_are_shown():
    Path("a.jsonl").write_bytes(GOOD * 30 + b"".join(b"%d\n" % number for number in range(15)))
    Path("b.jsonl").write_bytes(GOOD * 30 + b"".join(b"[%d]\n" % number for number in range(15)))
    with pytest.raises(DataError) as caught:
        read("a.jsonl", "b.jsonl")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("30 of 90 rows are bad, at most 0.100 % may be; correct or remove them")
    assert lines[1] == "  a.jsonl:31: not an object but a number: '0'"
    assert lines[20] == "  b.jsonl:35: not an object but a list: '[4]'"
    assert lines[21:] == ["  ... and 10 more"]


def test_a_hopeless_file_is_given_up_early(monkeypatch):
    Path("a.jsonl").write_bytes(b"7\n" * 1500 + GOOD + b"7\n" * 100_000)
    with pytest.raises(DataError, match=r"^1,500 of 1,501 rows are bad"):
        read("a.jsonl")


@pytest.mark.parametrize("name", NOT_A_CORPUS)
def test_files_without_text_are_refused_with_sizes(name):
    data, message = NOT_A_CORPUS[name]
    Path(name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        read(name)
    assert str(caught.value) == message


def test_an_empty_file_among_others_is_no_error():
    Path("in").mkdir()
    Path("in/a.txt").write_text("")
    Path("in/b.txt").write_text("text")
    assert texts("in") == ["text"]


@pytest.mark.parametrize(
    ("paths", "settings", "message"),
    [
        ([], {}, "no corpus is named"),
        ([""], {}, "a corpus path is empty"),
        (["a.txt"], {"max_bad_share": 1.5}, "max_bad_share must be from 0 to 1, but is 1.5"),
        (["a.txt"], {"encoding": "what"}, "corpus.encoding = 'what' is no text encoding"),
        (["hf:"], {}, "'hf:' is no data set name"),
        (["hf:a:b:c:d"], {}, "'hf:a:b:c:d' is no data set name"),
    ],
)
def test_settings_that_make_no_sense_are_refused(paths, settings, message):
    Path("a.txt").write_text("a")
    with pytest.raises(UsageError, match=message):
        read(*paths, **settings)


def test_the_encoding_can_be_set_and_bad_bytes_counted():
    Path("a.txt").write_bytes("café".encode("latin-1"))
    assert texts("a.txt", encoding="latin-1") == ["café"]
    documents, counts = read("a.txt", errors="replace")
    assert documents[0].text == "caf\ufffd"
    assert counts["lines with bad bytes replaced"] == 1


def test_a_file_that_changes_while_it_is_read_is_refused():
    Path("a.txt").write_text("one\n\ntwo")
    documents = read_documents(["a.txt"], counts=Counter())
    next(documents)
    Path("a.txt").write_text("one\n\ntwo\n\nthree")
    with pytest.raises(DataError, match=r"a\.txt: the file changed while it was read"):
        list(documents)


def test_the_fingerprint_covers_names_and_contents_but_not_the_folder():
    def fingerprint(folder: str, **files: str) -> str:
        Path(folder).mkdir()
        for name, text in files.items():
            (Path(folder) / f"{name}.txt").write_text(text)
        return corpus_fingerprint([folder])

    first = fingerprint("1", a="x", b="y")
    assert first == fingerprint("2", a="x", b="y") == corpus_fingerprint(["1/a.txt", "1/b.txt"])
    others = [fingerprint("3", a="x", b="z"), fingerprint("4", a="x", c="y"), fingerprint("5", a="y", b="x")]
    assert len({first, *others, corpus_fingerprint(["1/b.txt", "1/a.txt"])}) == 5
    assert len(first) == 64
