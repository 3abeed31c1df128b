"""Files as streams of bytes: plain or compressed, in bounded memory, checked to their very end.

Read next: data/text/lines.py, which makes lines of text of them.
"""

import bz2
import contextlib
import errno
import lzma
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Any

from twinlm.errors import DataError, ResourceError, UsageError

COMPRESSIONS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "Zstandard"}
_STANDARD_INPUT = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_MAGIC = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\0", "Zstandard": b"\x28\xb5\x2f\xfd"}

CHUNK_BYTES = 1 << 18
"""Size of the chunks that are yielded; a Zstandard bomb may give one larger chunk before it is noticed."""
MOST_EXPANSION = 1000  # most decompressed bytes for each compressed byte, beyond `FREE_BYTES`
FREE_BYTES = 64 << 20
_READ_BYTES = 1 << 16
_ZSTANDARD_STEP_BYTES = 1 << 10  # 4 bytes can give 128 KiB, and the decoder has no limit of its own
_XZ_MEMORY_BYTES = 512 << 20
_DATA_EXTRA = "run: pip install 'twinlm[data]'"
_NOT_REGULAR = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFSOCK: "a socket",
}
_LONGEST_PATH = 4096  # Linux's PATH_MAX
_WRONG_PATHS = {
    errno.ENOENT: ("no such file", "check the path"),
    errno.ENOTDIR: ("no such file", "check the path"),
    errno.ENAMETOOLONG: ("the path is too long", "check the path"),
    errno.ELOOP: ("the symbolic links of this path form a loop", "name the file that they should lead to"),
}
_LEAVE_ALONE = "run the same command again when nothing writes to it"


def shown(path: str | Path) -> str:
    """Return a path as one printable line; control characters and bytes that are not UTF-8 are escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def regular_file_stat(path: Path) -> os.stat_result:
    """Return the status of a regular file; a `DataError` or `ResourceError` if it is none or unreadable."""
    if str(path) in _STANDARD_INPUT:
        hint = "save it as a file whose ending says what it holds, such as texts.csv"
        raise DataError("expected a file, not standard input", file=shown(path), hint=hint)
    with reading_errors(path):
        status = path.stat()
    file_type = stat.S_IFMT(status.st_mode)
    if file_type != stat.S_IFREG:
        is_pipe = file_type == stat.S_IFIFO
        hint = "copy what it gives into a regular file first" if is_pipe else "name a regular file"
        message = f"this is {_NOT_REGULAR.get(file_type, 'a special file')}, not a regular file"
        raise DataError(message, file=shown(path), hint=hint)
    return status


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file for reading; at the end, check that size, time and identity did not change."""
    before = regular_file_stat(path)
    with reading_errors(path):
        file = path.open("rb")
    with file:
        yield file
    try:
        after = path.stat()
    except OSError:
        message = f"the file disappeared while it was read (it had {before.st_size:,} bytes)"
        raise DataError(message, file=shown(path), hint=_LEAVE_ALONE) from None
    if _identity(before) != _identity(after):
        sizes = f"{before.st_size:,} bytes before, {after.st_size:,} bytes after"
        raise DataError(f"the file changed while it was read ({sizes})", file=shown(path), hint=_LEAVE_ALONE)


def read_chunks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed by its ending, in chunks of bounded size."""
    compression = path.suffix.lower()
    with opened(path) as file, reading_errors(path):
        if compression in COMPRESSIONS:
            yield from _decompressed(file, path, compression)
        else:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


@contextlib.contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's errors on reading `path` into messages that say what to do."""
    file = shown(path)
    try:
        yield
    except PermissionError as error:
        hint = "give yourself the right to read it (chmod u+r)"
        raise ResourceError("no permission to read this file", file=file, hint=hint) from error
    except OSError as error:
        if error.errno in _WRONG_PATHS:
            message, hint = _WRONG_PATHS[error.errno]
            raise DataError(message, file=file[:_LONGEST_PATH], hint=hint) from None
        message = f"can't read the file: {error.strerror or error}"
        raise ResourceError(message, file=file, hint="check the disk") from error
    except ValueError as error:
        if "null byte" not in str(error):
            raise
        message = "a path can't contain a NUL character"
        raise DataError(message, file=file, hint="check the path") from None


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


