"""Questions from a file of SQuAD's form (Rajpurkar et al. 2016, 2018), which holds one JSON value.

{"data": [{"paragraphs": [{"context": "...", "qas": [{"id", "question", "answers", "is_impossible"}]}]}]}
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twinlm.data.text.lines import Line
from twinlm.data.text.rows import BadRows, RowError, kind_of, parse_object
from twinlm.data.text.streams import shown
from twinlm.errors import DataError

_HINT = "SQuAD's files are one object with 'data'; others may be .jsonl, a question a line"
_NEAR = 1 << 20
"""How many characters to look through for a question: some files escape what need not be escaped."""


def squad_questions(lines: Iterator[Line], path: Path, bad: BadRows) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each question's line and its values, with the context of its paragraph; bad parts go to `bad`.

    The line is that on which the question's own text stands, or one before it if it is escaped oddly.

    Raises:
        DataError: the file is no JSON of this form at all.
    """
    text = _whole(lines)
    if not text.strip():
        raise DataError("there is nothing in it", file=shown(path), hint=_HINT)
    begin, number_of_line = 0, 1
    try:
        articles = _list(parse_object(text), "data", "the file")
    except RowError as error:
        raise DataError(str(error), file=shown(path), line=error.line, hint=_HINT) from None
    for context, question, place in _questions(articles, path, bad):
        bad.rows += 1
        if not isinstance(question, dict):
            bad.add(shown(path), number_of_line, f"{place} is {kind_of(question)}, not an object")
            continue
        found, end = _place(text, question.get("question"), begin)
        if end:  # only error messages use the line, so a guess will do
            number_of_line += text.count("\n", begin, found)
            begin = end
        yield number_of_line, {**question, "context": context}


def _place(text: str, question: object, begin: int) -> tuple[int, int]:
    """Return where a question's text begins and ends in the file, as either way of writing JSON has it."""
    for is_ascii in (False, True) if isinstance(question, str) else ():
        written = json.dumps(question, ensure_ascii=is_ascii)
        found = text.find(written, begin, begin + _NEAR)
        if found >= 0:
            return found, found + len(written)
    return 0, 0


def _whole(lines: Iterator[Line]) -> str:
    """Return the text of a file; long lines come in parts."""
    pieces: list[str] = []
    number = 1
    for line in lines:
        pieces += ["\n" * (line.number - number), line.text]
        number = line.number
    return "".join(pieces)


def _questions(articles: list[Any], path: Path, bad: BadRows) -> Iterator[tuple[Any, Any, str]]:
    """Yield each question with its context and its place."""
    for number, article in enumerate(articles):
        for paragraph, place in _parts(article, "paragraphs", f"data[{number}]", path, bad):
            context = paragraph.get("context") if isinstance(paragraph, dict) else None
            for question, there in _parts(paragraph, "qas", place, path, bad):
                yield context, question, there


def _parts(value: object, key: str, place: str, path: Path, bad: BadRows) -> Iterator[tuple[Any, str]]:
    """Yield the items of a list within an object, each with its place."""
    try:
        items = _list(value, key, place)
    except RowError as error:
        bad.rows += 1
        bad.add(shown(path), 1, error)
        return
    for number, item in enumerate(items):
        yield item, f"{place}.{key}[{number}]"


def _list(value: object, key: str, place: str) -> list[Any]:
    if not isinstance(value, dict):
        raise RowError(f"{place} is {kind_of(value)}, not an object with {key!r}")
    items = value.get(key)
    if not isinstance(items, list):
        found = "missing" if key not in value else kind_of(items)
        raise RowError(f"{key!r} of {place} is {found}, where a list was expected")
    return items
