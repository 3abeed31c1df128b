"""Every write, sync, rename and removal of the package happens here, so that each can be made safe once.

Files and folders are published whole: written under a temporary name, synced, then renamed. After a crash
the old state or the new one is there, never a mixture. Nothing else in the package writes to disk.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from twinlm.errors import LockedError, ModelError, ResourceError, UsageError

MANIFEST = "manifest.json"
_TEMPORARY = ".tmp-"
_DOOMED = ".del-"


def write_file(path: Path, data: bytes) -> None:
    """Replace a file by `data`, atomically and durably.

    Raises:
        ResourceError: the disk is full, or the place can't be written.
    """
    with _as_resource_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
        try:
            _write_and_sync(temporary, data)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


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
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError("the file is missing", file=path) from error
    except OSError as error:
        raise ModelError(f"can't read the file: {error.strerror}", file=path) from error
    except (ValueError, RecursionError) as error:
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
    with _as_resource_error(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = folder.with_name(f"{_TEMPORARY}{os.getpid()}-{folder.name}")
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            manifest = {}
            for name, data in files.items():
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                size, digest = _write_and_sync(temporary / name, data)
                manifest[name] = {"size": size, "sha256": digest}
            if has_manifest:
                _write_and_sync(temporary / MANIFEST, json_bytes({"format": 1, "files": manifest}))
            for place in {(temporary / name).parent for name in files} | {temporary}:
                _sync_folder(place)
            doomed = _move_away(folder, _DOOMED)
            try:
                temporary.rename(folder)
            except BaseException:
                if doomed is not None:
                    doomed.rename(folder)
                raise
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        _sync_folder(folder.parent)
        if doomed is not None:
            shutil.rmtree(doomed, ignore_errors=True)


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
        ModelError: there is no such file.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ModelError("the file is missing", file=path) from error


def append_line(path: Path, line: str) -> None:
    """Add one line to a log. Logs are not synced: a checkpoint is what makes a step durable."""
    with _as_resource_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(line.encode() + b"\n")


def remove(path: Path) -> None:
    """Remove a file or folder; a folder first disappears whole, then its contents go."""
    with _as_resource_error(path):
        if path.is_dir():
            doomed = _move_away(path, _TEMPORARY)
            if doomed is not None:
                shutil.rmtree(doomed, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def clean(folder: Path) -> None:
    """Undo what interrupted writes left behind. Call it under `lock`.

    A folder that was moved away for its successor is moved back if the successor never came.
    """
    with _as_resource_error(folder):
        for path in sorted(folder.rglob(".*")):
            found = re.fullmatch(rf"({re.escape(_TEMPORARY)}|{re.escape(_DOOMED)})\d+-(.+)", path.name)
            if not found or not os.path.lexists(path):  # it may have gone with a folder around it
                continue
            place = path.with_name(found[2])
            if found[1] == _DOOMED and not place.exists():
                path.rename(place)
            elif path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a run directory for this process alone; the lock dies with the process.

    Raises:
        LockedError: another process holds it.
        ResourceError: the place can't be written.
    """
    with _as_resource_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            with _as_resource_error(folder, but=BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(file, 200, 0).decode(errors="replace").strip() or "another process"
            message = f"the run directory is in use by {holder}"
            raise LockedError(message, file=folder, hint="wait for it, or choose another --out") from error
        with _as_resource_error(folder):
            os.ftruncate(file, 0)
            os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        clean(folder)
        yield
    finally:
        os.close(file)


def _read_manifest(folder: Path) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 of each file that was published."""
    manifest = read_json(folder / MANIFEST)
    try:
        if manifest["format"] != 1:
            message = f"the manifest has format {manifest['format']}, this version reads format 1"
            raise ModelError(message, file=folder / MANIFEST, hint="update twinlm")
        return {name: (facts["size"], facts["sha256"]) for name, facts in manifest["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError("this is not a manifest of ours", file=folder / MANIFEST) from error


def _write_and_sync(path: Path, data: bytes | Iterable[bytes]) -> tuple[int, str]:
    """Write a new file, sync it, and return its size in bytes and its SHA-256."""
    size, digest = 0, hashlib.sha256()
    with path.open("wb") as file:
        for piece in [data] if isinstance(data, bytes) else data:
            file.write(piece)
            size += len(piece)
            digest.update(piece)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _move_away(folder: Path, prefix: str) -> Path | None:
    """Rename a folder to a name that `clean` knows; return that name, or None if there was no folder."""
    doomed = folder.with_name(f"{prefix}{os.getpid()}-{folder.name}")
    shutil.rmtree(doomed, ignore_errors=True)
    try:
        folder.rename(doomed)
    except FileNotFoundError:
        return None
    return doomed


@contextlib.contextmanager
def _as_resource_error(path: Path, but: type[OSError] | tuple[()] = ()) -> Iterator[None]:
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
