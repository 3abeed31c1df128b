"""Labelled examples from files, checked row by row and reported in one pass.

`data/labels/forms.py` says what a row holds; data/labels/tables.py, conll.py and squad.py make rows of files.
Read next: data/labels/task.py (splits).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import CLASSIFICATION, Fields, Form
from twinlm.data.labels.mistaken import BY_NUMBER, Signs
from twinlm.data.labels.tables import Row, read_rows
from twinlm.data.labels.values import Labels, Reading, read_id
from twinlm.data.text.lines import Decoding, OnBadBytes, endings
from twinlm.data.text.rows import RowError
from twinlm.data.text.streams import shown
from twinlm.errors import DataError


class LabelledSet(NamedTuple):
    """The examples of one file in the order of its rows, their labels, sorted, and how these were read."""

    examples: tuple[Example, ...]
    classes: tuple[str, ...]
    reading: Reading = ""
    places: Mapping[str, str] = {}  # file and line where each tag stands first


def read_labelled(
    path: str | Path,
    *,
    form: Form = CLASSIFICATION,
    fields: Fields = Fields(),  # noqa: B008 - frozen
    is_labelled: bool = True,
    split: str = "train",
    encoding: str = "utf-8",
    errors: OnBadBytes = "strict",
    reading: Reading = "",
    usual_id: str = "id",
    counts: Counter[str],
) -> LabelledSet:
    """Read a file of labelled examples with one of the form's endings, also with .gz, .bz2, .xz or .zst.

    `fields` names columns or keys that differ from the form's. Without labels an example's `gold` is None.
    Labels are read as those of the task's earlier files (`reading`). Ids that `fields` does not name are in
    `usual_id`, where a row has it. `counts` gets what is odd but readable. All bad rows are in one
    `DataError`, the first 20 in full.
    """
    path = Path(path).expanduser()
    names = fields.over(form.fields)
    labels = Labels(counts)
    places: dict[str, str] = {}
    lines_each = int(endings(path)[0] == ".conll")  # there, each word of a row has a line of its own

    signs = Signs(form, names, is_labelled=is_labelled)
    files_by_number = counts[BY_NUMBER]

    def example(row: Row) -> Example:
        signs.see(row.values, row.line)
        texts = form.texts(row.values, names)
        gold = form.gold(row.values, names, texts, labels) if is_labelled else None
        for index, label in enumerate(gold if isinstance(gold, list) else ()):
            if isinstance(label, str) and label not in places:
                places[label] = f"{shown(path)}, line {row.line + index * lines_each}"
        data_id = read_id(row.values, fields.id, usual_id)
        return Example(f"{split}-{row.number}", texts, gold, data_id, form.stem(names))

    def settle(examples: list[Example]) -> Callable[[Example], Example]:
        nonlocal reading
        if not is_labelled:
            return lambda example: example
        try:
            reading, settled = form.settle(examples, names, reading, counts)
        except RowError as error:
            hint = "subtract 1 from each number, or give the texts of the right choices"
            raise DataError(str(error), file=path, hint=hint) from None
        return settled

    examples = read_rows(
        path,
        Decoding(encoding, errors, "task"),
        example,
        settle,
        noun="examples",
        endings_allowed=form.endings,
        names=names,
        needed=(*names.named(is_labelled=is_labelled), *filter(None, [fields.id])),
        counts=counts,
    )
    labels.count_twins()
    is_by_number = counts[BY_NUMBER] > files_by_number
    counts.update(signs.check(examples, shown(path), is_by_number=is_by_number))
    counts["texts with different labels"] += _contradictions(examples)
    return LabelledSet(tuple(examples), form.labels(examples) if is_labelled else (), reading, places)


def _contradictions(examples: list[Example]) -> int:
    golds: dict[bytes, set[str]] = defaultdict(set)
    for example in examples:
        golds[example.digest()].add(json.dumps(example.gold))
    return sum(len(different) > 1 for different in golds.values())
