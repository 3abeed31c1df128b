"""Predictions of a fine-tuned model for test examples, as a file: the input of scores and paired tests."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twinlm.checkpoint import Trained
from twinlm.data.labels.examples import Example
from twinlm.errors import DataError
from twinlm.system import storage
from twinlm.system.foreign_folder import parse_rows
from twinlm.tasks.kind import Answer
from twinlm.use.predict import answered


def write_predictions(path: Path, trained: Trained, examples: Sequence[Example]) -> None:
    """Write one line per example: ids, gold answer, number of characters in its texts, and the prediction."""
    write_answers(path, examples, answered(trained, examples))


def write_answers(path: Path, examples: Sequence[Example], answers: Sequence[Answer]) -> None:
    """Write predictions that are made already."""
    rows = [
        {**ids(example), "gold": example.gold, "characters": sum(map(len, example.texts)), **answer}
        for example, answer in zip(examples, answers, strict=True)
    ]
    storage.write_file(path, storage.json_lines(rows))


def ids(example: Example) -> dict[str, str]:
    """Return the split and row of an example, and the data's own id if it has one."""
    return {"id": example.id, **({"data_id": example.data_id} if example.data_id else {})}


def as_squad(examples: Sequence[Example], answers: Sequence[Mapping[str, Any]]) -> bytes:
    """Return answers as SQuAD's script reads them: one object, from the data's own ids to texts.

    Raises:
        DataError: an example has no id of its own, or two have the same.
    """
    rows = {example.data_id: answer["predicted"] for example, answer in zip(examples, answers, strict=True)}
    if "" in rows or len(rows) < len(examples):
        first = next((example.id for example in examples if not example.data_id), "")
        what = (
            f"{first} has none" if first else f"{len(examples):,} examples have {len(rows):,} different ones"
        )
        raise DataError(
            f"SQuAD's form needs an id of each question: {what}", hint="--id-field names its column"
        )
    return json.dumps(rows, ensure_ascii=False).encode() + b"\n"


def read_predictions(path: Path) -> list[dict[str, Any]]:
    """Return the lines that `write_predictions` wrote."""
    return parse_rows(path.read_bytes(), path)
