"""Details behind a task's scores: disagreement, calibration and the gain of combining arms.

`details.json` holds these records, beside `results.json`.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import ClassVar

from twinlm.evidence.answers import ArmAnswers, TaskAnswers
from twinlm.evidence.calibration import Calibration, calibration
from twinlm.evidence.disagreement import Disagreement, disagreement
from twinlm.evidence.ensemble import Measurer, Together, together
from twinlm.system.log import Progress
from twinlm.system.records import Record
from twinlm.tasks.table import task_kind

NAME = "details.json"
_SHOWN = 18  # examples for each side, over all pairs of a task


class TaskDetails(Record):
    """Details behind the scores of one task."""

    task: str
    """Name of the task."""
    unit: str
    """Unit of a decision: "example" or "word"."""
    right: str
    """Definition of right, as the end of a sentence."""
    calibrations: list[Calibration]
    """Calibration of each pre-trained arm whose answers have probabilities."""
    why_not_calibrated: str
    """Reason why some are missing, as a sentence; empty if none is."""
    disagreements: list[Disagreement]
    """Disagreement of each pair of the arms that `side_by_side` chose."""
    together: list[Together]
    """Gain of combining the same pairs, in the same order."""


class Details(Record):
    """Details behind the scores of a comparison: `details.json`."""

    FORMAT: ClassVar[int] = 1

    tasks: list[TaskDetails]
    """Details by task, in the order of `Results.tasks`."""


def find_details(tasks: Sequence[TaskAnswers], progress: Progress) -> Details:
    """Return the details of tasks, from their answers alone."""
    progress.start("looking at where models differ", len(tasks), "tasks")
    details = []
    for answers in tasks:
        details.append(task_details(answers))
        progress.advance(len(details))
    progress.finish()
    return Details(tasks=details)


def task_details(answers: TaskAnswers) -> TaskDetails:
    """Return the details of one task."""
    judging, measurer = task_kind(answers.kind).judging, Measurer(answers)
    pairs = list(combinations(side_by_side(answers, measurer), 2))
    calibrations = [calibration(measurer.judged(arm)) for arm in answers.pretrained]
    old = "Some of the stored answers have no probabilities, or are too few."
    return TaskDetails(
        task=answers.name,
        unit=judging.unit,
        right=judging.right,
        calibrations=[item for item in calibrations if item is not None],
        why_not_calibrated=(judging.why_not_sure or old) if None in calibrations else "",
        disagreements=[
            disagreement(answers, measurer.judged(first), measurer.judged(second), shown=_SHOWN // len(pairs))
            for first, second in pairs
        ],
        together=[together(answers, first.arm, second.arm, measurer) for first, second in pairs],
    )


def side_by_side(answers: TaskAnswers, measurer: Measurer) -> list[ArmAnswers]:
    """Return the arms to compare in pairs: the two kinds, and the best of the other pre-trained ones."""
    kinds, others = answers.pretrained[:2], answers.pretrained[2:]
    best = sorted(others, key=lambda arm: -float(measurer.alone(arm).means_E.mean()))[:1]
    return [*kinds, *best]
