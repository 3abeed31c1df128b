"""From what a user names (files, folders, patterns) to the list of files to read, always in one order."""

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from twinlm.data.text.lines import endings
from twinlm.data.text.streams import COMPRESSIONS, reading_errors, regular_file_stat, shown
from twinlm.errors import DataError, UsageError

KINDS = (".txt", ".jsonl", ".parquet")

_KNOWN = f"{', '.join(KINDS)}; the first two also with {', '.join(COMPRESSIONS)}"


def is_corpus_file(path: Path) -> bool:
    """Tell by its endings whether `corpus.read_documents` can read a file."""
    kind, compression = endings(path)
    return kind in KINDS and not (kind == ".parquet" and compression)


def find_files(name: str, *, counts: Counter[str]) -> list[Path]:
    """Return the files that a path, folder or pattern stands for, sorted.

    Of folders the files with known endings are taken, at any depth, but nothing hidden and no link that
    leads out of the folder or to another folder. Adds to `counts`: "files of other kinds", "links left out".

    Raises:
        DataError: there is no such file, or no file with a known ending.
        UsageError: the name is empty.
    """
    if not name:
        raise UsageError(
            "a corpus path is empty", hint="name a file, a folder or a pattern such as 'texts/*.txt'"
        )
    path = Path(name).expanduser()
    with reading_errors(path):
        is_folder, is_there = path.is_dir(), os.path.lexists(path)
    if is_folder:
        return _of_folder(path, counts)
    if is_there or not glob.has_magic(name):
        regular_file_stat(path)
        if not is_corpus_file(path):
            what = f"the ending {''.join(endings(path))!r}" if path.suffix else "a name without an ending"
            raise DataError(
                f"{what} does not say what the file holds", file=shown(path), hint=f"known: {_KNOWN}"
            )
        return [path]
    return _of_pattern(path, counts)


def unique_files(files: Sequence[Path], *, seen: set[str], counts: Counter[str]) -> list[Path]:
    """Return the files that were not named before by any path; count the others as "files named twice"."""
    kept = []
    for path in files:
        place = os.path.realpath(path)
        if place in seen:
            counts["files named twice"] += 1
        else:
            seen.add(place)
            kept.append(path)
    return kept


def _of_folder(folder: Path, counts: Counter[str]) -> list[Path]:
    files, others = [], 0
    root = os.path.realpath(folder)
    for path in _walk(folder, counts):
        if path.is_symlink() and not os.path.realpath(path).startswith(root + os.sep):
            counts["links left out"] += 1
        elif is_corpus_file(path):
            files.append(path)
        else:
            others += 1
    counts["files of other kinds"] += others
    if not files:
        message = f"the folder holds no text: 0 files with a known ending, {others:,} other files"
        raise DataError(message, file=shown(folder), hint=f"known endings: {_KNOWN}")
    return sorted(files)


def _walk(folder: Path, counts: Counter[str]) -> Iterator[Path]:
    """Yield every file below a folder that is not hidden; links to folders are counted, not followed."""

    def refuse(error: OSError) -> None:
        raise error

    with reading_errors(folder):
        for place, folders, names in os.walk(folder, onerror=refuse):
            counts["links left out"] += sum((Path(place) / name).is_symlink() for name in folders)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if not name.startswith("."):
                    yield Path(place) / name


def _of_pattern(pattern: Path, counts: Counter[str]) -> list[Path]:
    # Path.glob takes no absolute pattern, and it shows hidden files.
    matches = [Path(match) for match in sorted(glob.glob(str(pattern), recursive=True))]  # noqa: PTH207
    files = [path for path in matches if not path.is_dir()]
    known = [path for path in files if is_corpus_file(path)]
    counts["files of other kinds"] += len(files) - len(known)
    if not known:
        folders = len(matches) - len(files)
        found = f"0 with a known ending, {len(files):,} other files, {folders:,} folders"
        message = f"no file matches this pattern ({found})"
        raise DataError(message, file=shown(pattern), hint=f"check the pattern; known endings: {_KNOWN}")
    return known