# The libraries' file objects would lose text without an error: BZ2File and LZMAFile drop whatever follows a
# complete member if it is damaged, and zstandard takes a truncated frame for the end (2026-11). So we
# drive their decoders member by member.
def _decompressed(file: BufferedReader, path: Path, compression: str) -> Iterator[bytes]:
    name = COMPRESSIONS[compression]
    decoder: Any = None  # of one member, with the interface of bz2 and lzma
    members, read_bytes, written_bytes, member_bytes, data = 0, 0, 0, 0, b""
    while True:
        if not data and (decoder is None or decoder.needs_input):
            data = file.read(_READ_BYTES)
            read_bytes += len(data)
            if not data:
                break
        if decoder is None:
            data = data.lstrip(b"\0") if members else data  # padding between members is allowed
            if not data:
                continue
            decoder, member_bytes = _DECODERS[compression](), 0
        try:
            piece = decoder.decompress(data, CHUNK_BYTES)
        except Exception as error:  # each decoder has exceptions of its own
            is_at_end = bool(members and not member_bytes)
            raise _damaged(path, name, read_bytes - len(data), is_at_end, data, error) from None
        data = decoder.unused_data if decoder.eof else b""
        member_bytes += len(piece)
        written_bytes += len(piece)
        if decoder.eof:
            decoder, members = None, members + 1
        if written_bytes > max(FREE_BYTES, MOST_EXPANSION * read_bytes):
            sizes = f"its first {read_bytes:,} bytes of {name} data decompress to {written_bytes:,} bytes"
            message = f"a decompression bomb: {sizes}, and at most {MOST_EXPANSION:,} to 1 is read"
            raise DataError(message, file=shown(path), hint="if you trust it, decompress it yourself")
        if piece:
            yield piece
    if decoder is not None:
        where = f"it ends after {read_bytes:,} bytes, within a compressed member"
        message = f"the {name} data is cut off: {where}"
        raise DataError(message, file=shown(path), hint="copy or download the file again")


def _damaged(path: Path, name: str, offset: int, is_at_end: bool, data: bytes, error: Exception) -> DataError:
    hint = "copy or download the file again"
    is_member = data.startswith(_MAGIC[name])
    if offset == 0 and not is_member:
        message = f"this is not a {name} file: it begins with the bytes {data[:6].hex(' ')}"
        hint = "give it the ending of its real format"
    elif is_at_end and not is_member:
        message = f"other bytes follow the end of the {name} data, at byte {offset:,}: {data[:6].hex(' ')}"
        hint = "cut them off, or copy or download the file again"
    else:
        message = (
            f"the {name} data is damaged within its bytes {offset:,} to {offset + len(data):,} ({error})"
        )
    return DataError(message, file=shown(path), hint=hint)


class _GzipMember:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = not self._inner.unconsumed_tail and len(piece) < max_length
        return piece


class _ZstandardFrame:
    """One frame, fed in small steps so that a chunk stays small."""

    def __init__(self) -> None:
        try:
            import zstandard
        except ImportError:
            raise UsageError(".zst files need the package zstandard", hint=_DATA_EXTRA) from None
        self._inner: Any = zstandard.ZstdDecompressor().decompressobj()
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data) + self._waiting

    def decompress(self, data: bytes, max_length: int) -> bytes:
        data = self._waiting + data
        self._waiting = data[_ZSTANDARD_STEP_BYTES:]
        return bytes(self._inner.decompress(data[:_ZSTANDARD_STEP_BYTES]))


_DECODERS: dict[str, Callable[[], Any]] = {
    ".gz": _GzipMember,
    ".bz2": bz2.BZ2Decompressor,
    ".xz": partial(lzma.LZMADecompressor, memlimit=_XZ_MEMORY_BYTES),
    ".zst": _ZstandardFrame,
}
