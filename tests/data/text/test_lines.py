"""Lines of text files: their ends, numbers and offsets, encodings, and lines of any length."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.text import streams
from twinlm.data.text.lines import Decoding, Line, endings, read_lines
from twinlm.errors import DataError, UsageError


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


def test_lf_crlf_and_cr_end_a_line_and_unicode_separators_do_not(tmp_path):
    path = written(tmp_path, "a\nb\r\nc\rd\r\r\ne\u2028f\x0bg\x85h\n".encode())
    assert texts(path) == ["a", "b", "c", "d", "", "e\u2028f\x0bg\x85h"]


def test_lines_know_their_number_and_byte_offset(tmp_path):
    lines, _ = read(written(tmp_path, "é\r\n\nb".encode()))
    assert lines == [Line("é", 1, 0), Line("", 2, 4), Line("b", 3, 5)]


def test_a_byte_order_mark_goes_at_the_start_only(tmp_path):
    lines, _ = read(written(tmp_path, b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"))
    assert lines == [Line("a", 1, 3), Line("\ufeffb", 2, 5)]


def test_nul_characters_are_kept_and_counted(tmp_path):
    lines, counts = read(written(tmp_path, b"a\0b\0\nlong enough to be no UTF-16\n"))
    assert lines[0].text == "a\0b\0"
    assert counts == {"NUL characters": 2}


def test_an_empty_file_has_no_lines(tmp_path):
    assert texts(written(tmp_path, b"")) == []


@given(data=st.binary(max_size=60).map(lambda data: data.replace(b"\0", b"a")), size=st.integers(1, 9))
def test_bytes_of_any_kind_give_the_lines_that_a_plain_split_gives(tmp_path_factory, data, size):
    path = written(tmp_path_factory.mktemp("any"), data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "CHUNK_BYTES", size)
        try:
            got = texts(path, errors="replace")
        except DataError as error:
            assert "this is" in str(error)  # two bytes that make a byte order mark of UTF-16
            return
    plain = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert got == [line.decode(errors="replace") for line in (plain if plain[-1] else plain[:-1])]


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\ufeff\0"), min_size=1))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "gb18030"])
def test_every_text_comes_back_from_every_encoding(tmp_path_factory, encoding, text):
    path = written(tmp_path_factory.mktemp("any"), (text + "\n" + text).encode(encoding))
    if text.startswith(("%PDF-", "PK\x03\x04", "BZh91AY&SY", "PAR1")):
        return
    assert texts(path, encoding=encoding) == [text, text]


@given(data=st.data())
def test_a_bad_byte_anywhere_is_found_at_its_line_and_offset(tmp_path_factory, data):
    lines = data.draw(st.lists(st.text("añ字 ", max_size=8), min_size=1, max_size=6))
    good = "\n".join(lines)
    place = len(good[: data.draw(st.integers(0, len(good)))].encode())
    bad = good.encode()[:place] + b"\xc0" + good.encode()[place:]
    if place == 0:
        bad = b"a" + bad
        place = 1
    path = written(tmp_path_factory.mktemp("bad"), bad)
    with pytest.raises(DataError) as caught:
        texts(path)
    assert caught.value.line == bad[:place].count(b"\n") + 1
    assert f"byte offset {place:,}: the bytes c0" in caught.value.message


def test_bad_bytes_can_be_replaced_or_their_lines_skipped_and_are_counted(tmp_path):
    path = written(tmp_path, b"one\nt\xffo\nthree\xe9\n")
    replaced, counts = read(path, errors="replace")
    assert [line.text for line in replaced] == ["one", "t\ufffdo", "three\ufffd"]
    assert counts == {"lines with bad bytes replaced": 2}
    kept, counts = read(path, errors="skip")
    assert [(line.text, line.number) for line in kept] == [("one", 1)]
    assert counts == {"lines with bad bytes left out": 2}
    wide = written(tmp_path, b"a\0\n\0b\0\x00\xd8\n\0c\0")
    assert texts(wide, encoding="utf-16-le", errors="skip") == ["a", "c"]
    assert read(wide, encoding="utf-16-le", errors="replace")[1] == {"lines with bad bytes replaced": 1}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"encoding": "utf8x"},
            "corpus.encoding = 'utf8x' is no text encoding that Python knows; use for example",
        ),
        ({"encoding": "zip"}, "corpus.encoding = 'zip' is no text encoding"),
        ({"encoding": "undefined"}, "corpus.encoding = 'undefined' is no text encoding"),
        (
            {"errors": "ignore"},
            'corpus.errors = \'ignore\' is not allowed; use "strict", "replace" or "skip"',
        ),
    ],
)
def test_unknown_settings_are_refused(settings, message):
    with pytest.raises(UsageError) as caught:
        Decoding(section="corpus", **settings)
    assert str(caught.value).startswith(message)


def test_a_long_line_comes_in_parts_cut_at_white_space(tmp_path):
    words = " ".join(["word"] * 100)
    lines, _ = read(written(tmp_path, f"short\n{words}\nlast".encode()), longest_bytes=64)
    parts = [line for line in lines if line.is_part]
    assert "".join(line.text for line in parts) == words
    assert all(line.text.endswith(" ") and len(line.text) <= 64 for line in parts[:-1])
    assert all(line.offset + len(line.text) == after.offset for line, after in pairwise(parts))
    assert {line.number for line in parts} == {2}
    assert lines[-1] == Line("last", 3, 6 + len(words) + 1)


def test_a_long_line_without_white_space_is_never_cut_within_a_character(tmp_path):
    text = "字é🙂a" * 200
    lines, _ = read(written(tmp_path, text.encode()), longest_bytes=50)
    assert "".join(line.text for line in lines) == text
    assert all(len(line.text.encode()) <= 52 for line in lines)


def test_endings_are_found_whatever_their_case():
    assert endings(Path("a.b.JSONL.GZ")) == (".jsonl", ".gz")
    assert endings(Path("a.txt")) == (".txt", "")
    assert endings(Path("a.gz")) == ("", ".gz")
    assert endings(Path("a")) == ("", "")
