"""Files as bytes: compressed ones, damaged ones, bombs, and what is no regular file."""

import bz2
import gzip
import lzma
import os
import socket
from collections import Counter
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.text import streams
from twinlm.data.text.lines import Decoding, Line, read_lines
from twinlm.data.text.streams import read_chunks, shown
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
        patch.setattr(streams, "_READ_BYTES", size)
        patch.setattr(streams, "CHUNK_BYTES", 3 * size)
        assert b"".join(read_chunks(path)) == data


@pytest.mark.parametrize("ending", COMPRESS)
def test_every_cut_and_every_garbage_after_the_end_is_found(tmp_path, ending):
    whole = COMPRESS[ending](b"some text\n" * 20)
    for size in range(1, len(whole)):
        with pytest.raises(DataError, match=r"cut off|damaged|this is not"):
            list(read_chunks(written(tmp_path, whole[:size], f"a{ending}")))
    with pytest.raises(DataError, match=f"at byte {len(whole)}: 67 61 72"):
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
    monkeypatch.setattr(streams, "FREE_BYTES", 1 << 20)
    path = written(tmp_path, COMPRESS[ending](bytes(20 << 20)), f"a.txt{ending}")
    with pytest.raises(
        DataError, match=r"a decompression bomb: its first .* decompress to .* at most 1,000 to 1"
    ):
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
    with pytest.raises(DataError, match="can't contain a NUL character"):
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
