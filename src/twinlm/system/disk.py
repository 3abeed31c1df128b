"""The operations that change the disk, one by one; `system/storage.py` alone puts them together.

All go through `operations`. A test puts something in its place that fails, dies, or notes what was done
(`tests/faults`), so that every fault is tried at every operation. Next: `system/storage.py`.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from twinlm.errors import ResourceError


class Operations:
    """What the operating system does, each as one call. Files that are open have a number."""

    def make_folder(self, path: Path) -> None:
        """Make a folder in one that is there."""
        path.mkdir()

    def create(self, path: Path) -> int:
        """Open an empty file to write, in the place of one that may be there."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)

    def open_log(self, path: Path) -> int:
        """Open a file to write behind what it holds."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def open_lock(self, path: Path) -> int:
        """Open a file to lock it, and to read and write who did."""
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def write(self, file: int, data: bytes) -> None:
        """Write all of the data."""
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]

    def truncate(self, file: int, size: int) -> None:
        """Cut a file to so many bytes."""
        os.ftruncate(file, size)

    def sync(self, file: int) -> None:
        """Wait until what was written has reached the disk."""
        os.fsync(file)

    def sync_folder(self, path: Path) -> None:
        """Wait until the names in a folder have reached the disk."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, path: Path, target: Path) -> None:
        """Give a file or folder another name; a file of that name is replaced."""
        path.replace(target)

    def remove_file(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        path.rmdir()


operations = Operations()


def make_folders(path: Path) -> None:
    """Make a folder and those around it, so that they stay; what is there already may be."""
    for folder in reversed([path, *path.parents]):
        if folder.is_dir():
            continue
        try:
            operations.make_folder(folder)
        except FileExistsError:
            if not folder.is_dir():  # else another process was faster
                raise
        operations.sync_folder(folder.parent)


def write_and_sync(path: Path, data: bytes | Iterable[bytes]) -> tuple[int, str]:
    """Write a new file, whole or in pieces, sync it, and return its size in bytes and its SHA-256."""
    size, digest = 0, hashlib.sha256()
    file = operations.create(path)
    try:
        for piece in [data] if isinstance(data, bytes) else data:
            operations.write(file, piece)
            size += len(piece)
            digest.update(piece)
        operations.sync(file)
    finally:
        os.close(file)
    return size, digest.hexdigest()


def remove_tree(path: Path) -> None:
    """Remove a file, or a folder and all that is in it, or nothing if there is nothing."""
    if path.is_dir() and not path.is_symlink():
        for inner in sorted(path.iterdir()):
            remove_tree(inner)
        operations.remove_folder(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            operations.remove_file(path)


@contextlib.contextmanager
def as_resource_error(path: Path, but: type[OSError] | tuple[()] = ()) -> Iterator[None]:
    """Turn the operating system's refusal into a message that says what to do."""
    hints = {
        errno.ENOSPC: "free some space and run the same command again",
        errno.EDQUOT: "free some of your quota and run the same command again",
        errno.EACCES: "choose a directory that you may write to",
        errno.EROFS: "choose a directory that you may write to",
    }
    try:
        yield
    except but:
        raise
    except OSError as error:
        hint = hints.get(error.errno or 0, "check the disk and run the same command again")
        message = f"can't write: {error.strerror or error}"
        raise ResourceError(message, file=path, hint=hint) from error
