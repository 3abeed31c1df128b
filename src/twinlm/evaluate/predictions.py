"""Predictions of a fine-tuned model for test examples, as a file: the input of scores and paired tests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twinlm.checkpoint import Trained
from twinlm.data.labels.examples import Example
from twinlm.system import storage
from twinlm.system.foreign_folder import parse_rows
from twinlm.use.predict import predict


def write_predictions(path: Path, trained: Trained, examples: Sequence[Example]) -> None:
    """Write one line per example: id, gold answer, number of characters in its texts, and the prediction."""
    answers = predict(trained, examples)
    rows = [
        {"id": example.id, "gold": example.gold, "characters": sum(map(len, example.texts)), **answer}
        for example, answer in zip(examples, answers, strict=True)
    ]
    storage.write_file(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())


def read_predictions(path: Path) -> list[dict[str, Any]]:
    """Return the lines that `write_predictions` wrote."""
    return parse_rows(path.read_bytes(), path)
