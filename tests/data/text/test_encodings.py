"""Bytes that are not of their encoding: the message names place, bytes, guess and way out."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from twinlm.data.text.lines import Decoding, Line, read_lines
from twinlm.errors import DataError


def read(path: Path, **settings) -> tuple[list[Line], Counter[str]]:
    longest = {"longest_bytes": settings.pop("longest_bytes")} if "longest_bytes" in settings else {}
    counts: Counter[str] = Counter()
    return list(read_lines(path, Decoding(**settings), counts=counts, **longest)), counts


def texts(path: Path, **settings) -> list[str]:
    return [line.text for line in read(path, **settings)[0]]


def written(folder: Path, data: bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def narrow(place: str, guess: str) -> str:
    """Return the message about bytes that are no UTF-8, with all three ways out."""
    return (
        f'a.txt:{place}; it may be {guess}: set corpus.encoding = "{guess}", or convert the file to UTF-8 '
        f'(iconv -f {guess} -t utf-8), or if it is damaged UTF-8 set corpus.errors = "replace" or "skip"'
    )


def wide(encoding: str, begin: str) -> str:
    """Return the message about a file that is UTF-16 or UTF-32."""
    return (
        f"a.txt: this is {encoding.upper()} text, not UTF-8: it begins with the bytes {begin}; set "
        f"corpus.encoding = "
        f'"{encoding}", or convert the file to UTF-8 (iconv -f {encoding} -t utf-8)'
    )


BAD_BYTES = {
    "latin-1": (
        "ein schönes Haus\ncafé au lait\n".encode("latin-1"),
        narrow("1: byte offset 7: the bytes f6 6e 65 73 are not UTF-8 (after 'ein sch')", "iso-8859-1"),
    ),
    "cp1252": (
        "one\nand “two” of it\n".encode("cp1252"),
        narrow("2: byte offset 8: the bytes 93 74 77 6f are not UTF-8 (after 'and ')", "cp1252"),
    ),
    "cut character": (
        b"caf\xc3",
        narrow("1: byte offset 3: the bytes c3 are not UTF-8 (after 'caf')", "iso-8859-1"),
    ),
    "surrogate": (
        b"ab\n123456789 \xed\xa0\x80",
        narrow("2: byte offset 13: the bytes ed a0 80 are not UTF-8 (after '123456789 ')", "cp1252"),
    ),
    "cyrillic": (
        "привет".encode("cp1251"),
        'a.txt:1: byte offset 0: the bytes ef f0 e8 e2 are not UTF-8; find out what it is (perhaps "cp1251", '
        '"gb18030" or "shift_jis") and set corpus.encoding, or convert the file to UTF-8 (iconv -f '
        "ENCODING -t "
        'utf-8), or if it is damaged UTF-8 set corpus.errors = "replace" or "skip"',
    ),
    "utf-16": ("one\ntwo".encode("utf-16"), wide("utf-16", "ff fe 6f 00 6e 00 65 00")),
    "utf-16-le": ("one\ntwo".encode("utf-16-le"), wide("utf-16-le", "6f 00 6e 00 65 00 0a 00")),
    "utf-16-be": ("one\ntwo".encode("utf-16-be"), wide("utf-16-be", "00 6f 00 6e 00 65 00 0a")),
    "utf-32": ("one\ntwo".encode("utf-32"), wide("utf-32", "ff fe 00 00 6f 00 00 00")),
    "utf-32-le": ("one\ntwo".encode("utf-32-le"), wide("utf-32-le", "6f 00 00 00 6e 00 00 00")),
    "gzip": (gzip.compress(b"a"), "a.txt: this is a gzip file, not text; add the ending .gz to its name"),
    "parquet": (b"PAR1", "a.txt: this is a Parquet file, not text; add the ending .parquet to its name"),
    "zip": (b"PK\x03\x04", "a.txt: this is a zip archive, not text; extract its text first"),
    "pdf": (b"%PDF-1.4", "a.txt: this is a PDF file, not text; extract its text first"),
}


@pytest.mark.parametrize("name", BAD_BYTES)
def test_text_of_another_encoding_is_refused_with_place_bytes_guess_and_way_out(tmp_path, monkeypatch, name):
    data, message = BAD_BYTES[name]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        texts(written(Path(), data), section="corpus")
    assert str(caught.value) == message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "ascii", "shift_jis"])
def test_bytes_that_are_not_of_the_encoding_named_are_refused_with_their_place(tmp_path, encoding):
    good = "one\ntwo\n".encode(encoding)
    path = written(
        tmp_path, good + {"utf-16": b"\x00\xdc", "utf-16-be": b"\xdc\x00"}.get(encoding, b"\xff\xff")
    )
    with pytest.raises(
        DataError, match=f"byte offset {len(good)}: the bytes .* are not {encoding.upper()}"
    ) as caught:
        texts(path, encoding=encoding)
    assert caught.value.line == 3
