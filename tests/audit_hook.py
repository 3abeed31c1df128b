"""What reading a stranger's folder must never do, refused by an audit hook; none is ever taken off again."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FORBIDDEN = (
    *("pickle.find_class", "exec", "compile", "subprocess.Popen", "os.system", "os.exec", "os.fork"),
    *("os.posix_spawn", "socket.", "ctypes.dlopen", "os.remove", "os.rename", "os.mkdir", "shutil."),
)
"""Beginnings of events; beside them, opening anything outside of the folder."""
_added: list[bool] = []
_watched: list[Path] = []
_seen: list[str] = []


class ForbiddenError(BaseException):
    """Nothing but the test itself catches it."""


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched:
        return
    is_outside = event == "open" and not _is_inside(arguments[0])
    if is_outside or event.startswith(FORBIDDEN):
        _seen.append(f"{event} {arguments[:1]}"[:200])
        raise ForbiddenError(_seen[-1])


def _is_inside(place: Any) -> bool:
    """Tell whether what is opened lies in the folder; a descriptor was opened before."""
    return isinstance(place, int) or Path(os.fsdecode(place)).is_relative_to(_watched[-1])


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[None]:
    """Refuse all that is forbidden in this block, and fail if anything of it was tried, caught or not."""
    if not _added:
        _added.append(True)
        sys.addaudithook(_hook)
    _seen.clear()
    _watched.append(folder)
    try:
        yield
    finally:
        _watched.clear()
    if _seen:
        raise AssertionError(f"something caught: {_seen}")
