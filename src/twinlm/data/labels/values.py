"""The fields of a labelled row, checked: texts, classes, numbers, lists of words and tags."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
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
LOOK_ALIKE = "labels that look alike (invisible or composed characters): taken as different ones"
TRUE_AND_NUMBERS = "labels that are true or false beside numbers: taken as different classes"
_WHOLE = re.compile(r"[+-]?\d+(\.0+)?")
_FLOATS = "labels written as floats"
_WITHOUT_POINT = "labels written without the .0 that the others have"
_OTHER_SPELLING = "labels that are true or false in another spelling than the others"
_TWO_WAYS = "labels that are one number written in two ways: taken as different classes"
ASCII_BLANKS = " \t\n\r\f\v"
_MISSING = ("nan", "null", "na", "n/a")
_CONTROLS = ("Cc", "Zl", "Zp")  # not Cf and Zs: words of many scripts need joiners and no-break spaces


Reading = Literal["", "number", "text", "whole", "with .0", "true", "True", "TRUE", "as written"]
"""How the labels of a file are read: choices by number or text; classes that are all whole numbers without or
with .0, classes that are all true or false in one of three spellings, others as written; "" if nothing is
settled."""
_SPELLINGS: dict[Reading, Callable[[str], str]] = {
    "true": str.lower,
    "True": str.capitalize,
    "TRUE": str.upper,
}


class Labels:
    """Turns values into labels and counts what is odd. An integer 1 and the text "1" are one class."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self._json_types: dict[str, set[str]] = defaultdict(set)
        self._bare = set[str]()

    def label(self, values: dict[str, Any], field: str) -> str:
        """Return the label of a row; a `RowError` if it is missing or can't be a label."""
        value = value_of(values, field)
        label = self.bare(self._as_text(value, field))
        if not label:
            is_blank = value not in ("", None)
            raise RowError(f"the field {field!r} is {'only white space' if is_blank else 'empty'}")
        self.counts[MISSING] += label.casefold() in _MISSING
        self._json_types[label].add(
            "texts" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "numbers"
        )
        return label

    def bare(self, label: str) -> str:
        """Return a label or tag without the white space around it, which is counted."""
        bare = label.strip()
        self.counts["labels with white space around them"] += label != bare
        self._bare.add(bare)
        return bare

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
        for kind in ("numbers", "true or false"):
            key = f"labels that are {kind} in one row and texts in another"
            self.counts[key] += sum({kind, "texts"} <= types for types in self._json_types.values())
        kinds = [types for types in self._json_types.values() if "true or false" in types]
        if any("numbers" in types for types in self._json_types.values()):
            self.counts[TRUE_AND_NUMBERS] += len(kinds)
        looks = Counter(map(_look, self._bare))
        self.counts[LOOK_ALIKE] += sum(times for times in looks.values() if times > 1)
        folded = Counter(label.casefold() for label in self._json_types)
        self.counts["labels that differ only in case"] += sum(times for times in folded.values() if times > 1)


def _look(label: str) -> str:
    """Return a label in one normal form, without characters that are invisible."""
    seen = unicodedata.normalize("NFC", label)
    return "".join(each for each in seen if unicodedata.category(each) != "Cf")


def reading_of_classes(labels: Collection[str]) -> Reading:
    """Return how classes are read: "1" and "1.0" are one if all are whole numbers.

    So are "true" and "True" if all are true or false.
    """
    if all(map(_WHOLE.fullmatch, labels)):
        if any("." not in label for label in labels):
            return "whole"
        return "with .0" if all(label.endswith(".0") for label in labels) else "as written"
    if all(label.casefold() in ("true", "false") for label in labels):
        alike = (name for name, spelled in _SPELLINGS.items() if {*map(spelled, labels)} == {*labels})
        return next(alike, "True")
    return "as written"


def settled_class(label: str, reading: Reading, counts: Counter[str]) -> str:
    """Return a class in the spelling of its reading; a label of another kind stays as it is."""
    match = _WHOLE.fullmatch(label)
    settled, reason = label, ""
    if reading == "whole" and match and match[1]:
        settled, reason = label.removesuffix(match[1]), _FLOATS
    elif reading == "with .0" and match:
        settled, reason = label.removesuffix(match[1] or "") + ".0", _WITHOUT_POINT
    elif reading in _SPELLINGS and label.casefold() in ("true", "false"):
        settled, reason = _SPELLINGS[reading](label), _OTHER_SPELLING
    counts[reason] += settled != label
    return settled


def count_numbers_in_two_ways(classes: Collection[str], counts: Counter[str]) -> None:
    """Count the classes that are one whole number with another, such as "1" and "1.0" beside "0.5"."""
    numbers = [label.removesuffix(match[1] or "") for label in classes if (match := _WHOLE.fullmatch(label))]
    counts[_TWO_WAYS] += sum(times for times in Counter(numbers).values() if times > 1)


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
