"""The rows of files of labelled examples, each with the line that it begins on.

CSV and TSV are read as RFC 4180 says: quotes around a field, a quote in it doubled. Read next:
data/labels/labelled.py.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from twinlm.data.labels.conll import check_column, conll_sentences
from twinlm.data.labels.forms import Fields
from twinlm.data.labels.squad import squad_questions
from twinlm.data.labels.values import MOST_FIELD_CHARACTERS, MOST_LINE_BYTES
from twinlm.data.text.lines import Decoding, Line, endings, read_lines
from twinlm.data.text.rows import BadRows, RowError, listed, parse_object
from twinlm.data.text.streams import COMPRESSIONS, shown
from twinlm.errors import DataError

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


class Row(NamedTuple):
    """One row, good so far."""

    number: int
    """From 1, of all rows, bad ones too."""
    line: int
    """The line on which it begins, from 1."""
    values: dict[str, Any]
    """By column or key."""


def read_rows(
    path: Path,
    decoding: Decoding,
    *,
    endings_allowed: tuple[str, ...],
    names: Fields,
    needed: tuple[str, ...],
    bad: BadRows,
    counts: Counter[str],
) -> Iterator[Row]:
    """Yield the rows of a labelled file; those that can't be parsed go to `bad`.

    Adds to `counts`: "blank lines", "files with another delimiter", and what `read_lines` adds.

    Raises:
        DataError: the ending is none of those allowed, the header lacks a field of `needed` or names one
            twice, or the file can't be read to its end.
    """
    kind, _ = endings(path)
    if kind not in endings_allowed:
        hint = f"known: {', '.join(endings_allowed)}, each also with {', '.join(COMPRESSIONS)}"
        what = f"the ending {''.join(endings(path))!r}" if path.suffix else "a name without an ending"
        raise DataError(f"{what} does not say what the file holds", file=shown(path), hint=hint)
    lines = read_lines(path, decoding, counts=counts, longest_bytes=MOST_LINE_BYTES)
    if kind == ".jsonl":
        yield from _json_rows(lines, path, bad, counts)
    elif kind == ".json":
        for line, values in squad_questions(lines, path, bad):
            yield Row(bad.rows, line, values)
    elif kind.startswith(".conll"):
        has_tags = names.label in needed
        yield from _tagged_rows(lines, path, kind, names=names, has_tags=has_tags, bad=bad, counts=counts)
    else:
        with _field_limit(MOST_FIELD_CHARACTERS):
            yield from _table_rows(_Lines(lines), path, kind, needed=needed, bad=bad, counts=counts)


def _tagged_rows(
    lines: Iterator[Line],
    path: Path,
    kind: str,
    *,
    names: Fields,
    has_tags: bool,
    bad: BadRows,
    counts: Counter[str],
) -> Iterator[Row]:
    is_universal = kind == ".conllu"
    if is_universal:
        check_column(names.label)
    sentences = conll_sentences(
        lines,
        path,
        is_universal=is_universal,
        label=names.label,
        has_tags=has_tags,
        bad=bad,
        counts=counts,
    )
    for line, words, tags in sentences:
        yield Row(bad.rows, line, {names.text: words, names.label: tags})


def _json_rows(lines: Iterator[Line], path: Path, bad: BadRows, counts: Counter[str]) -> Iterator[Row]:
    cut_line = 0
    for line in lines:
        if line.number == cut_line:
            continue
        if not line.text.strip():
            counts["blank lines"] += 1
            continue
        bad.rows += 1
        try:
            if line.is_part:
                cut_line = line.number
                raise RowError(f"the line is longer than {MOST_LINE_BYTES:,} bytes")
            values = parse_object(line.text)
        except RowError as error:
            bad.add(shown(path), line.number, error)
        else:
            yield Row(bad.rows, line.number, values)


class _Lines:
    """Hands lines to the csv module, and knows on which line the row began that it is reading."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self.begin = 0
        self._characters = 0
        self.first = ""

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.begin = self.begin or line.number
            self.first = self.first if self._characters else line.text
            self._characters += len(line.text) + 1
            yield line.text + "\n"

    def next_row(self) -> None:
        self.begin, self._characters = 0, 0


