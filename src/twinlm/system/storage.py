"""Every write, sync, rename and removal of the package happens here, so that each can be made safe once.

Files and folders are published whole: written under a temporary name, synced, then renamed. After a crash
the old state or the new one is there, never a mixture. Nothing else in the package writes to disk.
What is removed first loses its name for good, so that no crash shows half of it. Below: `system/disk.py`.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from twinlm.errors import LockedError, ModelError, UsageError
from twinlm.system import disk, strict_json

MANIFEST = "manifest.json"
_TEMPORARY = ".tmp-"
_DOOMED = ".del-"
_LONGEST_NAME = 255
"""Bytes."""


def write_file(path: Path, data: bytes) -> None:
    """Replace a file by `data`, atomically and durably.

    Raises:
        ResourceError: the disk is full, or the place can't be written.
    """
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


def write_json(path: Path, value: object) -> None:
    """Replace a file by a JSON text, with keys in the order given."""
    write_file(path, json_bytes(value))


def json_bytes(value: object) -> bytes:
    """Return the JSON text of `value` as the package writes it: UTF-8, indented, ending in a newline."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> Any:
    """Return what a JSON file of ours holds.

    Raises:
        ModelError: the file can't be read or is not JSON.
    """
    try:
        return strict_json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError("the file is missing", file=path) from error
    except OSError as error:
        raise ModelError(f"can't read the file: {error.strerror}", file=path) from error
    except ValueError as error:
        raise ModelError(f"this is not JSON: {error}", file=path) from error


def publish_folder(
    folder: Path, files: Mapping[str, bytes | Iterable[bytes]], *, has_manifest: bool = True
) -> None:
    """Write a folder of files and a manifest of their sizes and hashes; show it only when it is whole.

    A folder that was there before is replaced.

    Args:
        folder: its place.
        files: names, which may have folders in them, and contents, whole or in pieces.
        has_manifest: leave the manifest out where other tools and people go on working with the files.

    Raises:
        ResourceError: the disk is full, or the place can't be written.
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
                    with contextlib.suppress(OSError):  # else `clean` does it
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
    """Check that nothing stands where a folder is to be published; an empty folder may.

    Raises:
        UsageError: something does.
    """
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        message = "there is something at this place already, which is never replaced"
        raise UsageError(message, file=folder, hint="choose another --out")


def verify_folder(folder: Path) -> None:
    """Check every file of a published folder against its manifest.

    Raises:
        ModelError: a file is missing, or its size or hash is not what was written.
    """
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
    """Tell whether a folder was published whole."""
    return (folder / MANIFEST).is_file()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        ModelError: there is no such file, or it can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ModelError("the file is missing", file=path) from error
    except OSError as error:
        raise ModelError(f"can't read the file: {error.strerror}", file=path) from error


def append_line(path: Path, line: str) -> None:
    """Add one line to a log, or nothing. Logs are not synced: a checkpoint is what makes a step durable.

    Raises:
        ResourceError: the disk is full, or the place can't be written.
    """
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
    """Wait until the lines of a log have reached the disk.

    Raises:
        ResourceError: they can't.
    """
    with disk.as_resource_error(path):
        file = disk.operations.open_log(path)
        try:
            disk.operations.sync(file)
        finally:
            os.close(file)


def remove(path: Path) -> None:
    """Remove a file or folder; a folder first disappears whole, then its contents go.

    Raises:
        ResourceError: it can't be removed.
    """
    with disk.as_resource_error(path):
        if not path.is_dir():
            disk.remove_tree(path)
        elif (doomed := _move_away(path, _TEMPORARY)) is not None:
            disk.operations.sync_folder(path.parent)
            disk.remove_tree(doomed)


def clean(folder: Path) -> None:
    """Undo what interrupted writes left behind. Call it under `lock`.

    A folder that was moved away for its successor is moved back if the successor never came.
    """
    with disk.as_resource_error(folder):
        for path in sorted(folder.rglob(".*")):
            found = re.fullmatch(rf"({re.escape(_TEMPORARY)}|{re.escape(_DOOMED)})\d+-(.+)", path.name)
            if not found or not os.path.lexists(path):  # it may have gone with a folder around it
                continue
            place = path.with_name(found[2])
            if found[1] == _DOOMED and not place.exists():
                disk.operations.rename(path, place)
            else:
                disk.operations.sync_folder(path.parent)  # a power cut must not bring its old name back
                disk.remove_tree(path)


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a run directory for this process alone; the lock dies with the process.

    Raises:
        LockedError: another process holds it.
        ResourceError: the place can't be written.
    """
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
    """Return size and SHA-256 of each file that was published.

    Raises:
        ModelError: the manifest is missing, newer, or not byte by byte what was written.
    """
    manifest = read_json(folder / MANIFEST)
    try:
        if manifest["format"] != 1:
            message = f"the manifest has format {manifest['format']}, this version reads format 1"
            raise ModelError(message, file=folder / MANIFEST, hint="update twinlm")
        if (folder / MANIFEST).read_bytes() != json_bytes(manifest):  # such as other white space
            raise ModelError("the manifest is not what was written: it is damaged", file=folder / MANIFEST)
        if any(len(name.encode()) > _LONGEST_NAME for name in manifest["files"]):
            raise ValueError("no file has such a name")
        return {name: (facts["size"], facts["sha256"]) for name, facts in manifest["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelError("this is not a manifest of ours", file=folder / MANIFEST) from error


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
    for place in sorted({(folder / name).parent for name in files} | {folder}):
        disk.operations.sync_folder(place)


def _move_away(folder: Path, prefix: str) -> Path | None:
    """Rename a folder to a name that `clean` knows; return that name, or None if there was no folder."""
    doomed = folder.with_name(f"{prefix}{os.getpid()}-{folder.name}")
    disk.remove_tree(doomed)
    try:
        disk.operations.rename(folder, doomed)
    except FileNotFoundError:
        return None
    return doomed
