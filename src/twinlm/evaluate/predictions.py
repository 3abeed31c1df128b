"""What a fine-tuned model says of each test example: all that scores and paired tests need, as a file."""

import json
from pathlib import Path
from typing import Any

from twinlm import storage
from twinlm.checkpoint import Trained
from twinlm.data.labelled_task import LabelledTask
from twinlm.use.classify import class_probabilities


def write_predictions(path: Path, trained: Trained, task: LabelledTask) -> None:
    """Write a line for each test example: id, gold class, predicted class, and each class's probability."""
    chances_BC = class_probabilities(trained, [example.texts[0] for example in task.test])
    rows = [
        {
            "id": example.id,
            "gold": example.gold,
            "predicted": task.classes[int(chances_C.argmax())],
            "probabilities": [round(float(chance), 6) for chance in chances_C],
        }
        for example, chances_C in zip(task.test, chances_BC, strict=True)
    ]
    storage.write_file(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())


def read_predictions(path: Path) -> list[dict[str, Any]]:
    """Return the lines that `write_predictions` wrote."""
    return [json.loads(line) for line in path.read_text().splitlines()]
