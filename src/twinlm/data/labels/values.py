"""The fields of a labelled row, checked: texts, classes, numbers, lists of words and tags."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any, Literal

from twinlm.data.text.rows import (
    RowError,
    check_characters,
    given_text_of,
    json_type,
    value_of,
    with_line_feeds,
)

MOST_FIELD_CHARACTERS = 1 << 20  # of a text; a quote that is never closed gives a longer one
MOST_LINE_BYTES = 4 * MOST_FIELD_CHARACTERS  # size above which a line of a labelled file comes in parts
MISSING = "labels that may stand for a missing value (nan, null, NA): taken as a class"
_WHOLE = re.compile(r"[+-]?\d+(\.0+)?")
_FLOATS = "labels written as floats"
ASCII_BLANKS = " \t\n\r\f\v"
_MISSING = ("nan", "null", "na", "n/a")
_CONTROLS = ("Cc", "Zl", "Zp")  # not Cf and Zs: words of many scripts need joiners and no-break spaces


Reading = Literal["", "number", "text", "whole", "as written"]
"""How the labels of a file are read: choices by number or text, classes without the .0 of whole numbers or as
written; "" if nothing is settled."""


class Labels:
    """Turns values into labels and counts what is odd. An integer 1 and the text "1" are one class."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self._json_types: dict[str, set[str]] = defaultdict(set)

    def label(self, values: dict[str, Any], field: str) -> str:
        """Return the label of a row; a `RowError` if it is missing or can't be a label."""
        value = value_of(values, field)
        label = self.bare(self._as_text(value, field))
        if not label:
            raise RowError(f"the field {field!r} is empty")
        self.counts[MISSING] += label.casefold() in _MISSING
        self._json_types[label].add("text" if isinstance(value, str) else "number")
        return label

    def bare(self, label: str) -> str:
        """Return a label or tag without the white space around it, which is counted."""
        self.counts["labels with white space around them"] += label != label.strip()
        return label.strip()

    def _as_text(self, value: object, field: str) -> str:
        match value:
            case str():
                check_characters(value, field)
                if any(unicodedata.category(each) in _CONTROLS for each in value.replace("\t", " ").strip()):
                    raise RowError(f"the field {field!r} has control characters or line ends: {value[:40]!r}")
                return value
            case int():
                return str(value)
            case float() if value.is_integer():
                self.counts[_FLOATS] += 1
                return str(int(value))
            case float():
                raise RowError(f"the field {field!r} is {value!r}, not a whole number or a text")
            case None:
                raise RowError(f"the field {field!r} is null, a missing value")
            case _:
                raise RowError(f"the field {field!r} is {json_type(value)}, not a text or a whole number")

    def count_twins(self) -> None:
        """Count the labels that may be one class written in two ways."""
        key = "labels that are numbers in one row and texts in another"
        self.counts[key] += sum(len(types) > 1 for types in self._json_types.values())
        folded = Counter(label.casefold() for label in self._json_types)
        self.counts["labels that differ only in case"] += sum(times for times in folded.values() if times > 1)


def reading_of_classes(labels: Collection[str]) -> Reading:
    """Return how classes are read: "1" and "1.0" are one if all labels are whole numbers, some without .0."""
    is_whole = all(map(_WHOLE.fullmatch, labels)) and any("." not in label for label in labels)
    return "whole" if is_whole else "as written"


def settled_class(label: str, reading: Reading, counts: Counter[str]) -> str:
    """Return a class without .0 if whole numbers are read so."""
    match = _WHOLE.fullmatch(label)
    if reading != "whole" or not match or not match[1]:
        return label
    counts[_FLOATS] += 1
    return label.removesuffix(match[1])


def read_id(values: dict[str, Any], field: str, usual: str) -> str:
    """Return the data's own id of a row: the value of `field`, or that of `usual` if there is one."""
    value = value_of(values, field) if field else values.get(usual)
    is_id = isinstance(value, str | int) and not isinstance(value, bool)
    if field and not is_id:
        raise RowError(f"the field {field!r} is {json_type(value)}, not a text or a whole number")
    return str(value).strip() if is_id else ""


def read_text(values: dict[str, Any], field: str) -> str:
    """Return the text of a field; a `RowError` if it is missing, not a text, or as in `check_text`."""
    return with_line_feeds(read_given_text(values, field))


def read_given_text(values: dict[str, Any], field: str) -> str:
    """Return the text of a field as `read_text` does, but with its own line ends."""
    text = given_text_of(values, field)
    check_text(text, f"the field {field!r}")
    return text


def check_text(text: str, name: str, blanks: str | None = None) -> None:
    """Raise a `RowError` that begins with `name` if a text is empty, blank, too long, or has a NUL character.

    `blanks` are the characters that make it blank, all of Unicode's by default.
    """
    if not text.strip(blanks):
        raise RowError(f"{name} is {'only white space' if text else 'empty'}")
    if "\0" in text:
        raise RowError(f"{name} has a NUL character, the first at character {text.index(chr(0)) + 1:,}")
    if len(text) > MOST_FIELD_CHARACTERS:
        raise RowError(f"{name} has {len(text):,} characters, more than {MOST_FIELD_CHARACTERS:,}")


def read_number(values: dict[str, Any], field: str) -> float:
    """Return a finite number, given as a number or as text; a `RowError` for anything else."""
    value = value_of(values, field)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError(f"the field {field!r} is {json_type(value)}, not a number")
    try:
        number = float(str(value).replace("_", "?"))  # Python alone reads 1_0 as 10
    except ValueError:
        raise RowError(f"the field {field!r} is {str(value)[:40]!r}, not a number") from None
    if not math.isfinite(number):
        raise RowError(f"the field {field!r} is {str(value)[:40]!r}, not a finite number")
    return number


def read_words(values: dict[str, Any], field: str) -> tuple[str, ...]:
    """Return the words of a sentence: texts that are not empty, but may be a no-break space."""
    words = list_of_texts(value_of(values, field), field)
    if not words:
        raise RowError(f"the field {field!r} is an empty list")
    for number, word in enumerate(words):
        check_text(word, f"item {number} of {field!r}", ASCII_BLANKS)
    return tuple(words)


def list_of_texts(value: object, field: str) -> list[str]:
    """Return the texts of a list, with line feeds; a `RowError` for anything else."""
    if not isinstance(value, list):
        raise RowError(f"the field {field!r} is {json_type(value)}, not a list of texts")
    for number, item in enumerate(value):
        if not isinstance(item, str):
            raise RowError(f"item {number} of {field!r} is {json_type(item)}, not a text")
        check_characters(item, field)
    return [with_line_feeds(item) for item in value]
