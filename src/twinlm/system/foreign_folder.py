"""Opening the files of a stranger's folder: regular files that lie inside it, and nothing else."""

import os
import stat
from itertools import islice
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError
from twinlm.system import strict_json

LARGEST_JSON_BYTES = 16 * 2**20
_MOST_FILES = 10_000


class Folder:
    """A folder that was not made here.

    Args:
        path: its place. Links may lead to files inside it; those of the Hub's cache, snapshots/NAME, also to
            the folder `blobs` beside `snapshots`.

    Raises:
        ModelError: there is no such folder, or it holds a link that leads out of it.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise ModelError("there is no such folder", file=path)
        self.path = path
        real = Path(os.path.realpath(path))
        is_cache = real.parent.name == "snapshots"
        self._allowed = [real, *([real.parents[1] / "blobs"] if is_cache else [])]
        self.names = sorted(entry.name for entry in islice(path.iterdir(), _MOST_FILES))
        for name in self.names:
            self._real(name)

    def open(self, name: str) -> int:
        """Return the descriptor of a file, open for reading.

        Raises:
            ModelError: there is no such file, it is no regular one, or it lies elsewhere.
        """
        place = self.path / name
        try:
            # O_NONBLOCK: opening a pipe would wait for a writer.
            descriptor = os.open(self._real(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise ModelError("the file is missing", file=place) from error
        except (OSError, ValueError) as error:
            raise ModelError(f"can't read the file: {error}", file=place) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ModelError("this is no regular file", file=place)
        return descriptor

    def read(self, name: str, most_bytes: int = LARGEST_JSON_BYTES) -> bytes:
        """Return a file's contents.

        Raises:
            ModelError: it can't be read or is larger than `most_bytes`.
        """
        descriptor = self.open(name)
        try:
            size_bytes = os.fstat(descriptor).st_size
            if size_bytes > most_bytes:
                message = f"the file has {size_bytes:,} bytes, more than {most_bytes:,}"
                raise ModelError(message, file=self.path / name)
            return read_at(descriptor, 0, size_bytes)
        finally:
            os.close(descriptor)

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object that a JSON file holds.

        Raises:
            ModelError: it can't be read, is no JSON, or holds no object.
        """
        return parse_object(self.read(name), self.path / name)

    def _real(self, name: str) -> str:
        place = self.path / name
        real = os.path.realpath(place)
        if not any(Path(real).is_relative_to(place) for place in self._allowed):
            raise ModelError("this link leads out of the folder", file=place)
        return real


def read_at(descriptor: int, begin: int, size: int) -> bytes:
    """Return bytes of an open file; fewer if it ends before."""
    pieces = []
    while size > 0 and (piece := os.pread(descriptor, min(size, 2**30), begin)):
        pieces.append(piece)
        begin, size = begin + len(piece), size - len(piece)
    return b"".join(pieces)


def parse_object(text: bytes, place: Path) -> dict[str, Any]:
    """Return the object of a JSON text, read as `parse_json` does.

    Raises:
        ModelError: it is something else.
    """
    value = parse_json(text, place)
    if not isinstance(value, dict):
        raise ModelError("this JSON holds no object", file=place)
    return value


def parse_json(text: bytes, place: Path) -> Any:
    """Return the value of a JSON text, read strictly (`system/strict_json.py`).

    Raises:
        ModelError: it is something else.
    """
    try:
        return strict_json.loads(text)
    except ValueError as error:
        raise ModelError(f"this is not JSON: {error}", file=place) from error
