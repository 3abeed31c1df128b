"""The one reader of folders that others made: regular files of bounded size, no links out, strict JSON.

Anything else is a `ModelError` that names the file.
"""

import os
import stat
from itertools import islice
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError
from twinlm.system import strict_json

LARGEST_JSON_BYTES = 16 * 2**20
_MOST_FILES = 20_000


class Folder:
    """An untrusted folder.

    Links may lead to files inside it and, from snapshots/NAME of the Hub's cache, to `blobs` beside
    `snapshots`.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise ModelError("there is no such folder", file=path)
        self.path = path
        real = Path(os.path.realpath(path))
        is_cache = real.parent.name == "snapshots"
        self._allowed = [real, *([real.parents[1] / "blobs"] if is_cache else [])]
        self.names = sorted(entry.name for entry in islice(path.iterdir(), _MOST_FILES + 1))
        if len(self.names) > _MOST_FILES:
            raise ModelError(f"the folder has more than {_MOST_FILES:,} files", file=path)
        for name in self.names:
            self._real(name)

    def open(self, name: str) -> int:
        """Return a descriptor of a file, open for reading."""
        return _open(self._real(name), self.path / name)

    def read(self, name: str, most_bytes: int = LARGEST_JSON_BYTES) -> bytes:
        """Return a file's contents."""
        return _read(self._real(name), self.path / name, most_bytes)

    def read_json(self, name: str, most_bytes: int = LARGEST_JSON_BYTES) -> dict[str, Any]:
        """Return the object in a JSON file."""
        return parse_object(self.read(name, most_bytes), self.path / name)

    def read_lines(self, name: str, most_bytes: int = LARGEST_JSON_BYTES) -> list[str]:
        """Return the lines of a UTF-8 file without their ends."""
        try:
            text = self.read(name, most_bytes).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ModelError(f"this is not UTF-8: {error}", file=self.path / name) from error
        # Only a line feed ends a line: tokens may contain the other line ends of `splitlines`.
        return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []

    def _real(self, name: str) -> str:
        path = self.path / name
        try:
            real = os.path.realpath(path)
        except ValueError as error:  # the name has a null byte
            raise ModelError(f"can't read the file: {error}", file=path) from error
        if not any(Path(real).is_relative_to(folder) for folder in self._allowed):
            hint = "copy the file itself into the folder"
            raise ModelError("this link leads out of the folder", file=path, hint=hint)
        return real


def read_json(path: Path, most_bytes: int = LARGEST_JSON_BYTES) -> dict[str, Any]:
    """Return the object in a JSON file, which may also be a link to another folder."""
    return parse_object(_read(os.path.realpath(path), path, most_bytes), path)


def read_at(descriptor: int, begin: int, size: int) -> bytes:
    """Return bytes of an open file; fewer if it ends before."""
    pieces = []
    while size > 0 and (piece := os.pread(descriptor, min(size, 2**30), begin)):
        pieces.append(piece)
        begin, size = begin + len(piece), size - len(piece)
    return b"".join(pieces)


def parse_object(text: bytes, path: Path) -> dict[str, Any]:
    """Return the object of a JSON text; `path` is its file, for messages."""
    value = parse_json(text, path)
    if not isinstance(value, dict):
        raise ModelError(f"expected a JSON object, found a {type(value).__name__}", file=path)
    return value


def parse_rows(text: bytes, path: Path) -> list[dict[str, Any]]:
    """Return the objects of JSON lines; `path` is their file, for messages."""
    # splitlines would also cut at characters such as U+2028, which JSON texts may contain.
    return [parse_object(line, path) for line in text.split(b"\n") if line]


def parse_json(text: bytes, path: Path) -> Any:
    """Return the value of a JSON text; `path` is its file, for messages."""
    try:
        return strict_json.loads(text)
    except ValueError as error:
        raise ModelError(f"this is not JSON: {error}", file=path) from error


def _read(real: str, path: Path, most_bytes: int) -> bytes:
    descriptor = _open(real, path)
    try:
        size_bytes = os.fstat(descriptor).st_size
        if size_bytes > most_bytes:
            message = f"the file has {size_bytes:,} bytes, more than the {most_bytes:,} allowed"
            raise ModelError(message, file=path)
        return read_at(descriptor, 0, size_bytes)
    finally:
        os.close(descriptor)


def _open(real: str, path: Path) -> int:
    try:
        # Without O_NONBLOCK, opening a pipe would wait for a writer. O_NOFOLLOW: a link put here after the
        # check is not followed.
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ModelError("the file is missing", file=path) from error
    except OSError as error:
        raise ModelError(f"can't read the file: {error.strerror}", file=path) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ModelError("this is not a regular file", file=path)
    return descriptor
