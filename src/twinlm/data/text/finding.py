"""The files that a user names by path, folder or pattern, always in the same order."""

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from twinlm.data.text.lines import endings
from twinlm.data.text.streams import COMPRESSIONS, reading_errors, regular_file_stat, shown
from twinlm.errors import DataError, UsageError

FORMATS = (".txt", ".jsonl", ".parquet")

_KNOWN = f"{', '.join(FORMATS)}; the first two also with {', '.join(COMPRESSIONS)}"


def is_corpus_file(path: Path) -> bool:
    """Tell by its endings whether `corpus.read_documents` can read a file."""
    file_format, compression = endings(path)
    return file_format in FORMATS and not (file_format == ".parquet" and compression)


def find_files(name: str, *, counts: Counter[str]) -> list[Path]:
    """Return the files of a path, folder or pattern, sorted.

    A folder gives its files with known endings, at any depth, but nothing hidden, no link that leads out of
    it and no linked folder; a `DataError` if it has none. Counts the others.
    """
    if not name:
        hint = "name a file, a folder or a pattern such as 'texts/*.txt'"
        raise UsageError("a corpus path is empty", hint=hint)
    path = Path(name).expanduser()
    with reading_errors(path):
        is_folder, exists = path.is_dir(), os.path.lexists(path)
    if is_folder:
        return _in_folder(path, counts)
    if exists or not glob.has_magic(name):
        regular_file_stat(path)
        if not is_corpus_file(path):
            raise unknown_ending(path, f"known: {_KNOWN}")
        return [path]
    return _matching(path, counts)


def unknown_ending(path: Path, hint: str) -> DataError:
    """Return the error for a file whose ending names no known format."""
    ending = f"the ending {''.join(endings(path))!r}" if path.suffix else "a name without an ending"
    return DataError(f"{ending} does not say what the file holds", file=shown(path), hint=hint)


def unique_files(files: Sequence[Path], *, seen: set[str], counts: Counter[str]) -> list[Path]:
    """Return the files that no path named before; count the others as "files named twice"."""
    kept = []
    for path in files:
        real_path = os.path.realpath(path)
        if real_path in seen:
            counts["files named twice"] += 1
        else:
            seen.add(real_path)
            kept.append(path)
    return kept


def _in_folder(folder: Path, counts: Counter[str]) -> list[Path]:
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
        for parent, folders, names in os.walk(folder, onerror=refuse):
            counts["links left out"] += sum((Path(parent) / name).is_symlink() for name in folders)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(parent) / name for name in sorted(names) if not name.startswith("."))


def _matching(pattern: Path, counts: Counter[str]) -> list[Path]:
    # Path.glob takes no absolute pattern, and it shows hidden files.
    matches = [Path(match) for match in sorted(glob.glob(str(pattern), recursive=True))]  # noqa: PTH207
    files = [path for path in matches if not path.is_dir()]
    known = [path for path in files if is_corpus_file(path)]
    counts["files of other kinds"] += len(files) - len(known)
    if not known:
        folders = len(matches) - len(files)
        matched = f"0 with a known ending, {len(files):,} other files, {folders:,} folders"
        message = f"no file matches this pattern ({matched})"
        raise DataError(message, file=shown(pattern), hint=f"check the pattern; known endings: {_KNOWN}")
    return known
