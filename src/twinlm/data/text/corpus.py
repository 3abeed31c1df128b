"""The user's corpus as a stream of documents, from files, folders, patterns and Hugging Face data sets.

Read next: data/text/splits.py (train, validation and test) and data/text/sentences.py.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from twinlm.data.text.finding import find_files, unique_files
from twinlm.data.text.formats import hub_documents, json_documents, parquet_documents, text_documents
from twinlm.data.text.lines import Decoding, OnBadBytes, endings
from twinlm.data.text.rows import BadRows
from twinlm.data.text.streams import opened, reading_errors, regular_file_stat, shown
from twinlm.errors import DataError, UsageError

HUB_PREFIX = "hf:"
_HOPELESS_ROWS = 1000  # with so many bad rows, and half of all, the wrong field is read


class Document(NamedTuple):
    """A text that belongs together: sentence pairs stay within it, and a split takes it whole."""

    text: str  # never blank, with line feeds only
    source: str  # where it begins, as "path:line"


def read_documents(
    paths: Sequence[str],
    *,
    text_field: str = "text",
    encoding: str = "utf-8",
    errors: OnBadBytes = "strict",
    max_bad_share: float = 0.001,
    counts: Counter[str],
) -> Iterator[Document]:
    """Return the documents of all paths, in the order of the paths and, within each, of the file names.

    Files are looked up at once, before the first document. The arguments are the settings of [corpus]. A
    `DataError` if a file is missing, damaged, empty, not of the encoding or changed while it was read, or
    more rows are bad than `max_bad_share` allows. Counts files, documents, blank documents and bad rows.
    """
    if not 0 <= max_bad_share <= 1:
        raise UsageError(f"max_bad_share must be from 0 to 1, but is {max_bad_share}", hint="0.001 is 0.1 %")
    decoding = Decoding(encoding, errors, "corpus")
    files = _files_of(paths, counts)
    counts["files"] += sum(map(len, files.values()))
    return _read(files, text_field, decoding, max_bad_share, counts)


def corpus_fingerprint(paths: Sequence[str], *, text_field: str = "text") -> str:
    """Return a SHA-256 over names (without folders) and contents of files, names and texts of data sets."""
    digest = hashlib.sha256()
    for name, files in _files_of(paths, Counter()).items():
        if name.startswith(HUB_PREFIX):
            for _, text in hub_documents(name, text_field=text_field, bad=BadRows()):
                digest.update(json.dumps([name, text]).encode())
        for path in files:
            with opened(path) as file, reading_errors(path):
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(json.dumps([shown(path.name), content]).encode())
    return digest.hexdigest()


def _files_of(paths: Sequence[str], counts: Counter[str]) -> dict[str, list[Path]]:
    if not paths:
        raise UsageError("no corpus is named", hint="name files, folders or patterns")
    seen: set[str] = set()
    files: dict[str, list[Path]] = {}
    for name in paths:
        named = [] if name.startswith(HUB_PREFIX) else find_files(name, counts=counts)
        files.setdefault(name, []).extend(unique_files(named, seen=seen, counts=counts))
    return files


def _read(
    files: dict[str, list[Path]], text_field: str, decoding: Decoding, share: float, counts: Counter[str]
) -> Iterator[Document]:
    bad = BadRows()
    for name, paths in files.items():
        documents = blanks = 0
        for source, text in _texts_of(name, paths, text_field, decoding, bad=bad, counts=counts):
            if text.strip():
                documents += 1
                yield Document(text, source)
            else:
                blanks += 1
            if bad.number >= max(_HOPELESS_ROWS, bad.rows // 2):
                raise _too_many(bad, share, text_field)
        counts["documents"] += documents
        counts["blank documents"] += blanks
        if not documents and (paths or name.startswith(HUB_PREFIX)):
            raise _too_many(bad, share, text_field) if bad.number else _no_text(name, paths, blanks)
    counts["bad rows"] += bad.number
    if bad.number > share * bad.rows:
        raise _too_many(bad, share, text_field)


def _texts_of(
    name: str, paths: list[Path], text_field: str, decoding: Decoding, *, bad: BadRows, counts: Counter[str]
) -> Iterator[tuple[str, str]]:
    if name.startswith(HUB_PREFIX):
        documents = hub_documents(name, text_field=text_field, bad=bad)
        yield from ((f"{name}:{number}", text) for number, text in documents)
    for path in paths:
        match endings(path)[0]:
            case ".txt":
                documents = text_documents(path, decoding, counts=counts)
            case ".jsonl":
                documents = json_documents(path, decoding, text_field=text_field, bad=bad, counts=counts)
            case _:
                documents = parquet_documents(path, text_field=text_field, bad=bad)
        file = shown(path)
        yield from ((f"{file}:{number}", text) for number, text in documents)


def _too_many(bad: BadRows, share: float, text_field: str) -> DataError:
    hint = f"correct or remove them, or set corpus.text_field (now {text_field!r}) or corpus.max_bad_share"
    return bad.error(allowed=f"at most {100 * share:.3f} % may be", hint=hint)


def _no_text(name: str, paths: list[Path], blanks: int) -> DataError:
    size_bytes = sum(regular_file_stat(path).st_size for path in paths)
    where = f"in {len(paths):,} files " if len(paths) > 1 else ""
    content = "nothing but white space" if size_bytes else "nothing"
    counted = f"{size_bytes:,} bytes, {blanks:,} blank documents, 0 documents"
    message = f"there is {content} to read {where}({counted})"
    return DataError(message, file=shown(name), hint="name a file with text in it")
