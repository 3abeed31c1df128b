"""Every format of corpus files, and how documents of any length are read."""

import gzip
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.text import formats
from twinlm.data.text.corpus import Document, corpus_fingerprint, read_documents
from twinlm.errors import DataError, UsageError

GOOD = b'{"text": "good"}\n'


def read(*paths: str | Path, **settings) -> tuple[list[Document], Counter[str]]:
    counts: Counter[str] = Counter()
    documents = list(read_documents([str(path) for path in paths], counts=counts, **settings))
    return documents, +counts


def texts(*paths: str | Path, **settings) -> list[str]:
    return [document.text for document in read(*paths, **settings)[0]]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def parquet(name: str, column: str, values: list, kind=None) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    write_table(pyarrow.table({column: pyarrow.array(values, kind), "id": range(len(values))}), name)


def test_blank_lines_part_the_documents_of_a_text_file():
    Path("a.txt").write_bytes(b"\xef\xbb\xbf\n one\r\ntwo \r\n \t\r\n\nthree")
    documents, counts = read("a.txt")
    assert documents == [Document(" one\ntwo ", "a.txt:2"), Document("three", "a.txt:6")]
    assert counts == {"files": 1, "documents": 2}


@given(
    st.lists(
        st.lists(st.text("añ字. ", min_size=1).filter(str.strip), min_size=1).map("\n".join),
        min_size=1,
        max_size=6,
    )
)
def test_documents_joined_by_blank_lines_are_read_back(documents):
    Path("any.txt").write_text("\n\n".join(documents), encoding="utf-8")
    assert texts("any.txt") == documents


def test_parquet_rows_are_read():
    parquet("a.parquet", "body", ["one", "two\r\n", " "])
    documents, counts = read("a.parquet", text_field="body")
    assert documents == [Document("one", "a.parquet:1"), Document("two\n", "a.parquet:2")]
    assert counts["blank documents"] == 1
    import pyarrow

    for kind in (pyarrow.large_string(), pyarrow.dictionary(pyarrow.int8(), pyarrow.string())):
        parquet("b.parquet", "text", ["one", "one"], kind)
        assert texts("b.parquet") == ["one", "one"]


def test_rows_of_parquet_files_are_counted_file_by_file():
    parquet("a.parquet", "text", ["one", "two"])
    parquet("b.parquet", "text", ["three", None])
    assert [document.source for document in read("a.parquet", "b.parquet", max_bad_share=0.5)[0]] == [
        "a.parquet:1",
        "a.parquet:2",
        "b.parquet:1",
    ]
    with pytest.raises(DataError, match="null") as caught:
        read("a.parquet", "b.parquet")
    assert (caught.value.file, caught.value.line) == ("b.parquet", 2)


def test_parquet_faults_are_explained():
    parquet("a.parquet", "body", ["one"])
    with pytest.raises(DataError) as caught:
        texts("a.parquet")
    assert str(caught.value) == (
        "a.parquet: no column 'text'; set corpus.text_field to one of its columns: 'body', 'id'"
    )
    with pytest.raises(DataError, match="the column 'id' holds int64, not texts; name a column of texts"):
        texts("a.parquet", text_field="id")
    parquet("null.parquet", "text", ["one", None])
    with pytest.raises(DataError, match=r"^null\.parquet:2: the field 'text' is null, not a text"):
        texts("null.parquet")
    Path("cut.parquet").write_bytes(Path("a.parquet").read_bytes()[:-20])
    with pytest.raises(DataError, match=r"^cut\.parquet: the Parquet data is damaged: .*; copy or download"):
        texts("cut.parquet")


def test_parquet_without_the_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    Path("a.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match=r"need the package pyarrow; run: pip install 'twinlm\[data\]'"):
        texts("a.parquet")


def test_long_lines_and_long_documents_are_cut_and_counted(monkeypatch):
    monkeypatch.setattr(formats, "MOST_DOCUMENT_CHARACTERS", 3_000_000)
    words = "word " * 500_000
    Path("a.txt").write_text(f"{words}\n{words}\nend\n\nlast")
    documents, counts = read("a.txt")
    assert "".join("".join(document.text.split()) for document in documents) == "word" * 1_000_000 + "endlast"
    assert all(len(document.text) <= 3_000_003 for document in documents)
    assert counts["long lines cut"] == 2
    assert counts["long documents cut"] == len(documents) - 2 > 0


def test_one_huge_line_is_read_in_bounded_memory():
    with gzip.open("a.txt.gz", "wb", compresslevel=1) as file:
        for number in range(48):
            file.write(b"x%d" % number * (1 << 18))
    tracemalloc.start()
    try:
        characters = sum(len(document.text) for document in read_documents(["a.txt.gz"], counts=Counter()))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert characters > 32 << 20
    assert peak_bytes < 80 << 20


def test_a_row_that_is_too_long_is_a_bad_row(monkeypatch):
    monkeypatch.setattr(formats, "MOST_ROW_BYTES", 1000)
    Path("a.jsonl").write_bytes(GOOD + b'{"text": "' + b"a b" * 2000 + b'"}\n' + GOOD)
    with pytest.raises(
        DataError, match=r"^a\.jsonl:2: the line is longer than 1,000 bytes \(1 of 3 rows is bad"
    ):
        read("a.jsonl")


def test_data_sets_that_the_datasets_package_can_load_are_read():
    pytest.importorskip("datasets")
    Path("in").mkdir()
    Path("in/train.jsonl").write_bytes(b'{"text": "one"}\n{"text": "two\\r\\n"}\n{"text": null}\n')
    Path("in/test.jsonl").write_bytes(GOOD)
    documents, counts = read("hf:./in", max_bad_share=0.5)
    assert documents == [Document("one", "hf:./in:1"), Document("two\n", "hf:./in:2")]
    assert counts["bad rows"] == 1
    for name in ("hf:./in:test", "hf:./in::test", "hf:./in:default:test"):
        assert texts(name) == ["good"]
    with pytest.raises(DataError, match=r"can't load 'hf:./in::none': ValueError: .*; check the name"):
        texts("hf:./in::none")
    with pytest.raises(DataError, match=r"^hf:./in:test:1: no field 'body'; the row has 'text'"):
        texts("hf:./in:test", text_field="body")
    assert corpus_fingerprint(["hf:./in:test"]) != corpus_fingerprint(["hf:./in"])


def test_data_sets_without_the_package_say_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(
        UsageError, match=r"'hf:org/name' needs the package datasets; run: pip install 'twinlm\[data\]'"
    ):
        texts("hf:org/name")
