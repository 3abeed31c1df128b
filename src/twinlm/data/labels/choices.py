"""The choices of a row and its label, a choice's number from 0 or its text: settled for all rows at once.

"2" among the choices "1", "2" and "3" is both the text of the second and the number of the third.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from twinlm.data.labels.values import Reading, check_text, list_of_texts
from twinlm.data.text.rows import RowError, json_type, text_of, value_of, with_line_feeds

UNCLEAR = "labels that are one choice's text and another's number: taken as the {}"
NEVER_FIRST = "labels that are numbers of choices, none of them 0, the first choice"
_RARE, _UNLIKELY = 0.05, 0.001  # chances
_NUMBER = re.compile(r"\s*(\d{1,9})(\.0+)?\s*")


class ChoiceLabel(NamedTuple):
    """A label that is not settled yet."""

    shown: str
    choices: int
    number: int | None  # index that it gives as a number
    text: int | None  # index of the one choice with this text
    is_of_several: bool  # whether several choices have this text
    is_json_number: bool


def read_choices(values: dict[str, Any], field: str) -> tuple[str, ...]:
    """Return the choices: a list, or columns of a table: "choice_1" ..., or "2-5" without a header."""
    if field in values:
        choices = list_of_texts(values[field], field)
    else:
        choices = [text_of(values, name) for name in _columns(values, field)]
        while choices and not choices[-1].strip():  # the row has fewer choices than the table has columns
            choices.pop()
    if len(choices) < 2:
        raise RowError(f"{len(choices)} choices in {field!r}: at least 2 are needed")
    for number, text in enumerate(choices):
        check_text(text, f"choice {number} of {field!r}")
    return tuple(choices)


def _columns(names: Iterable[str], field: str) -> list[str]:
    if ends := re.fullmatch(r"(\d{1,4})-(\d{1,4})", field):
        return [str(number) for number in range(int(ends[1]), int(ends[2]) + 1)]
    numbered = re.compile(rf"{re.escape(field.rstrip('s'))}s?[_ -]?(\d{{1,4}})")
    matches = [match for name in names if (match := numbered.fullmatch(name))]
    return [match[0] for match in sorted(matches, key=lambda match: int(match[1]))]


def read_choice(values: dict[str, Any], field: str, choices: Sequence[str]) -> ChoiceLabel:
    """Return the label of a row in both readings; a `RowError` if it fits neither."""
    value, last = value_of(values, field), len(choices) - 1
    reason = f"not a choice's number from 0 to {last} or the text of one choice"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError(f"the field {field!r} is {json_type(value)}, {reason}")
    label = with_line_feeds(str(value))
    digits = _NUMBER.fullmatch(label)
    number = int(digits[1]) if digits and int(digits[1]) <= last else None
    text = choices.index(label) if choices.count(label) == 1 else None
    is_of_several = choices.count(label) > 1
    if number is None and is_of_several:
        raise RowError(_several(label, field))
    if number is None and text is None:
        raise RowError(f"the field {field!r} is {label[:40]!r}, {reason}")
    return ChoiceLabel(label[:40], len(choices), number, text, is_of_several, not isinstance(value, str))


def reading_of(labels: Sequence[ChoiceLabel]) -> Reading:
    """Return the reading that more labels fit; if both fit equally many, numbers of JSON are numbers."""
    numbers = sum(label.number is not None for label in labels)
    texts = sum(label.text is not None for label in labels)
    if numbers == texts:
        return "number" if any(label.is_json_number for label in labels) else "text"
    return "number" if numbers > texts else "text"


def check_from_zero(labels: Sequence[ChoiceLabel], field: str, counts: Counter[str]) -> None:
    """Raise a `RowError` if no number is 0 though so many must have one by chance; of few, count them."""
    if not labels or any(label.number == 0 for label in labels):
        return
    if (chance := math.prod(1 - 1 / label.choices for label in labels)) < _UNLIKELY:
        last = max(label.number or 0 for label in labels)
        raise RowError(
            f"the field {field!r} has numbers from 1 to {last}, never 0, though {len(labels):,} rows have "
            "labels: do they count from 1? The first choice is 0"
        )
    counts[NEVER_FIRST] += len(labels) * (chance < _RARE)


def settled(
    label: ChoiceLabel, reading: Reading, field: str, counts: Counter[str], others: str = "the other labels"
) -> int:
    """Return the index of the right choice; a `RowError` if the label is not read as the `others` are."""
    chosen = label.number if reading == "number" else label.text
    if chosen is None and label.is_of_several:
        raise RowError(_several(label.shown, field))
    if chosen is None:
        wanted = f"numbers from 0 to {label.choices - 1}" if reading == "number" else "texts of choices"
        raise RowError(f"the field {field!r} is {label.shown!r}, but {others} are {wanted}")
    is_unclear = None not in (label.number, label.text) and label.number != label.text
    counts[UNCLEAR.format(reading)] += is_unclear
    return chosen


def _several(label: str, field: str) -> str:
    return f"the field {field!r} is {label[:40]!r}, the text of two choices or more, so it names none of them"
