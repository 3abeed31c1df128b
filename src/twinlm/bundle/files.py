"""Files of a bundle against its manifest. A bundle is untrusted.

Names outside the folder, links, devices, pipes and files of unreasonable size are refused before anything is
read. Files that differ from the manifest are reported one by one.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar

import msgspec

from twinlm.bundle.differences import Difference
from twinlm.errors import ModelError
from twinlm.system import storage
from twinlm.system.foreign_folder import Folder
from twinlm.system.log import Progress
from twinlm.system.records import Record, as_record

MOST_FILES = 20_000
LARGEST_BYTES = 2**30
"""Largest file other than weights."""
LARGEST_WEIGHTS = 2**37
Size = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_WEIGHTS)]


class Written(Record):
    """A file as the manifest describes it."""

    size: Size
    """Size in bytes."""
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    """SHA-256 of its bytes."""


class _Manifest(Record):
    FORMAT: ClassVar[int] = 1

    files: dict[str, Written]


def written_files(folder: Folder) -> Mapping[str, Written]:
    """Return the files that a bundle's manifest describes, by name, all in its folder and not too large."""
    path = folder.path / storage.MANIFEST
    files = as_record(_Manifest, folder.read_json(storage.MANIFEST), path).files
    if len(files) > MOST_FILES:
        raise ModelError(f"{len(files):,} files are more than the {MOST_FILES:,} of a bundle", file=path)
    for name, facts in files.items():
        _check_name(name, path)
        if facts.size > LARGEST_BYTES and "model" not in PurePosixPath(name).parts:
            message = f"{name!r} has {facts.size:,} bytes, more than {LARGEST_BYTES:,}"
            raise ModelError(message, file=path)
    return files


def files_in(path: Path) -> dict[str, int]:
    """Return the sizes of all files in a folder, in bytes, by name; all must be regular files."""
    sizes: dict[str, int] = {}
    for parent, folders, names in os.walk(path):
        for name in [*folders, *names]:
            inner = Path(parent, name)
            facts = inner.lstat()
            if stat.S_ISLNK(facts.st_mode):
                raise ModelError("a bundle must not contain links", file=inner)
            if name in names:
                if not stat.S_ISREG(facts.st_mode):
                    raise ModelError("this is not a regular file", file=inner)
                sizes[inner.relative_to(path).as_posix()] = facts.st_size
        if len(sizes) > MOST_FILES:
            raise ModelError(f"a bundle has at most {MOST_FILES:,} files", file=path)
    return sizes


def check_files(
    path: Path, written: Mapping[str, Written], there: Mapping[str, int], progress: Progress
) -> Iterator[Difference]:
    """Yield each file that is missing, added (`there`: sizes in bytes), or differs from the manifest."""
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


def _check_name(name: str, manifest: Path) -> None:
    """Refuse a name that leaves the folder, wherever the bundle is unpacked."""
    parts = PurePosixPath(name).parts
    is_inside = parts and "/".join(parts) == name and not name.startswith("/") and ".." not in parts
    if not is_inside or "\\" in name or not name.isprintable() or ":" in parts[0]:
        raise ModelError(f"the manifest names {name!r}, a file outside the bundle", file=manifest)
