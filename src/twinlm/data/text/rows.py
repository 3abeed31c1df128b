"""One row of a data file as a record, and the errors of bad rows gathered in one message."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from twinlm.data.text.lines import Line
from twinlm.errors import DataError
from twinlm.system.arguments import half_surrogate
from twinlm.system.strict_json import repeated_key

MOST_SHOWN = 20
_MOST_ALIKE = 3  # shown with one reason
_BLANKS = re.compile(r"[ \t\n\r]*")  # JSON's own
_JSON_TYPES = {
    bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object",
    type(None): "null", str: "a text",
}  # fmt: skip


class RowError(ValueError):
    """What is wrong with one row, in words that follow "file:line: "; `line` is from 1 within the row."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


class BadRows:
    """Errors of the rows of one or more files: the first 20 in full, 3 a reason, all of them counted."""

    def __init__(self) -> None:
        self.rows = 0  # all of them: each reader adds its own
        self.number = 0
        self._shown: list[tuple[str, int, str]] = []
        self._alike: Counter[tuple[str, str]] = Counter()

    def add(self, file: str, line: int, reason: str | Exception) -> None:
        """Add a bad row."""
        self.number += 1
        if len(self._shown) < MOST_SHOWN and self._alike[file, str(reason)] < _MOST_ALIKE:
            self._alike[file, str(reason)] += 1
            self._shown.append((file, line, str(reason)))

    def error(self, *, file: str | None = None, allowed: str = "", hint: str) -> DataError:
        """Return one error about all bad rows; `allowed` is for example "at most 0.1 % may be"."""
        number_of_rows = f"{self.rows:,} row{'s' * (self.rows != 1)}"
        if self.number == 1:
            file, line, reason = self._shown[0]
            more = f" (1 of {number_of_rows} is bad, {allowed})" if allowed else ""
            return DataError(f"{reason}{more}", file=file, line=line, hint=hint)
        more = f", {allowed}" if allowed else ""
        head = f"{self.number:,} of {number_of_rows} are bad{more}; {hint}:"
        lines = [f"  {path}:{line}: {reason}" for path, line, reason in self._shown]
        if self.number > len(lines):
            lines.append(f"  ... and {self.number - len(lines):,} more")
        return DataError("\n".join([head, *lines]), file=file)


