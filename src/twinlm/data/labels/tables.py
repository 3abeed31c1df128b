"""The rows of files of labelled examples, each with the line on which it begins.

CSV follows RFC 4180 (quotes around a field, a quote in it doubled), with any delimiter. In TSV a quote is a
character of the text, as GLUE, Tatoeba and Universal Dependencies write it.

Read next: data/labels/labelled.py.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from twinlm.data.labels.conll import conll_sentences
from twinlm.data.labels.forms import Fields
from twinlm.data.labels.json_files import json_file_rows
from twinlm.data.labels.mistaken import BY_NUMBER, another_kind
from twinlm.data.labels.values import MOST_FIELD_CHARACTERS, MOST_LINE_BYTES
from twinlm.data.text.finding import unknown_ending
from twinlm.data.text.lines import Decoding, Line, endings, read_lines
from twinlm.data.text.rows import BadRows, RowError, json_rows, listed
from twinlm.data.text.streams import COMPRESSIONS, regular_file_stat, shown
from twinlm.errors import DataError

_Made = TypeVar("_Made")
_IN_QUOTES = (
    "fields between quotes in .tsv files: the quotes were kept; if a program put them there, "
    "give the file the ending .csv"
)
_OVER_LINES = "fields between quotes that go over several lines (first: {}, line {}, {} lines)"
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


class Row(NamedTuple):
    """One parsed row."""

    number: int  # from 1, bad rows included
    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    names: Fields
    needed: tuple[str, ...]  # columns that a table must have
    bad: BadRows
    counts: Counter[str]


def read_rows(
    path: Path,
    decoding: Decoding,
    make: Callable[[Row], _Made],
    settle: Callable[[list[_Made]], Callable[[_Made], _Made]] = lambda made: lambda one: one,
    *,
    noun: str,
    endings_allowed: tuple[str, ...],
    names: Fields,
    needed: tuple[str, ...],
    counts: Counter[str],
) -> list[_Made]:
    """Return what `make` makes of each row, and `settle` of all of them; `noun` names that for messages.

    A table's header must have the columns `needed`. All bad rows are in one `DataError`.
    Adds to `counts`: "blank lines", "files with another delimiter", quoted fields
    that may be a mistake, and what `read_lines` adds.
    """
    regular_file_stat(path)
    if endings(path)[0] not in endings_allowed:
        known = f"known: {', '.join(endings_allowed)}, each also with {', '.join(COMPRESSIONS)}"
        raise unknown_ending(path, another_kind([endings(path)[0]], names) + known)
    bad, made, results, hint = BadRows(), [], [], ""
    lines = read_lines(path, decoding, counts=counts, longest_bytes=MOST_LINE_BYTES)
    for line, values in _rows(lines, _File(path, names, needed, bad, counts)):
        hint = another_kind(values, names) if bad.rows == 1 else hint
        try:
            made.append((line, make(Row(bad.rows, line, values))))
        except RowError as error:
            bad.add(shown(path), line, error)
    settled = settle([one for _, one in made])
    for line, one in made:
        try:
            results.append(settled(one))
        except RowError as error:
            bad.add(shown(path), line, error)
    if bad.number:
        raise bad.error(file=shown(path), hint=hint + "correct or remove what is bad")
    if not results:
        message = f"the file has no rows: {path.stat().st_size:,} bytes, 0 {noun}"
        hint = f"give it rows with {' and '.join(map(repr, needed))}"
        raise DataError(message, file=shown(path), hint=hint)
    return results


def _rows(lines: Iterator[Line], file: _File) -> Iterator[tuple[int, dict[str, Any]]]:
    path, bad, counts = file.path, file.bad, file.counts
    match endings(path)[0]:
        case ".jsonl":
            return json_rows(lines, shown(path), most_bytes=MOST_LINE_BYTES, bad=bad, counts=counts)
        case ".json":
            return json_file_rows(lines, path, bad, counts)
        case ".conll" | ".conllu":
            text, label = file.names.text, file.names.label
            has_tags = label in file.needed
            sentences = conll_sentences(lines, path, label=label, has_tags=has_tags, bad=bad, counts=counts)
            return ((line, {"id": own, text: words, label: tags}) for line, words, tags, own in sentences)
        case ".tsv":
            return _table_rows(lines, file, "\t")
        case _:
            return _table_rows(lines, file, ",")


class _Lines:
    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self.begin = 0  # line on which the csv module's current row began

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.begin = self.begin or line.number
            yield line.text + "\n"


def _table_rows(source: Iterator[Line], file: _File, usual: str) -> Iterator[tuple[int, dict[str, Any]]]:
    bad, counts = file.bad, file.counts
    first = next(source, None)
    while first and not first.text.strip():
        counts["blank lines"] += 1
        first = next(source, None)
    if first is None:
        message = "the file has no content: no header, 0 rows"
        raise DataError(message, file=shown(file.path), hint=_header_hint(file.needed))
    delimiter, names = _header(first.text, first.number, file, usual)
    counts["files with another delimiter"] += delimiter != usual
    counts[BY_NUMBER] += not names
    lines = _Lines(source if names else chain([first], source))
    is_plain = usual == delimiter == "\t"
    reader = _reader(iter(lines), delimiter, is_plain)
    over_lines = ""
    with _field_limit(MOST_FIELD_CHARACTERS):
        while True:
            lines.begin = 0
            try:
                fields = next(reader, None)
                if fields is None:
                    return
                if not fields:
                    counts["blank lines"] += 1
                    continue
                names = names or _numbered(fields, lines.begin, file)
                bad.rows += 1
                counts[_IN_QUOTES] += is_plain and sum(map(_is_in_quotes, fields))
                # Right by RFC 4180, but also what two stray quotes make of the rows between them.
                if ends := [field.count("\n") for field in fields if "\n" in field]:
                    place = shown(file.path), lines.begin, ends[0] + 1
                    over_lines = over_lines or _OVER_LINES.format(*place)
                    counts[over_lines] += len(ends)
                yield lines.begin, _values(fields, names, delimiter, is_plain)
            except csv.Error as error:
                bad.rows += 1
                bad.add(shown(file.path), lines.begin, _explain(error, delimiter))
            except RowError as error:
                bad.add(shown(file.path), lines.begin, error)


def _reader(source: Iterable[str], delimiter: str, is_plain: bool) -> Iterator[list[str]]:
    if is_plain:
        return csv.reader(source, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(source, delimiter=delimiter, strict=True)


def _is_in_quotes(field: str) -> bool:
    return len(field) > 1 and field.startswith('"') and field.endswith('"')


def _values(fields: list[str], names: list[str], delimiter: str, is_plain: bool) -> dict[str, Any]:
    if len(fields) != len(names):
        few = len(fields) < len(names)
        why = "a value is missing" if few else f"put a text that holds a {_DELIMITERS[delimiter]} in quotes"
        if is_plain and any('"' in field for field in fields):
            why = "in .tsv quotes are text; if they enclose fields here, give the file the ending .csv"
        count = f"{len(fields)} field{'s' * (len(fields) != 1)}"
        raise RowError(f"{count}, but the first line has {len(names)} columns ({why})")
    return dict(zip(names, fields, strict=True))


def _numbered(fields: list[str], line: int, file: _File) -> list[str]:
    """Return the names of columns without a header: their numbers from 1."""
    names = [str(number) for number, _ in enumerate(fields, start=1)]
    missing = next((name for name in file.needed if name not in names), "")
    if missing:
        message = f"there is no column {missing}: the first row has {len(names)}, numbered from 1"
        raise DataError(message, file=shown(file.path), line=line, hint=_header_hint(file.needed))
    return names


def _explain(error: csv.Error, delimiter: str) -> str:
    # The csv module has one exception for all; these are parts of its messages.
    wanted = _DELIMITERS[delimiter]
    reasons = {
        "field limit": f"a field is longer than {MOST_FIELD_CHARACTERS:,} characters "
        "(is a quote never closed?)",
        "unexpected end": 'the row has a quote (") that is never closed',
        "expected after": f'text, not a {wanted}, follows a closing quote (") (double a quote within a text)',
    }
    return next((reasons[key] for key in reasons if key in str(error)), f"not readable as a table: {error}")


def _header(line: str, number: int, file: _File, usual: str) -> tuple[str, list[str]]:
    """Return delimiter and names, none if the needed ones are numbers and not all names of the line are."""
    path, needed = file.path, file.needed
    headers = {
        delimiter: _split_header(line, delimiter, usual == delimiter == "\t")
        for delimiter in (usual, *_DELIMITERS)
    }
    # The first delimiter with which the header has all needed names is taken.
    delimiter = next((each for each, names in headers.items() if set(needed) <= set(names)), "")
    # A number beside a text is no name but a label, as in "A great film,1".
    is_header = bool(delimiter) and all(map(str.isdecimal, headers[delimiter]))
    if needed and all(map(str.isdecimal, needed)) and not is_header:
        wide = (each for each, names in headers.items() if len(names) >= max(map(int, needed)))
        return next(wide, usual), []
    if not delimiter:
        raise _unfit_header(headers[usual], number, file)
    names = headers[delimiter]
    twins = [name for name, times in Counter(names).items() if name and times > 1]
    if twins:
        message = f"the header names {twins[0]!r} {names.count(twins[0])} times: {listed(names)}"
        raise DataError(message, file=shown(path), line=number, hint="rename or remove one of the columns")
    return delimiter, names


def _split_header(line: str, delimiter: str, is_plain: bool) -> list[str]:
    try:
        return [name.strip() for name in next(_reader([line], delimiter, is_plain), [])]
    except csv.Error:
        return []


def _unfit_header(names: list[str], number: int, file: _File) -> DataError:
    missing = next(name for name in file.needed if name not in names)
    lowered = {name.lower(): name for name in names}
    close = get_close_matches(missing.lower(), lowered, n=1)
    near = f"did you mean {lowered[close[0]]!r}? " if close else ""
    shown_names = listed(name[:40] for name in names)
    message = f"the header has no column {missing!r}; its columns are {shown_names}"
    hint = another_kind(names, file.names) + near + _header_hint(file.needed)
    return DataError(message, file=shown(file.path), line=number, hint=hint)


def _header_hint(needed: tuple[str, ...]) -> str:
    names = " and ".join(map(repr, needed))
    ways = "or set the names of yours, or their numbers from 1"
    return f"begin the file with a line that names the columns {names}, {ways}"


@contextmanager
def _field_limit(characters: int) -> Iterator[None]:
    """Raise the csv module's limit for a field for a while: it is global to the process."""
    before = csv.field_size_limit(characters)
    try:
        yield
    finally:
        csv.field_size_limit(before)
