"""Flips bits of what is published, byte by byte: for the tests and for `make torture`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError
from twinlm.system import storage


def count_found(folder: Path, every: int = 1) -> tuple[int, int]:
    """Flip a bit in each byte of a published folder; return how many flips were found, and how many made."""
    found = made = 0
    for _ in flipped(folder, every):
        made += 1
        found += is_refused(lambda: storage.verify_folder(folder))
    return found, made


def flipped(folder: Path, every: int = 1) -> Iterator[Path]:
    """Yield each file with one bit flipped, one byte after another; which bit goes by the byte's place."""
    storage.verify_folder(folder)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        for place in range(0, len(data), every):
            changed = bytearray(data)
            changed[place] ^= 1 << (place % 8)
            path.write_bytes(changed)
            yield path
        path.write_bytes(data)
    storage.verify_folder(folder)


def is_refused(read: Callable[[], Any]) -> bool:
    """Tell whether a reader finds the damage."""
    try:
        read()
    except ModelError as error:
        return error.exit_code == 4
    return False
