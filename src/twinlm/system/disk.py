"""The operations that change the disk, one by one. Only `system/storage.py` uses them; read it next."""

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from twinlm.errors import ResourceError


class Operations:
    """Calls of the operating system that change the disk. An open file is a descriptor."""

    def make_folder(self, path: Path) -> None:
        """Make a folder in an existing one."""
        path.mkdir()

    def create(self, path: Path) -> int:
        """Open an empty file for writing; an existing one is emptied."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)

    def open_log(self, path: Path) -> int:
        """Open a file for appending."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def open_lock(self, path: Path) -> int:
        """Open a file to lock it, and to read and write its holder."""
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def write(self, file: int, data: bytes) -> None:
        """Write all of the data."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]

    def truncate(self, file: int, size: int) -> None:
        """Cut a file to `size` bytes."""
        os.ftruncate(file, size)

    def sync(self, file: int) -> None:
        """Wait until the written data has reached the disk."""
        os.fsync(file)

    def sync_folder(self, path: Path) -> None:
        """Wait until the names in a folder have reached the disk."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, path: Path, target: Path) -> None:
        """Rename a file or folder; an existing file of that name is replaced."""
        path.replace(target)

    def remove_file(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        path.rmdir()


# Tests put an object here that fails, dies or records calls (`tests/faults`), to try every fault at every
# operation.
operations = Operations()


def make_folders(path: Path) -> None:
    """Make a folder and its parents, durably; existing ones are kept."""
    for folder in reversed([path, *path.parents]):
        if folder.is_dir():
            continue
        try:
            operations.make_folder(folder)
        except FileExistsError:
            if not folder.is_dir():  # otherwise another process was faster
                raise
        operations.sync_folder(folder.parent)


def write_and_sync(path: Path, data: bytes | Iterable[bytes]) -> tuple[int, str]:
    """Write and sync a new file, in one piece or several; return its size in bytes and its SHA-256."""
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


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a private folder that is removed afterwards, for packages that write to paths only."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def remove_tree(path: Path) -> None:
    """Remove a file, or a folder with its contents; do nothing if there is none."""
    if path.is_dir() and not path.is_symlink():
        for inner in sorted(path.iterdir()):
            remove_tree(inner)
        operations.remove_folder(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            operations.remove_file(path)


@contextlib.contextmanager
def as_resource_error(path: Path, but: type[OSError] | tuple[()] = ()) -> Iterator[None]:
    """Turn an error of the operating system into one that says what to do; errors of type `but` pass."""
    writable = "choose a directory that you may write to"
    hints = {
        errno.ENOSPC: "free some space and run the same command again",
        errno.EDQUOT: "free some of your quota and run the same command again",
        errno.EACCES: writable,
        errno.EROFS: writable,
    }
    try:
        yield
    except but:
        raise
    except OSError as error:
        hint = hints.get(error.errno or 0, "check the disk and run the same command again")
        message = f"can't write: {error.strerror or error}"
        raise ResourceError(message, file=path, hint=hint) from error
