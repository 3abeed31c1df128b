"""Questions from a file in SQuAD's format (Rajpurkar et al. 2016, 2018), which holds one JSON value.

{"data": [{"paragraphs": [{"context": "...", "qas": [{"id", "question", "answers", "is_impossible"}]}]}]}
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twinlm.data.text.rows import BadRows, RowError, json_type
from twinlm.data.text.streams import shown

_NEAR_CHARACTERS = 1 << 20  # to search for a question: some files escape what need not be escaped


def squad_questions(
    whole: dict[str, Any], text: str, path: Path, bad: BadRows
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line and values of each question, with the context of its paragraph; bad parts go to `bad`.

    `text` is the JSON text of `whole`, where lines are counted. A `RowError` if it has no list of articles.
    """
    begin, number_of_line = 0, 1
    articles = _list(whole, "data", "the file")
    for context, question, where in _questions(articles, path, bad):
        bad.rows += 1
        if not isinstance(question, dict):
            bad.add(shown(path), number_of_line, f"{where} is {json_type(question)}, not an object")
            continue
        start, end = _span(text, question.get("question"), begin)
        if end:  # only messages use the line, so an earlier one will do where the text is escaped oddly
            number_of_line += text.count("\n", begin, start)
            begin = end
        yield number_of_line, {**question, "context": context}


def _span(text: str, question: object, begin: int) -> tuple[int, int]:
    """Return begin and end of a question in the file, written in either way of JSON; (0, 0) if not found."""
    for is_ascii in (False, True) if isinstance(question, str) else ():
        written = json.dumps(question, ensure_ascii=is_ascii)
        start = text.find(written, begin, begin + _NEAR_CHARACTERS)
        if start >= 0:
            return start, start + len(written)
    return 0, 0


def _questions(articles: list[Any], path: Path, bad: BadRows) -> Iterator[tuple[Any, Any, str]]:
    for number, article in enumerate(articles):
        for paragraph, where in _parts(article, "paragraphs", f"data[{number}]", path, bad):
            context = paragraph.get("context") if isinstance(paragraph, dict) else None
            for question, inner in _parts(paragraph, "qas", where, path, bad):
                yield context, question, inner


def _parts(value: object, key: str, where: str, path: Path, bad: BadRows) -> Iterator[tuple[Any, str]]:
    """Yield the items of a list within an object, each with its path in the JSON value."""
    try:
        items = _list(value, key, where)
    except RowError as error:
        bad.rows += 1
        bad.add(shown(path), 1, error)
        return
    for number, item in enumerate(items):
        yield item, f"{where}.{key}[{number}]"


def _list(value: object, key: str, where: str) -> list[Any]:
    if not isinstance(value, dict):
        raise RowError(f"{where} is {json_type(value)}, not an object with {key!r}")
    items = value.get(key)
    if not isinstance(items, list):
        actual = "missing" if key not in value else json_type(items)
        raise RowError(f"{key!r} of {where} is {actual}, where a list was expected")
    return items
