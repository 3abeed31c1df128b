"""Lines of text files: endings of lines, encodings, compression, and everything that is no good text file."""

import bz2
import gzip
import lzma
import os
import socket
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data import byte_streams
from twinlm.data.byte_streams import read_chunks, shown
from twinlm.data.text_files import Decoding, Line, endings, read_lines
from twinlm.errors import DataError, ResourceError, UsageError

COMPRESS = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": zstandard.compress,
}


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
        patch.setattr(byte_streams, "CHUNK_BYTES", size)
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


BAD_BYTES = {
    "latin-1": (
        "ein schönes Haus\ncafé au lait\n".encode("latin-1"),
        "a.txt:1: byte offset 7: the bytes f6 6e 65 73 are not UTF-8 (after 'ein sch'); it may be iso-8859-1: set "
        'corpus.encoding = "iso-8859-1", or convert the file to UTF-8 (iconv -f iso-8859-1 -t utf-8), or if it is '
        'damaged UTF-8 set corpus.errors = "replace" or "skip"',
    ),
    "cp1252": (
        "one\nand “two” of it\n".encode("cp1252"),
        "a.txt:2: byte offset 8: the bytes 93 74 77 6f are not UTF-8 (after 'and '); it may be cp1252: set "
        'corpus.encoding = "cp1252", or convert the file to UTF-8 (iconv -f cp1252 -t utf-8), or if it is '
        'damaged UTF-8 set corpus.errors = "replace" or "skip"',
    ),
    "cyrillic": (
        "привет".encode("cp1251"),
        'a.txt:1: byte offset 0: the bytes ef f0 e8 e2 are not UTF-8; find out what it is (perhaps "cp1251", '
        '"gb18030" or "shift_jis") and set corpus.encoding, or convert the file to UTF-8 (iconv -f ENCODING -t '
        'utf-8), or if it is damaged UTF-8 set corpus.errors = "replace" or "skip"',
    ),
    "utf-16": (
        "one\ntwo".encode("utf-16"),
        "a.txt: this is UTF-16 text, not UTF-8: it begins with the bytes ff fe 6f 00 6e 00 65 00; set "
        'corpus.encoding = "utf-16", or convert the file to UTF-8 (iconv -f utf-16 -t utf-8)',
    ),
    "utf-16-le": (
        "one\ntwo".encode("utf-16-le"),
        "a.txt: this is UTF-16-LE text, not UTF-8: it begins with the bytes 6f 00 6e 00 65 00 0a 00; set "
        'corpus.encoding = "utf-16-le", or convert the file to UTF-8 (iconv -f utf-16-le -t utf-8)',
    ),
    "utf-16-be": (
        "one\ntwo".encode("utf-16-be"),
        "a.txt: this is UTF-16-BE text, not UTF-8: it begins with the bytes 00 6f 00 6e 00 65 00 0a; set "
        'corpus.encoding = "utf-16-be", or convert the file to UTF-8 (iconv -f utf-16-be -t utf-8)',
    ),
    "utf-32": (
        "one\ntwo".encode("utf-32"),
        "a.txt: this is UTF-32 text, not UTF-8: it begins with the bytes ff fe 00 00 6f 00 00 00; set "
        'corpus.encoding = "utf-32", or convert the file to UTF-8 (iconv -f utf-32 -t utf-8)',
    ),
    "gzip": (gzip.compress(b"a"), "a.txt: this is a gzip file, not text; add the ending .gz to its name"),
    "parquet": (b"PAR1", "a.txt: this is a Parquet file, not text; add the ending .parquet to its name"),
    "zip": (b"PK\x03\x04", "a.txt: this is a zip archive, not text; extract its text first"),
    "pdf": (b"%PDF-1.4", "a.txt: this is a PDF file, not text; extract its text first"),
    "cut character": (
        b"caf\xc3",
        "a.txt:1: byte offset 3: the bytes c3 are not UTF-8 (after 'caf'); it may be iso-8859-1: set "
        'corpus.encoding = "iso-8859-1", or convert the file to UTF-8 (iconv -f iso-8859-1 -t utf-8), or if it is '
        'damaged UTF-8 set corpus.errors = "replace" or "skip"',
    ),
    "surrogate": (
        b"ab\n123456789 \xed\xa0\x80",
        "a.txt:2: byte offset 13: the bytes ed a0 80 are not UTF-8 (after '123456789 '); it may be cp1252: set "
        'corpus.encoding = "cp1252", or convert the file to UTF-8 (iconv -f cp1252 -t utf-8), or if it is '
        'damaged UTF-8 set corpus.errors = "replace" or "skip"',
    ),
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


@pytest.mark.parametrize("ending", COMPRESS)
def test_compressed_files_are_read_also_of_several_members(tmp_path, ending):
    compress = COMPRESS[ending]
    text = "".join(f"line {number}\n" for number in range(50_000))
    path = written(tmp_path, compress(text.encode()) + compress(b"") + compress(b"more\n"), f"a.txt{ending}")
    assert texts(path) == [*text.splitlines(), "more"]


@pytest.mark.parametrize("ending", COMPRESS)
@given(data=st.binary(max_size=2000), size=st.integers(1, 100))
def test_compressed_bytes_come_back_whatever_the_chunks(tmp_path_factory, ending, data, size):
    path = written(tmp_path_factory.mktemp("any"), COMPRESS[ending](data), f"a{ending}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byte_streams, "_READ_BYTES", size)
        patch.setattr(byte_streams, "CHUNK_BYTES", 3 * size)
        assert b"".join(read_chunks(path)) == data


@pytest.mark.parametrize("ending", COMPRESS)
def test_every_cut_and_every_garbage_after_the_end_is_found(tmp_path, ending):
    whole = COMPRESS[ending](b"some text\n" * 20)
    for size in range(1, len(whole)):
        with pytest.raises(DataError, match="cut off|damaged|this is no"):
            list(read_chunks(written(tmp_path, whole[:size], f"a{ending}")))
    with pytest.raises(DataError, match=f"at byte {len(whole)}, stand other bytes: 67 61 72"):
        list(read_chunks(written(tmp_path, whole + b"garbage", f"a{ending}")))


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_flipped_bit_is_found_or_changes_nothing(tmp_path, ending):
    compress = COMPRESS[ending]
    data = b"some text\n" * 20
    whole = (
        zstandard.ZstdCompressor(write_checksum=True).compress(data) if ending == ".zst" else compress(data)
    )
    for place in range(len(whole)):
        damaged = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        try:
            assert b"".join(read_chunks(written(tmp_path, damaged, f"a{ending}"))) == data
        except DataError as error:
            assert str(error).startswith(str(tmp_path))


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_decompression_bomb_is_stopped(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(byte_streams, "FREE_BYTES", 1 << 20)
    path = written(tmp_path, COMPRESS[ending](bytes(20 << 20)), f"a.txt{ending}")
    with pytest.raises(DataError, match="a bomb: its first .* data decompress to .* at most 1,000 to 1"):
        for chunk in read_chunks(path):
            assert len(chunk) <= 64 << 20


def test_a_zstandard_file_without_the_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(UsageError, match=r"need the package zstandard; run: pip install 'twinlm\[data\]'"):
        list(read_chunks(written(tmp_path, b"a", "a.txt.zst")))


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt: no such file"):
        texts(tmp_path / "none.txt")
    with pytest.raises(DataError, match="no such file"):
        texts(written(tmp_path, b"") / "below-a-file.txt")


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(DataError, match="a named pipe, not a regular file; copy what it gives"):
        texts(tmp_path / "pipe.txt")
    with pytest.raises(DataError, match="a folder, not a regular file"):
        texts(tmp_path)
    with pytest.raises(DataError, match="a character device, not a regular file"):
        texts(Path("/dev/null"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "s.txt"))
        with pytest.raises(DataError, match="a socket, not a regular file"):
            texts(tmp_path / "s.txt")


def test_a_loop_of_links_and_an_impossible_path_say_so(tmp_path):
    (tmp_path / "a.txt").symlink_to("b.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")
    with pytest.raises(DataError, match="symbolic links of this path form a loop"):
        texts(tmp_path / "a.txt")
    with pytest.raises(DataError, match="the path is too long"):
        texts(tmp_path / ("a" * 300 + ".txt"))
    with pytest.raises(DataError, match="can't hold a NUL character"):
        texts(tmp_path / "a\0.txt")


def test_a_file_that_may_not_be_read_is_a_resource_error(tmp_path, monkeypatch):
    path = written(tmp_path, b"a")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ResourceError, match=r"a\.txt: no permission to read this file; .*chmod"):
        texts(path)


def test_a_disk_that_fails_is_a_resource_error(tmp_path, monkeypatch):
    path = written(tmp_path, b"a")

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(ResourceError, match="can't read the file: Input/output error; check the disk"):
        texts(path)


def test_a_file_that_changes_or_goes_while_it_is_read_is_refused(tmp_path):
    path = written(tmp_path, b"one\ntwo\n")
    lines = read_lines(path, Decoding(), counts=Counter())
    next(lines)
    path.write_bytes(b"one\ntwo\nthree\n")
    with pytest.raises(DataError, match=r"changed while it was read \(8 bytes before, 14 bytes after\)"):
        list(lines)
    lines = read_lines(path, Decoding(), counts=Counter())
    next(lines)
    path.unlink()
    with pytest.raises(DataError, match="disappeared while it was read"):
        list(lines)


def test_odd_file_names_work_and_are_shown_on_one_line(tmp_path):
    for name in (b"with space.txt", b"line\nbreak.txt", b"bytes\xff.txt"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.write_bytes(b"a")
        assert texts(path) == ["a"]
        assert shown(path).isprintable()
    assert shown("a\nb").endswith("a\\nb")
    assert shown(os.fsdecode(b"a\xff")).endswith("a\\xff")


def test_endings_are_found_whatever_their_case():
    assert endings(Path("a.b.JSONL.GZ")) == (".jsonl", ".gz")
    assert endings(Path("a.txt")) == (".txt", "")
    assert endings(Path("a.gz")) == ("", ".gz")
    assert endings(Path("a")) == ("", "")
