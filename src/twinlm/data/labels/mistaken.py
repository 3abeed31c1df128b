"""Signs that rows are not what they are read as: rows of another kind of task, a header, unread texts."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from twinlm.data.labels.choices import read_choice, read_choices
from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import Fields, Form
from twinlm.data.text.rows import RowError
from twinlm.errors import DataError

BY_NUMBER = "files without a header: columns by number"
MAYBE_HEADER = "first lines that may be a header, since no other row has their label: taken as examples"
FRACTIONS = "labels of pairs that are numbers with a fraction: taken as classes"
UNREAD = "examples with a field {!r}, which is not read unless text_b_field is set to it"
_CHOICES = "choices"
_ENDINGS = {".conll": "tagging", ".conllu": "tagging"}
# Usual names of fields that only one kind of task has; with a text of ours beside them, all must be there.
_FIELDS = {
    "tagging": {"tokens", "tags"},
    "span_qa": {"context", "answers"},
    "choice": {_CHOICES},
    "similarity": {"score"},
}
_COLUMNS = re.compile(r"choices?[_ -]?\d{1,4}")
_SECOND_TEXTS = ("text_b", "question")
_HEADERS = {"label", "labels", "class", "category", "target", "topic", "sentiment", "intent", "answer", "tag"}
_NUMBER = re.compile(r"[+-]?\d*\.?\d+")


def another_kind(there: Collection[str], names: Fields) -> str:
    """Return the beginning of a hint if an ending or fields that are there belong to another kind of task."""
    signs = {*there, *(_CHOICES for name in there if _COLUMNS.fullmatch(name))}
    own, has_text = {names.text, names.choices, names.label}, names.text in signs
    kinds = [_ENDINGS[ending] for ending in there if ending in _ENDINGS]
    for kind, fields in _FIELDS.items():
        is_there = fields <= signs if has_text else not fields.isdisjoint(signs)
        kinds += [kind] * (is_there and fields.isdisjoint(own))
    if not kinds or (has_text and names.label in signs):
        return ""
    return f'for such a task set kind = "{kinds[0]}" in its [[task]]; '


class Signs:
    """Watches the rows of one file."""

    def __init__(self, form: Form, names: Fields, *, is_labelled: bool) -> None:
        self._names = names
        self._has_classes = is_labelled and form.is_split_by_label
        self._may_be_choices = self._has_classes
        self._has_optional_text = not names.text_b and not form.fields.text_b
        self._first_line = 0
        self._counts: Counter[str] = Counter()

    def see(self, values: dict[str, Any], line: int) -> None:
        """Look at the next row."""
        self._first_line = self._first_line or line
        self._may_be_choices = self._may_be_choices and _is_of_choices(values, self._names.label)
        for name in _SECOND_TEXTS if self._has_optional_text else ():
            is_read = name in (self._names.text, self._names.label, self._names.id)
            self._counts[UNREAD.format(name)] += name in values and not is_read

    def check(self, examples: Sequence[Example], file: str, *, is_by_number: bool) -> Counter[str]:
        """Return counts of what may be wrong with the examples of all rows.

        Raises:
            DataError: the rows are of choices, or the first one is a header.
        """
        if self._may_be_choices:
            message = f"each of the {len(examples):,} rows has choices, and its label is one of them"
            hint = 'set kind = "choice" in its [[task]]; to classify the texts alone, rename the choices'
            raise DataError(message, file=file, hint=hint)
        if self._has_classes:
            self._check_classes(examples, file, is_by_number=is_by_number)
        return +self._counts

    def _check_classes(self, examples: Sequence[Example], file: str, *, is_by_number: bool) -> None:
        first, times = examples[0].gold, Counter(example.gold for example in examples)
        if is_by_number and times[first] == 1 < len(times):
            if first.casefold() in _HEADERS:
                message = f"this line seems to be a header: no other row has the label {first!r}"
                hint = "remove the line, or set the fields to its names in place of numbers"
                raise DataError(message, file=file, line=self._first_line, hint=hint)
            self._counts[MAYBE_HEADER] += 1
        if len(examples[0].texts) == 2 and all(map(_NUMBER.fullmatch, times)):
            self._counts[FRACTIONS] += sum(times[label] for label in times if not float(label).is_integer())


def _is_of_choices(values: dict[str, Any], label: str) -> bool:
    if _CHOICES not in values and not any(map(_COLUMNS.fullmatch, values)):
        return False
    try:
        read_choice(values, label, read_choices(values, _CHOICES))
    except RowError:
        return False
    return True
