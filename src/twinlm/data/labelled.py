"""Labelled texts from .csv, .tsv and .jsonl files, checked row by row and reported in one pass.

Labels become texts: an integer 1 and the text "1" are one class. Read next: labelled_task.py (splits).
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from twinlm.data.byte_streams import shown
from twinlm.data.examples import Example
from twinlm.data.labelled_rows import MOST_FIELD_CHARACTERS, Row, read_rows
from twinlm.data.rows import BadRows, RowError, check_characters, kind_of, text_of, value_of
from twinlm.data.text_files import Decoding, OnBadBytes
from twinlm.errors import DataError


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """The examples of one file."""

    examples: tuple[Example, ...]
    """In the order of the rows."""
    classes: tuple[str, ...]
    """The labels that stand in it, sorted."""


def read_labelled(
    path: str | Path,
    *,
    split: str = "train",
    text_field: str = "text",
    label_field: str = "label",
    encoding: str = "utf-8",
    errors: OnBadBytes = "strict",
    counts: Counter[str],
) -> LabelledSet:
    """Read a file of labelled texts: .csv, .tsv or .jsonl, also .gz, .bz2, .xz or .zst.

    JSON integers and booleans count as the labels "1" and "True", integral floats as integers; other floats
    are refused. Adds to `counts`: "labels with white space around them", "labels written as floats", "labels
    that are numbers in one row and texts in another", "labels that differ only in case", "texts with
    different labels", "blank lines", "files with another delimiter".

    Args:
        path: the file.
        split: the first part of the examples' ids.
        text_field: the column or key of the texts.
        label_field: the column or key of the labels.
        encoding: of the file, such as "utf-8" or "cp1252".
        errors: what bytes of another encoding lead to: "strict" (an error), "replace" (U+FFFD) or "skip"
            (the line is left out).
        counts: gathers what was found odd but could be read.

    Raises:
        DataError: the file can't be read to its end, has no rows, or has bad rows: all of them are in one
            message, the first 20 in full.
        ResourceError: the file may not be read.
        UsageError: an unknown encoding.
    """
    path = Path(path).expanduser()
    bad = BadRows()
    examples: list[Example] = []
    labels = _Labels(counts)
    rows = read_rows(
        path, Decoding(encoding, errors, "task"), needed=(text_field, label_field), bad=bad, counts=counts
    )
    for row in rows:
        try:
            text = _text(row, text_field)
            examples.append(Example(f"{split}-{row.number}", (text,), labels.label(row, label_field)))
        except RowError as error:
            bad.add(shown(path), row.line, error)
    if bad.number:
        raise bad.error(file=shown(path), hint="mend or remove what is bad")
    if not examples:
        size_bytes = path.stat().st_size
        hint = f"give it rows with {text_field!r} and {label_field!r}"
        raise DataError(
            f"the file has no rows: {size_bytes:,} bytes, 0 examples", file=shown(path), hint=hint
        )
    labels.count_twins()
    counts["texts with different labels"] += _contradictions(examples)
    return LabelledSet(tuple(examples), tuple(sorted({example.gold for example in examples})))


def _text(row: Row, field: str) -> str:
    text = text_of(row.values, field)
    if not text.strip():
        raise RowError(f"the field {field!r} is {'only white space' if text else 'empty'}")
    if "\0" in text:
        raise RowError(
            f"the field {field!r} holds a NUL character, the first at character {text.index(chr(0)) + 1:,}"
        )
    if len(text) > MOST_FIELD_CHARACTERS:
        message = f"{len(text):,} characters, more than {MOST_FIELD_CHARACTERS:,}"
        raise RowError(f"the field {field!r} has {message}")
    return text


class _Labels:
    """Turns what stands in the label field into a label, and counts what is odd."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._kinds: dict[str, set[str]] = defaultdict(set)

    def label(self, row: Row, field: str) -> str:
        """Return the label of a row.

        Raises:
            RowError: it is missing or can't be a label.
        """
        value = value_of(row.values, field)
        label = self._as_text(value, field)
        if label != label.strip():
            self._counts["labels with white space around them"] += 1
            label = label.strip()
        if not label or label.lower() == "nan":
            raise RowError(
                f"the field {field!r} is {'empty' if not label else repr(label) + ', a missing value'}"
            )
        self._kinds[label].add("text" if isinstance(value, str) else "number")
        return label

    def _as_text(self, value: object, field: str) -> str:
        if isinstance(value, str):
            check_characters(value, field)
            if not value.replace("\t", " ").strip().isprintable():
                raise RowError(f"the field {field!r} holds control characters or line ends: {value[:40]!r}")
            return value
        if value is None:
            raise RowError(f"the field {field!r} is null, a missing value")
        if isinstance(value, float):
            if not value.is_integer():
                raise RowError(f"the field {field!r} is {value!r}, not a whole number or a text")
            self._counts["labels written as floats"] += 1
            return str(int(value))
        if isinstance(value, int):
            return str(value)
        raise RowError(f"the field {field!r} is {kind_of(value)}, not a text or a whole number")

    def count_twins(self) -> None:
        """Count the labels that are perhaps one class written in two ways."""
        key = "labels that are numbers in one row and texts in another"
        self._counts[key] += sum(len(kinds) > 1 for kinds in self._kinds.values())
        folded = Counter(label.casefold() for label in self._kinds)
        self._counts["labels that differ only in case"] += sum(
            times for times in folded.values() if times > 1
        )


def _contradictions(examples: list[Example]) -> int:
    labels: dict[bytes, set[str]] = defaultdict(set)
    for example in examples:
        labels[example.digest()].add(example.gold)
    return sum(len(different) > 1 for different in labels.values())
