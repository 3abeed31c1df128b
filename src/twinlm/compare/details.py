"""What stands behind a task's scores: where arms differ, how sure they are, what both together gain.

`details.json` holds these records, beside `results.json`; the report shows them. Next: disagreement.py,
calibration.py and ensemble.py make the parts.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from twinlm import storage
from twinlm.compare.answers import TaskAnswers
from twinlm.compare.calibration import Calibration, calibration
from twinlm.compare.disagreement import Disagreement, disagreement
from twinlm.compare.ensemble import Measurer, Together, together
from twinlm.compare.judged import judged
from twinlm.compare.results_json import record_from_json
from twinlm.log import Progress
from twinlm.tasks.table import task_kind

NAME = "details.json"
FORMAT = 1
_SHOWN = 18
"""Examples to show for each side of all pairs of a task: six where there are three pairs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskDetails:
    """What stands behind the scores of one task."""

    task: str
    """Its name."""
    unit: str
    """What is decided on: "example" or "word"."""
    right: str
    """What counts as right, as the end of a sentence."""
    calibrations: list[Calibration]
    """Of the pre-trained arms whose answers have probabilities."""
    why_not_calibrated: str
    """Why some are missing, as a sentence; empty if none is."""
    disagreements: list[Disagreement]
    """Of each two pre-trained arms."""
    together: list[Together]
    """Of each two pre-trained arms, in the same order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Details:
    """What stands behind the scores of a comparison."""

    tasks: list[TaskDetails]
    """In the order of `Results.tasks`."""


def find_details(tasks: Sequence[TaskAnswers], progress: Progress) -> Details:
    """Return what stands behind the scores of tasks; nothing but the answers goes into it."""
    pairs = sum(len(list(combinations(answers.pretrained, 2))) for answers in tasks)
    progress.start("looking at where models differ", pairs, "pairs")
    found: list[TaskDetails] = []
    for answers in tasks:
        done = sum(len(task.together) for task in found)
        found.append(_task_details(answers, done, progress))
    progress.finish()
    return Details(tasks=found)


def to_json(details: Details) -> dict[str, Any]:
    """Return the records as what JSON can hold, with the number of the format first."""
    return {"format": FORMAT, **dataclasses.asdict(details)}


def from_json(value: object, *, file: Path | None = None) -> Details:
    """Return the records that `to_json` was given.

    Raises:
        ModelError: they are of another format, or not such records.
    """
    return record_from_json(Details, value, FORMAT, what="details", file=file)


def read_details(folder: Path) -> Details:
    """Return what the `details.json` of a run or bundle holds; of no task where there is none.

    Raises:
        ModelError: the file is damaged or of another format.
    """
    path = folder / NAME
    return from_json(storage.read_json(path), file=path) if path.is_file() else Details(tasks=[])


def _task_details(answers: TaskAnswers, done: int, progress: Progress) -> TaskDetails:
    judging, measurer = task_kind(answers.kind).judging, Measurer(answers)
    pairs = list(combinations([arm.arm for arm in answers.pretrained], 2))
    calibrations = [calibration(arm.arm, judged(answers, arm)) for arm in answers.pretrained]
    disagreements, uses = [], []
    for number, (first, second) in enumerate(pairs, 1):
        disagreements.append(disagreement(answers, first, second, shown=max(1, _SHOWN // len(pairs))))
        uses.append(together(answers, first, second, measurer))
        progress.advance(done + number)
    old = "The stored answers have no probabilities, or are too few to say."
    return TaskDetails(
        task=answers.name,
        unit=judging.unit,
        right=judging.right,
        calibrations=[item for item in calibrations if item is not None],
        why_not_calibrated=(judging.why_not_sure or old) if None in calibrations else "",
        disagreements=disagreements,
        together=uses,
    )
