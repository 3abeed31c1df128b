"""Every write of the package: nothing else changes the disk, so that each write is made safe once, here.

Files and folders are written under a temporary name, synced, then renamed. After a crash the old state or the
new one is there, never a mixture. What can't be written is a `ResourceError`, what can't be read, a
`ModelError`. Below: `system/disk.py`.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from twinlm.errors import LockedError, ModelError, UsageError
from twinlm.system import disk, strict_json

MANIFEST = "manifest.json"
_TEMPORARY = ".tmp-"
_DOOMED = ".del-"
_LONGEST_NAME_BYTES = 255


def write_file(path: Path, data: bytes) -> None:
    """Replace a file's contents, atomically and durably."""
    with disk.as_resource_error(path):
        disk.make_folders(path.parent)
        temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
        try:
            disk.write_and_sync(temporary, data)
            disk.operations.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                disk.remove_tree(temporary)
            raise
        disk.operations.sync_folder(path.parent)


def require_writable(path: Path) -> None:
    """Raise a ResourceError, before the work is done, if no file can be written at a path."""
    with disk.as_resource_error(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        disk.make_folders(path.parent)
        temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
        disk.write_and_sync(temporary, b"")
        disk.remove_tree(temporary)


def write_json(path: Path, value: object) -> None:
    """Replace a file by the JSON text of `value`."""
    write_file(path, json_bytes(value))


def json_bytes(value: object) -> bytes:
    """Return the JSON text of `value` as the package writes it: UTF-8, indented, keys in their order."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def json_lines(rows: Iterable[object]) -> bytes:
    """Return rows as JSON, one a line, in UTF-8."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def read_json(path: Path) -> Any:
    """Return the value in a JSON file of ours."""
    try:
        with _as_model_error(path):
            return strict_json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelError(f"this is not JSON: {error}", file=path) from error


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a private folder that is removed afterwards, for packages that write to paths only."""
    with disk.as_resource_error(Path(tempfile.gettempdir())), disk.scratch_folder() as folder:
        yield folder


def publish_folder(
    folder: Path, files: Mapping[str, bytes | Iterable[bytes]], *, has_manifest: bool = True
) -> None:
    """Write or replace a folder of files with a manifest of their sizes and hashes, completely or not at all.

    Names of `files` may contain folders; contents come in one piece or several.
    """
    with disk.as_resource_error(folder):
        disk.make_folders(folder.parent)
        temporary = folder.with_name(f"{_TEMPORARY}{os.getpid()}-{folder.name}")
        try:
            _write_folder(temporary, files, has_manifest=has_manifest)
            doomed = _move_away(folder, _DOOMED)
            try:
                disk.operations.rename(temporary, folder)
            except BaseException:
                if doomed is not None:
                    with contextlib.suppress(OSError):  # if this fails too, `clean` does it
                        disk.operations.rename(doomed, folder)
                raise
        except BaseException:
            with contextlib.suppress(OSError):
                disk.remove_tree(temporary)
            raise
        disk.operations.sync_folder(folder.parent)
        if doomed is not None:
            disk.remove_tree(doomed)


def require_free(folder: Path) -> None:
    """Raise a UsageError if a path is not free for a new folder; an empty folder is."""
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        message = "something exists at this path already, and is never replaced"
        raise UsageError(message, file=folder, hint="choose another --out")


def verify_folder(folder: Path) -> None:
    """Raise a ModelError if a file of a published folder is not what its manifest says."""
    for name, (size, digest) in _read_manifest(folder).items():
        path = folder / name
        if not path.is_file():
            raise ModelError("the file is missing", file=path)
        if path.stat().st_size != size:
            message = f"the file has {path.stat().st_size} bytes, but {size} were written"
            raise ModelError(message, file=path)
        if file_sha256(path) != digest:
            raise ModelError("the file's SHA-256 is not what was written: it is damaged", file=path)


def is_published(folder: Path) -> bool:
    """Tell whether a folder was published with a manifest."""
    return (folder / MANIFEST).is_file()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with _as_model_error(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def append_line(path: Path, line: str) -> None:
    """Add one line to a log, completely or not at all, without syncing it: checkpoints do that."""
    with disk.as_resource_error(path):
        disk.make_folders(path.parent)
        file = disk.operations.open_log(path)
        size = os.fstat(file).st_size
        try:
            disk.operations.write(file, line.encode() + b"\n")
        except OSError:
            with contextlib.suppress(OSError):
                disk.operations.truncate(file, size)
            raise
        finally:
            os.close(file)


def sync_log(path: Path) -> None:
    """Wait until the lines of a log have reached the disk; raise a ResourceError if they can't."""
    with disk.as_resource_error(path):
        file = disk.operations.open_log(path)
        try:
            disk.operations.sync(file)
        finally:
            os.close(file)


def remove(path: Path) -> None:
    """Remove a file or folder. A folder is renamed first, so that no crash leaves half of it."""
    with disk.as_resource_error(path):
        if not path.is_dir():
            disk.remove_tree(path)
        elif (doomed := _move_away(path, _TEMPORARY)) is not None:
            disk.operations.sync_folder(path.parent)
            disk.remove_tree(doomed)


def clean(folder: Path) -> None:
    """Remove what interrupted writes left behind; put back a folder whose successor never came."""
    with disk.as_resource_error(folder):
        for path in sorted(folder.rglob(".*")):
            parts = re.fullmatch(rf"({re.escape(_TEMPORARY)}|{re.escape(_DOOMED)})\d+-(.+)", path.name)
            if not parts or not os.path.lexists(path):  # it may have gone with its folder
                continue
            original = path.with_name(parts[2])
            if parts[1] == _DOOMED and not original.exists():
                disk.operations.rename(path, original)
            else:
                disk.operations.sync_folder(path.parent)  # a power cut must not bring its old name back
                disk.remove_tree(path)


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a run directory for this process alone, or raise a LockedError; the lock dies with the process."""
    with disk.as_resource_error(folder):
        disk.make_folders(folder)
        file = disk.operations.open_lock(folder / "run.lock")
    try:
        try:
            with disk.as_resource_error(folder, but=BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(file, 200, 0).decode(errors="replace").strip() or "another process"
            message = f"the run directory is in use by {holder}"
            raise LockedError(message, file=folder, hint="wait for it, or choose another --out") from error
        with disk.as_resource_error(folder):
            disk.operations.truncate(file, 0)
            disk.operations.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())
        clean(folder)
        yield
    finally:
        os.close(file)


def _read_manifest(folder: Path) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 of each published file by name."""
    manifest = read_json(folder / MANIFEST)
    try:
        if manifest["format"] != 1:
            message = f"the manifest has format {manifest['format']}, this version reads format 1"
            raise ModelError(message, file=folder / MANIFEST, hint="update twinlm")
        if (folder / MANIFEST).read_bytes() != json_bytes(manifest):  # such as other white space
            raise ModelError("the manifest is not what was written: it is damaged", file=folder / MANIFEST)
        if any(len(name.encode()) > _LONGEST_NAME_BYTES for name in manifest["files"]):
            raise ValueError("no file has such a name")
        return {name: (facts["size"], facts["sha256"]) for name, facts in manifest["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelError("this is not a manifest of twinlm's", file=folder / MANIFEST) from error


@contextlib.contextmanager
def _as_model_error(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ModelError("the file is missing", file=path) from error
    except OSError as error:
        raise ModelError(f"can't read the file: {error.strerror}", file=path) from error


def _write_folder(folder: Path, files: Mapping[str, bytes | Iterable[bytes]], *, has_manifest: bool) -> None:
    """Write a new folder, synced, the manifest last."""
    disk.remove_tree(folder)
    disk.operations.make_folder(folder)
    manifest = {}
    for name, data in files.items():
        disk.make_folders((folder / name).parent)
        size, digest = disk.write_and_sync(folder / name, data)
        manifest[name] = {"size": size, "sha256": digest}
    if has_manifest:
        disk.write_and_sync(folder / MANIFEST, json_bytes({"format": 1, "files": manifest}))
    for parent in sorted({(folder / name).parent for name in files} | {folder}):
        disk.operations.sync_folder(parent)


def _move_away(folder: Path, prefix: str) -> Path | None:
    """Rename a folder to a name that `clean` knows; return its path, or None if there was no folder."""
    doomed = folder.with_name(f"{prefix}{os.getpid()}-{folder.name}")
    disk.remove_tree(doomed)
    try:
        disk.operations.rename(folder, doomed)
    except FileNotFoundError:
        return None
    return doomed
