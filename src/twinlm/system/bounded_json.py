"""Reading small files of a folder that a stranger may have made: how large, what it is, and where it lies."""

import json
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError

LARGEST_FILE_BYTES = 64 * 2**20


def read_object(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises:
        ModelError: the file is missing, too large, no JSON, or holds anything but an object.
    """
    data = _read_bytes(path)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"this is not JSON: {error}", file=path) from error
    if not isinstance(value, dict):
        raise ModelError(f"this holds a {type(value).__name__}, not an object", file=path)
    return value


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file without their ends.

    Only a line feed, with a carriage return before it or not, ends a line: tokens may hold all other spaces.

    Raises:
        ModelError: the file is missing, too large or not UTF-8.
    """
    data = _read_bytes(path)
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ModelError(f"this is not UTF-8: {error}", file=path) from error
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def check_inside(folder: Path, names: list[str]) -> None:
    """Refuse files of a folder that are links to somewhere else.

    The snapshots that Hugging Face's own download keeps link to the `blobs` folder two levels up: those may.

    Raises:
        ModelError: a link leads out of the folder, or round in a circle.
    """
    allowed = [folder.resolve()]
    if allowed[0].parent.name == "snapshots":
        allowed.append(allowed[0].parent.parent / "blobs")
    for path in (folder / name for name in names):
        try:
            target = path.resolve(strict=path.is_symlink())
        except (OSError, RuntimeError) as error:
            raise ModelError("this link leads nowhere", file=path) from error
        if not any(target.is_relative_to(place) for place in allowed):
            raise ModelError(
                "this is a link out of its folder", file=path, hint="copy the file itself into the folder"
            )


def _read_bytes(path: Path) -> bytes:
    if not path.is_file():
        raise ModelError("there is no tokenizer here", file=path)
    try:
        size_bytes = path.stat().st_size
        if size_bytes > LARGEST_FILE_BYTES:
            message = f"a tokenizer of {size_bytes:,} bytes is larger than {LARGEST_FILE_BYTES:,}"
            raise ModelError(message, file=path)
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"can't read the tokenizer: {error.strerror}", file=path) from error
