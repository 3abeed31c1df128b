"""Labelled examples from files, checked row by row and reported in one pass.

`data/labels/forms.py` says what a row holds; data/labels/tables.py, conll.py and squad.py make rows of files.
Read next: data/labels/task.py (splits).
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import CLASSIFICATION, Fields, Form
from twinlm.data.labels.tables import Row, read_rows
from twinlm.data.labels.values import Labels
from twinlm.data.text.lines import Decoding, OnBadBytes


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """The examples of one file."""

    examples: tuple[Example, ...]
    """Examples in the order of the rows."""
    classes: tuple[str, ...]
    """Labels of the examples, sorted."""


def read_labelled(
    path: str | Path,
    *,
    form: Form = CLASSIFICATION,
    fields: Fields = Fields(),  # noqa: B008 - frozen
    is_labelled: bool = True,
    split: str = "train",
    encoding: str = "utf-8",
    errors: OnBadBytes = "strict",
    counts: Counter[str],
) -> LabelledSet:
    """Read a file of labelled examples with one of the form's endings, also with .gz, .bz2, .xz or .zst.

    JSON integers and booleans are the labels "1" and "True", integral floats are integers; other floats are
    refused. Adds to `counts`: "labels with white space around them", "labels written as floats", "labels
    that are numbers in one row and texts in another", "labels that differ only in case", "texts with
    different labels", "blank lines", "files with another delimiter", "fields between quotes in .tsv files:
    the quotes were kept", and what forms count.

    Args:
        path: the file.
        form: what its rows hold.
        fields: names of columns or keys that differ from the form's.
        is_labelled: whether rows must have a label; else their `gold` is None.
        split: first part of the examples' ids.
        encoding: encoding of the file, such as "utf-8" or "cp1252".
        errors: treatment of bytes of another encoding: "strict" (an error), "replace" (U+FFFD) or "skip"
            (the line is left out).
        counts: counts of what is odd but readable.

    Raises:
        DataError: the file can't be read to its end, has no rows, or has bad rows: all of them are in one
            message, the first 20 in full.
        ResourceError: no permission to read the file.
        UsageError: an unknown encoding.
    """
    path = Path(path).expanduser()
    names = fields.over(form.fields)
    labels = Labels(counts)

    def example(row: Row) -> Example:
        texts = form.texts(row.values, names)
        gold = form.gold(row.values, names, texts, labels) if is_labelled else None
        return Example(f"{split}-{row.number}", texts, gold)

    examples = read_rows(
        path,
        Decoding(encoding, errors, "task"),
        example,
        noun="examples",
        endings_allowed=form.endings,
        names=names,
        needed=names.named(is_labelled=is_labelled),
        counts=counts,
    )
    labels.count_twins()
    counts["texts with different labels"] += _contradictions(examples)
    return LabelledSet(tuple(examples), form.labels(examples) if is_labelled else ())


def _contradictions(examples: list[Example]) -> int:
    golds: dict[bytes, set[str]] = defaultdict(set)
    for example in examples:
        golds[example.digest()].add(json.dumps(example.gold))
    return sum(len(different) > 1 for different in golds.values())