def json_rows(
    lines: Iterable[Line], file: str, *, most_bytes: int, bad: BadRows, counts: Counter[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and object of each JSON line; bad rows go to `bad`, "blank lines" to `counts`."""
    cut_line = 0
    for line in lines:
        if line.number == cut_line:  # another part of a line that is too long
            continue
        if not line.text.strip():
            counts["blank lines"] += 1
            continue
        bad.rows += 1
        try:
            if line.is_part:
                cut_line = line.number
                raise RowError(f"the line is longer than {most_bytes:,} bytes")
            row = parse_object(line.text)
        except RowError as error:
            bad.add(file, line.number, error)
        else:
            yield line.number, row


def json_list(text: str, bad: BadRows, file: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line and object of each item of a JSON list; items that are no objects go to `bad`.

    Raises:
        RowError: this is no JSON list; with the line.
    """
    index, line = text.index("["), 1 + text.count("\n", 0, text.index("["))
    while True:
        begin = _after_blanks(text, index + 1)
        line += text.count("\n", index, begin)
        if text[index] == "[" and text[begin : begin + 1] == "]":
            index = begin
            break
        bad.rows += 1
        try:
            value, index = _decoded(text, begin)
        except RowError as error:
            error.line = max(error.line, line)
            raise
        if isinstance(value, dict):
            yield line, value
        else:
            bad.add(file, line, f"not an object but {json_type(value)}: {_begin(text[begin:index].strip())}")
        line += text.count("\n", begin, index)
        if text[index : index + 1] != ",":
            break
    if text[index : index + 1] != "]" or text[index + 1 :].strip():
        raise RowError(
            f"not JSON: {_begin(text[index:])} where a comma or the end of the list was expected", line
        )


def parse_object(text: str) -> dict[str, Any]:
    """Return the JSON object of a text; a `RowError` if it is something else or has a key twice."""
    value, end = _decoded(text, 0)
    if end < len(text):
        raise _no_json(json.JSONDecodeError("Extra data", text, end))
    if not isinstance(value, dict):
        raise RowError(f"not an object but {json_type(value)}: {_begin(text)}")
    return value


def _decoded(text: str, begin: int) -> tuple[Any, int]:
    """Return the JSON value that begins at a character, and where the next one may begin."""
    try:
        value, end = _STRICT.raw_decode(text, _after_blanks(text, begin))
    except RowError:
        raise
    except json.JSONDecodeError as error:
        raise _no_json(error) from None
    except RecursionError:
        raise RowError(f"JSON nested too deeply: {_begin(text[begin:])}") from None
    except ValueError:
        # int() refuses more than 4,300 digits.
        raise RowError(f"a number with thousands of digits in {_begin(text[begin:])}") from None
    return value, _after_blanks(text, end)


def _after_blanks(text: str, begin: int) -> int:
    match = _BLANKS.match(text, begin)
    return match.end() if match else begin


def _no_json(error: json.JSONDecodeError) -> RowError:
    line = error.doc.split("\n")[error.lineno - 1]
    advice = (
        " (is it spread over several lines? write one object a line)" if line.strip() in ("[", "{") else ""
    )
    reason = error.msg.removesuffix(" starting at")
    return RowError(f"not JSON at column {error.colno}: {reason} in {_begin(line)}{advice}", error.lineno)


def text_of(row: dict[str, Any], field: str) -> str:
    """Return the text of a row, with CRLF and CR as LF; a `RowError` if the field is not a text."""
    return with_line_feeds(given_text_of(row, field))


def given_text_of(row: dict[str, Any], field: str) -> str:
    """Return the text of a row with its own line ends."""
    text = value_of(row, field)
    if not isinstance(text, str):
        raise RowError(f"the field {field!r} is {json_type(text)}, not a text: {_begin(repr(text))}")
    check_characters(text, field)
    return text


def value_of(row: dict[str, Any], field: str) -> object:
    """Return the value of a field; a `RowError` if the row has no such field."""
    if field not in row:
        raise RowError(f"no field {field!r}; the row has {listed(row)}")
    return row[field]


def check_characters(text: str, field: str) -> None:
    """Raise a `RowError` for text with half a surrogate pair, which JSON can hold but UTF-8 can't."""
    if half := half_surrogate(text):
        raise RowError(f"the field {field!r} has {half}")


def with_line_feeds(text: str) -> str:
    """Return the text with CRLF and CR as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def given_places(text: str) -> Sequence[int]:
    """Return where each character of `with_line_feeds(text)` begins in the text, and the text's end."""
    if "\r" not in text:
        return range(len(text) + 1)
    is_second = [text[place - 1 : place + 1] == "\r\n" for place in range(len(text))]
    return [place for place, is_left_out in enumerate(is_second) if not is_left_out] + [len(text)]


def json_type(value: object) -> str:
    """Return the JSON name of a value's type: "a list", "null" ..."""
    return _JSON_TYPES.get(type(value), f"a {type(value).__name__}")


def listed(names: Iterable[str]) -> str:
    """Return names as "'id', 'body'", at most ten of them."""
    shown = [repr(name) for name in names]
    return ", ".join(shown[:10]) + (", ..." if len(shown) > 10 else "") if shown else "nothing"


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if (twin := repeated_key(pairs)) is not None:
        times = sum(name == twin for name, _ in pairs)
        raise RowError(f"the key {twin!r} comes {times} times in one object")
    return dict(pairs)


def _refuse_constant(name: str) -> NoReturn:
    raise RowError(f"not JSON: {name} is no JSON value (use null for what is missing)")


def _begin(text: str) -> str:
    return repr(text) if len(text) <= 40 else repr(text[:40]) + "..."


_STRICT = json.JSONDecoder(object_pairs_hook=_without_twins, parse_constant=_refuse_constant)
