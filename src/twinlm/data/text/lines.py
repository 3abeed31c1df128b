"""Text files as streams of lines: strictly decoded, with line number and byte offset, in bounded memory.

CRLF and CR end a line like LF; a byte order mark is removed at the file's start only. Read next:
data/text/corpus.py (documents) and data/labels/labelled.py (examples).
"""

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from twinlm.data.text.encodings import check_head, describe_undecodable
from twinlm.data.text.streams import COMPRESSIONS, read_chunks, shown
from twinlm.errors import DataError, UsageError

LONGEST_LINE_BYTES = 1 << 20  # size above which a line is yielded in parts

OnBadBytes = Literal["strict", "replace", "skip"]


class Line(NamedTuple):
    """One line, or one part of a line that is too long to be held whole."""

    text: str
    number: int
    offset: int  # of its first byte in the decompressed file, or in its text as UTF-8 for other encodings
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Decoding:
    """How bytes become text; a `UsageError` for an unknown encoding."""

    encoding: str = "utf-8"
    """Name of a Python text encoding, such as "utf-8", "cp1252" or "utf-16"."""
    errors: OnBadBytes = "strict"
    """Treatment of bytes that can't be decoded: an error, U+FFFD in their place, or the line left out."""
    section: str = ""
    """Settings section of both, for messages; empty if a user can't set them."""

    def __post_init__(self) -> None:
        prefix = f"{self.section}." if self.section else ""
        try:
            "a".encode(self.encoding)
            codecs.getincrementaldecoder(self.encoding)
        except (LookupError, ValueError):
            message = f"{prefix}encoding = {self.encoding!r} is no text encoding that Python knows"
            raise UsageError(message, hint='use for example "utf-8", "cp1252" or "utf-16"') from None
        if self.errors not in get_args(OnBadBytes):
            message = f"{prefix}errors = {self.errors!r} is not allowed"
            raise UsageError(message, hint='use "strict", "replace" or "skip"')

    @property
    def is_utf8(self) -> bool:
        """Whether the raw bytes can be split into lines."""
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")


def endings(path: Path) -> tuple[str, str]:
    """Return a file's format and compression by its endings, lower-cased: (".jsonl", ".gz")."""
    compression = path.suffix.lower()
    if compression not in COMPRESSIONS:
        return compression, ""
    return Path(path.stem).suffix.lower(), compression


def read_lines(
    path: Path, decoding: Decoding, *, counts: Counter[str], longest_bytes: int = LONGEST_LINE_BYTES
) -> Iterator[Line]:
    """Yield the lines of a text file without their ends.

    Counts NUL characters and lines with bad bytes, which are a `DataError` if `decoding.errors` is "strict".
    """
    chunks = read_chunks(path)
    first = next(chunks, b"")
    chunks = chain([first], chunks)
    if decoding.is_utf8:
        check_head(first, file=shown(path), section=decoding.section)
    else:
        chunks = _as_utf8(chunks, path, decoding)
    for raw, number, offset, is_part in _raw_lines(chunks, longest_bytes):
        if offset == 0 and raw.startswith(codecs.BOM_UTF8):
            raw, offset = raw[len(codecs.BOM_UTF8) :], len(codecs.BOM_UTF8)  # noqa: PLW2901
        try:
            text, is_bad = raw.decode(), False
        except UnicodeDecodeError as error:
            if decoding.errors == "strict":
                raise _undecodable(path, decoding, number, offset + error.start, error) from None
            text, is_bad = raw.decode(errors="replace"), True
        if decoding.errors != "strict" and (is_bad or (not decoding.is_utf8 and "\ufffd" in text)):
            counts[_COUNTED[decoding.errors]] += 1
            if decoding.errors == "skip":
                continue
        if "\0" in text:  # so that a file without one has no such count
            counts["NUL characters"] += text.count("\0")
        yield Line(text, number, offset, is_part)


_COUNTED = {"replace": "lines with bad bytes replaced", "skip": "lines with bad bytes left out"}


def _raw_lines(chunks: Iterable[bytes], longest_bytes: int) -> Iterator[tuple[bytes, int, int, bool]]:
    """Yield each line without its end, its number, its offset, and whether it is a part of a long line."""
    number, offset, pending, pending_bytes, is_part = 1, 0, [], 0, False
    for chunk in _whole_line_ends(chunks):
        for raw in chunk.splitlines(keepends=True):
            pending.append(raw)
            pending_bytes += len(raw)
            is_whole = raw.endswith((b"\n", b"\r"))
            if not is_whole and pending_bytes <= longest_bytes:
                continue
            line = b"".join(pending)
            while len(line) > longest_bytes + 2:  # 2: the line's end does not count
                end = _cut_offset(line, longest_bytes)
                yield line[:end], number, offset, True
                line, offset, is_part = line[end:], offset + end, True
            pending, pending_bytes = [line], len(line)
            if is_whole:
                yield line.rstrip(b"\r\n"), number, offset, is_part
                number, offset, pending, pending_bytes, is_part = number + 1, offset + len(line), [], 0, False
    if pending_bytes:
        yield b"".join(pending), number, offset, is_part


def _whole_line_ends(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in chunks that do not split a CRLF."""
    held = b""
    for chunk in chunks:
        data = held + chunk
        held = b"\r" if data.endswith(b"\r") else b""
        yield data[: len(data) - len(held)]
    yield held


def _cut_offset(line: bytes, most_bytes: int) -> int:
    """Return where to cut a long line: after the last space, or before a whole character."""
    end = line.rfind(b" ", 0, most_bytes) + 1
    if not end:
        end = most_bytes
        while end > most_bytes - 3 and line[end] & 0xC0 == 0x80:  # within a UTF-8 character
            end -= 1
    return end


def _as_utf8(chunks: Iterable[bytes], path: Path, decoding: Decoding) -> Iterator[bytes]:
    is_strict = decoding.errors == "strict"
    decoder = codecs.getincrementaldecoder(decoding.encoding)("strict" if is_strict else "replace")
    read_bytes, number = 0, 1
    for chunk, is_last in chain(((chunk, False) for chunk in chunks), [(b"", True)]):
        state = decoder.getstate()
        try:
            text = decoder.decode(chunk, is_last)
        except UnicodeDecodeError as error:
            # The offset within this chunk; negative if the character began in the chunk before.
            start = len(chunk) - (len(error.object) - error.start)
            # Decode up to the bad bytes once more, only to count lines.
            decoder.setstate(state)
            number += decoder.decode(chunk[: max(start, 0)]).count("\n")
            raise _undecodable(path, decoding, number, read_bytes + start, error) from None
        read_bytes += len(chunk)
        number += text.count("\n")
        yield text.encode("utf-8", "replace")


def _undecodable(
    path: Path, decoding: Decoding, number: int, offset: int, error: UnicodeDecodeError
) -> DataError:
    message, hint = describe_undecodable(
        error.object, error.start, encoding=decoding.encoding, section=decoding.section
    )
    return DataError(f"byte offset {offset:,}: {message}", file=shown(path), line=number, hint=hint)
