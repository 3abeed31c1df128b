"""One row of a data file as a record; and what is wrong with bad rows, gathered in one error."""

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from twinlm.errors import DataError

MOST_SHOWN = 20

_JSON_KINDS = {
    bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object",
    type(None): "null", str: "a text",
}  # fmt: skip


class RowError(ValueError):
    """What is wrong with one row, in words that follow "file:line: ".

    Args:
        reason: the words.
        line: the line within the row, from 1, if it spreads over several.
    """

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


class BadRows:
    """Gathers what is wrong with the rows of one or more files: the first 20 in full, all of them in number.

    Whoever reads adds each row to `rows`; `number` counts the bad ones.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.number = 0
        self._shown: list[tuple[str, int, str]] = []

    def add(self, file: str, line: int, reason: str | Exception) -> None:
        """Note a row that can't be used."""
        self.number += 1
        if len(self._shown) < MOST_SHOWN:
            self._shown.append((file, line, str(reason)))

    def error(self, *, file: str | None = None, allowed: str = "", hint: str) -> DataError:
        """Return one error about all of them: a single one as itself, more as a list.

        Args:
            file: the file if it is one.
            allowed: what would have been allowed, such as "at most 0.1 % may be".
            hint: what to do.
        """
        number_of_rows = f"{self.rows:,} row{'s' * (self.rows != 1)}"
        if self.number == 1:
            file, line, reason = self._shown[0]
            more = f" (1 of {number_of_rows} is bad, {allowed})" if allowed else ""
            return DataError(f"{reason}{more}", file=file, line=line, hint=hint)
        more = f", {allowed}" if allowed else ""
        head = f"{self.number:,} of {number_of_rows} are bad{more}; {hint}:"
        lines = [f"  {place}:{line}: {reason}" for place, line, reason in self._shown]
        if self.number > len(lines):
            lines.append(f"  ... and {self.number - len(lines):,} more")
        return DataError("\n".join([head, *lines]), file=file)


def parse_object(line: str) -> dict[str, Any]:
    """Return the JSON object that a line holds.

    Raises:
        RowError: the line is not JSON, not an object, or names a key twice.
    """
    try:
        value = json.loads(line, object_pairs_hook=_without_twins, parse_constant=_refuse_constant)
    except RowError:
        raise
    except json.JSONDecodeError as error:
        many = (
            " (is it spread over several lines? write one object a line)"
            if line.strip() in ("[", "{")
            else ""
        )
        what = error.msg.removesuffix(" starting at")
        begin = _begin(line.split("\n")[error.lineno - 1])
        raise RowError(f"not JSON at column {error.colno}: {what} in {begin}{many}", error.lineno) from None
    except RecursionError:
        raise RowError(f"JSON nested too deeply: {_begin(line)}") from None
    except ValueError:
        raise RowError(f"not JSON that we read: a number of thousands of digits in {_begin(line)}") from None
    if not isinstance(value, dict):
        raise RowError(f"not an object but {kind_of(value)}: {_begin(line)}")
    return value


def text_of(row: dict[str, Any], field: str) -> str:
    """Return the text of a row, with CRLF and CR as LF.

    Raises:
        RowError: the field is missing, is no text, or holds half a surrogate pair.
    """
    text = value_of(row, field)
    if not isinstance(text, str):
        raise RowError(f"the field {field!r} is {kind_of(text)}, not a text: {_begin(repr(text))}")
    check_characters(text, field)
    return with_line_feeds(text)


def value_of(row: dict[str, Any], field: str) -> object:
    """Return what a field holds.

    Raises:
        RowError: the row has no such field.
    """
    if field not in row:
        raise RowError(f"no field {field!r}; the row has {listed(row)}")
    return row[field]


def check_characters(text: str, field: str) -> None:
    """Refuse text that is no Unicode: JSON can hold one half of a surrogate pair.

    Raises:
        RowError: it does.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = f"\\u{ord(text[error.start]):04x}"
        message = f"the field {field!r} holds half a surrogate pair, {code}, at character {error.start + 1:,}"
        raise RowError(message) from None


def with_line_feeds(text: str) -> str:
    """Return the text with CRLF and CR as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def kind_of(value: object) -> str:
    """Return what JSON calls a value: "a list", "null" ..."""
    return _JSON_KINDS.get(type(value), f"a {type(value).__name__}")


def listed(names: Iterable[str]) -> str:
    """Return names as "'id', 'body'", at most ten of them."""
    shown = [repr(name) for name in names]
    return ", ".join(shown[:10]) + (", ..." if len(shown) > 10 else "") if shown else "nothing"


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in row if names.count(name) > 1)
        raise RowError(f"the key {twin!r} stands {names.count(twin)} times in one object")
    return row


def _refuse_constant(name: str) -> NoReturn:
    raise RowError(f"not JSON: {name} is no JSON value (use null for what is missing)")


def _begin(text: str) -> str:
    return repr(text) if len(text) <= 40 else repr(text[:40]) + "..."