def _table_rows(
    lines: _Lines, path: Path, kind: str, *, needed: tuple[str, ...], bad: BadRows, counts: Counter[str]
) -> Iterator[Row]:
    source = iter(lines)
    header_line = next(source, "")
    while header_line and not header_line.strip():
        counts["blank lines"] += 1
        lines.next_row()
        header_line = next(source, "")
    delimiter, names = _header(header_line, lines.begin, path, kind, needed)
    counts["files with another delimiter"] += delimiter != ("\t" if kind == ".tsv" else ",")
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        lines.next_row()
        try:
            fields = next(reader, None)
            if fields is None:
                return
            if not fields:
                counts["blank lines"] += 1
                continue
            bad.rows += 1
            yield Row(bad.rows, lines.begin, _values(fields, names, delimiter))
        except csv.Error as error:
            bad.rows += 1
            bad.add(shown(path), lines.begin, _explain(error, delimiter))
        except RowError as error:
            bad.add(shown(path), lines.begin, error)


def _values(fields: list[str], names: list[str], delimiter: str) -> dict[str, Any]:
    if len(fields) != len(names):
        few = len(fields) < len(names)
        why = "a value is missing" if few else f"put a text that holds a {_DELIMITERS[delimiter]} in quotes"
        count = f"{len(fields)} field{'s' * (len(fields) != 1)}"
        raise RowError(f"{count}, but the header names {len(names)} columns ({why})")
    return dict(zip(names, fields, strict=True))


def _explain(error: csv.Error, delimiter: str) -> str:
    reason = str(error)
    if "field limit" in reason:
        return f"a field is longer than {MOST_FIELD_CHARACTERS:,} characters (is a quote never closed?)"
    if "unexpected end" in reason:
        return 'the row has a quote (") that is never closed'
    if "expected after" in reason:
        wanted = _DELIMITERS[delimiter]
        return f'after a closing quote (") comes text, not a {wanted} (a quote within a text is doubled)'
    return f"not readable as a table: {reason}"


def _header(line: str, number: int, path: Path, kind: str, needed: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the delimiter with which the header names all that is needed, and its names."""
    if not line:
        raise DataError(
            "there is nothing in it: no header, 0 rows", file=shown(path), hint=_header_hint(needed)
        )
    usual = "\t" if kind == ".tsv" else ","
    for delimiter in (usual, *_DELIMITERS):
        names = _split_header(line, delimiter)
        if set(needed) <= set(names):
            break
    else:
        raise _unfit_header(_split_header(line, usual), number, path, needed)
    twins = [name for name, times in Counter(names).items() if name and times > 1]
    if twins:
        message = f"the header names {twins[0]!r} {names.count(twins[0])} times: {listed(names)}"
        raise DataError(message, file=shown(path), line=number, hint="rename or remove one of the columns")
    return delimiter, names


def _split_header(line: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True), [])]
    except csv.Error:
        return []


def _unfit_header(names: list[str], number: int, path: Path, needed: tuple[str, ...]) -> DataError:
    missing = next(name for name in needed if name not in names)
    lowered = {name.lower(): name for name in names}
    close = get_close_matches(missing.lower(), lowered, n=1)
    near = f"did you mean {lowered[close[0]]!r}? " if close else ""
    shown_names = listed(name[:40] for name in names)
    message = f"the header has no column {missing!r}; its columns are {shown_names}"
    return DataError(message, file=shown(path), line=number, hint=near + _header_hint(needed))


def _header_hint(needed: tuple[str, ...]) -> str:
    names = " and ".join(map(repr, needed))
    return f"begin the file with a line that names the columns {names}, or set the names of yours"


@contextmanager
def _field_limit(characters: int) -> Iterator[None]:
    """Let the csv module read longer fields for a while: its limit is one for the whole process."""
    before = csv.field_size_limit(characters)
    try:
        yield
    finally:
        csv.field_size_limit(before)
