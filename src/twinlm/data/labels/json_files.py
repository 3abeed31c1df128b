"""The rows of a .json file: an object a line, the objects of one list, or the questions of SQuAD's object.

Read next: data/labels/squad.py.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twinlm.data.labels.squad import squad_questions
from twinlm.data.labels.values import MOST_LINE_BYTES
from twinlm.data.text.lines import Line
from twinlm.data.text.rows import BadRows, RowError, json_list, json_rows, parse_object
from twinlm.data.text.streams import shown
from twinlm.errors import DataError

_HINT = "a .json file holds one list of objects, an object a line, or SQuAD's one object with 'data'"


def json_file_rows(
    lines: Iterator[Line], path: Path, bad: BadRows, counts: Counter[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line and values of each row; bad ones go to `bad`, "blank lines" to `counts`."""
    text = _whole(lines)
    if not text.strip():
        raise DataError("the file has no content", file=shown(path), hint=_HINT)
    try:
        if text.lstrip().startswith("["):
            yield from json_list(text, bad, shown(path))
        elif whole := _one_object(text):
            yield from squad_questions(whole, text, path, bad)
        else:
            numbered = (Line(line, number, 0) for number, line in enumerate(text.split("\n"), start=1))
            yield from json_rows(numbered, shown(path), most_bytes=MOST_LINE_BYTES, bad=bad, counts=counts)
    except RowError as error:
        raise DataError(str(error), file=shown(path), line=error.line, hint=_HINT) from None


def _whole(lines: Iterator[Line]) -> str:
    pieces: list[str] = []
    number = 1
    for line in lines:
        pieces += ["\n" * (line.number - number), line.text]
        number = line.number
    return "".join(pieces)


def _one_object(text: str) -> dict[str, Any]:
    """Return the object that is the whole text, for SQuAD's form; empty if there is an object a line."""
    first, _, others = text.strip().partition("\n")
    try:
        row = parse_object(first)
    except RowError:
        return parse_object(text)
    return {} if others.strip() or "data" not in row else row
