"""The files of a bundle against its manifest. A bundle may be a stranger's: nothing of it is trusted.

A manifest that names places outside, a link, a device or a pipe, and files of unreasonable size are refused
before anything is read. What is merely not as it was written is told, file by file.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from twinlm.bundle.differences import Difference
from twinlm.errors import ModelError
from twinlm.system import storage
from twinlm.system.foreign_folder import Folder
from twinlm.system.log import Progress
from twinlm.tasks.judging import is_number

MOST_FILES = 20_000
LARGEST_BYTES = 2**30
"""Of a file that is no weights."""
LARGEST_WEIGHTS = 2**37
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NO_BUNDLE = "this is no bundle of ours"


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What a manifest says of a file."""

    size: int
    """In bytes."""
    sha256: str
    """Of its bytes."""


def written_files(folder: Folder) -> Mapping[str, Written]:
    """Return what the manifest of a bundle says was written, by name.

    Raises:
        ModelError: it is missing or no manifest, or names a place that no bundle has.
    """
    place = folder.path / storage.MANIFEST
    manifest = folder.read_json(storage.MANIFEST)
    files = manifest.get("files")
    if manifest.get("format") != 1 or not isinstance(files, dict):
        raise ModelError(_NO_BUNDLE, file=place)
    if len(files) > MOST_FILES:
        raise ModelError(f"{len(files):,} files are more than a bundle has", file=place)
    return {_checked(name, place): _written(facts, name, place) for name, facts in files.items()}


def files_in(path: Path) -> dict[str, int]:
    """Return the sizes of all files in a folder, in bytes, by their names.

    Raises:
        ModelError: there is a link or anything else that is no regular file, or there are too many.
    """
    found: dict[str, int] = {}
    for place, folders, names in os.walk(path):
        for name in [*folders, *names]:
            inner = Path(place, name)
            facts = inner.lstat()
            if stat.S_ISLNK(facts.st_mode):
                raise ModelError("this is a link, which no bundle has", file=inner)
            if name in names:
                if not stat.S_ISREG(facts.st_mode):
                    raise ModelError("this is no regular file", file=inner)
                found[inner.relative_to(path).as_posix()] = facts.st_size
        if len(found) > MOST_FILES:
            raise ModelError(f"more than {MOST_FILES:,} files, which no bundle has", file=path)
    return found


def check_files(
    path: Path, written: Mapping[str, Written], there: Mapping[str, int], progress: Progress
) -> Iterator[Difference]:
    """Yield each file that is missing, was added, or is not as it was written.

    Args:
        path: the bundle.
        written: what the manifest says.
        there: what is there, with sizes in bytes.
        progress: where to report.
    """
    progress.start("checking files", len(written), "files")
    for done, (name, facts) in enumerate(written.items(), 1):
        if name not in there:
            yield Difference(where=name, stored="a file", found="nothing")
        elif there[name] != facts.size:
            yield Difference(where=name, stored=f"{facts.size:,} bytes", found=f"{there[name]:,} bytes")
        elif (digest := storage.file_sha256(path / name)) != facts.sha256:
            yield Difference(where=name, stored=f"SHA-256 {facts.sha256}", found=digest)
        progress.advance(done)
    progress.finish()
    for name in sorted(there.keys() - written.keys() - {storage.MANIFEST}):
        yield Difference(where=name, stored="nothing", found="a file that is not in the manifest")


def _checked(name: str, place: Path) -> str:
    """Return a name that stays in its folder, wherever that is unpacked."""
    parts = PurePosixPath(name).parts
    is_inside = "/".join(parts) == name and not name.startswith("/") and ".." not in parts
    if not is_inside or "\\" in name or not name.isprintable() or ":" in parts[0]:
        raise ModelError(f"the manifest names {name!r}, a place that no bundle has", file=place)
    return name


def _written(facts: object, name: str, place: Path) -> Written:
    size = facts.get("size") if isinstance(facts, dict) else None
    digest = facts.get("sha256") if isinstance(facts, dict) else None
    if not (is_number(size) and isinstance(size, int) and size >= 0):
        raise ModelError(f"{_NO_BUNDLE}: {name!r} has no size", file=place)
    if not (isinstance(digest, str) and _SHA256.fullmatch(digest)):
        raise ModelError(f"{_NO_BUNDLE}: {name!r} has no SHA-256", file=place)
    most = LARGEST_WEIGHTS if "model" in PurePosixPath(name).parts else LARGEST_BYTES
    if size > most:
        raise ModelError(f"{name!r} has {size:,} bytes, more than {most:,}", file=place)
    return Written(size=size, sha256=digest)
