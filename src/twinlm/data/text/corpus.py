"""The user's corpus as a stream of documents, from files, folders, patterns and Hugging Face data sets.

Read next: data/text/splits.py (train, validation and test) and data/text/sentences.py.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from twinlm.data.text.finding import find_files, unique_files
from twinlm.data.text.formats import hub_documents, json_documents, parquet_documents, text_documents
from twinlm.data.text.lines import Decoding, OnBadBytes, endings
from twinlm.data.text.rows import BadRows
from twinlm.data.text.streams import opened, reading_errors, regular_file_stat, shown
from twinlm.errors import DataError, UsageError

HUB_PREFIX = "hf:"

_HOPELESS_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Document:
    """A text that belongs together: sentence pairs stay within it, and a split takes it whole."""

    text: str
    """Text; never blank, lines end in LF."""
    source: str
    """Begin of the text, as "path:line"."""


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

    Files are looked up at once, before the first document. Adds to `counts`: "files", "documents", "blank
    documents", "bad rows", and what the readers of `formats` and `finding` add.

    Args:
        paths: .txt (a blank line ends a document), .jsonl, both also .gz, .bz2, .xz or .zst, .parquet,
            folders and patterns of those, and "hf:org/name[:config][:split]".
        text_field: field of .jsonl, .parquet and Hugging Face rows that holds the text.
        encoding: encoding of .txt and .jsonl files, such as "utf-8" or "cp1252".
        errors: treatment of bytes of another encoding: "strict" (an error), "replace" (U+FFFD) or "skip"
            (the line is left out).
        max_bad_share: share of rows, from 0 to 1, that may be left out because they hold no usable text.
        counts: counts of what was read and left out.

    Raises:
        DataError: a file is missing, damaged, empty, not of the encoding or changed while it was read, or
            more rows are bad than `max_bad_share` allows.
        ResourceError: no permission to read a file.
        UsageError: no path, an unknown encoding, or a missing extra.
    """
    if not 0 <= max_bad_share <= 1:
        raise UsageError(f"max_bad_share must be from 0 to 1, but is {max_bad_share}", hint="0.001 is 0.1 %")
    decoding = Decoding(encoding, errors, "corpus")
    files = _files_of(paths, counts)
    counts["files"] += sum(map(len, files.values()))
    return _read(files, text_field, decoding, max_bad_share, counts)


def corpus_fingerprint(paths: Sequence[str], *, text_field: str = "text") -> str:
    """Return a SHA-256 over the names (without folders) and contents of all files, in hexadecimal.

    For Hugging Face data sets it covers the name and the texts.

    Raises:
        DataError, ResourceError, UsageError: as `read_documents`.
    """
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
    """Return the files of each path, none for Hugging Face names; a file named twice goes to the first."""
    if not paths:
        raise UsageError("no corpus is named", hint="name files, folders or patterns")
    seen: set[str] = set()
    files: dict[str, list[Path]] = {}
    for name in paths:
        named = [] if name.startswith(HUB_PREFIX) else find_files(name, counts=counts)
        files.setdefault(name, []).extend(unique_files(named, seen=seen, counts=counts))
    return files


def _read(
    files: dict[str, list[Path]],
    text_field: str,
    decoding: Decoding,
    max_bad_share: float,
    counts: Counter[str],
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
                raise _too_many(bad, max_bad_share, text_field)
        counts["documents"] += documents
        counts["blank documents"] += blanks
        if not documents and (paths or name.startswith(HUB_PREFIX)):
            if bad.number:
                raise _too_many(bad, max_bad_share, text_field)
            raise _no_text(name, paths, blanks)
    counts["bad rows"] += bad.number
    if bad.number > max_bad_share * bad.rows:
        raise _too_many(bad, max_bad_share, text_field)


def _texts_of(
    name: str, paths: list[Path], text_field: str, decoding: Decoding, *, bad: BadRows, counts: Counter[str]
) -> Iterator[tuple[str, str]]:
    """Yield source and text of every document, blank ones too."""
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


def _too_many(bad: BadRows, max_bad_share: float, text_field: str) -> DataError:
    hint = f"correct or remove them, or set corpus.text_field (now {text_field!r}) or corpus.max_bad_share"
    return bad.error(allowed=f"at most {max_bad_share:.3%} may be", hint=hint)


def _no_text(name: str, paths: list[Path], blanks: int) -> DataError:
    size_bytes = sum(regular_file_stat(path).st_size for path in paths)
    where = f"in {len(paths):,} files " if len(paths) > 1 else ""
    content = "nothing but white space" if size_bytes else "nothing"
    counted = f"{size_bytes:,} bytes, {blanks:,} blank documents, 0 documents"
    message = f"there is {content} to read {where}({counted})"
    return DataError(message, file=shown(name), hint="name a file with text in it")
