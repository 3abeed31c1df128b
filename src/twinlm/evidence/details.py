"""What stands behind a task's scores: where arms differ, how sure they are, what both together gain.

`details.json` holds these records, beside `results.json`; the report shows them. Next:
evidence/disagreement.py, evidence/calibration.py and evidence/ensemble.py make the parts.
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
_SHOWN = 18
"""Examples to show for each side, over all pairs of a task: six where there are three pairs."""


class TaskDetails(Record):
    """What stands behind the scores of one task."""

    task: str
    """Its name."""
    unit: str
    """What is decided on: "example" or "word"."""
    right: str
    """What counts as right, as the end of a sentence."""
    calibrations: list[Calibration]
    """Of all pre-trained arms whose answers have probabilities."""
    why_not_calibrated: str
    """Why some are missing, as a sentence; empty if none is."""
    disagreements: list[Disagreement]
    """Of each two of the arms that `side_by_side` chose."""
    together: list[Together]
    """Of the same arms, in the same order."""


class Details(Record):
    """What stands behind the scores of a comparison: `details.json`."""

    FORMAT: ClassVar[int] = 1

    tasks: list[TaskDetails]
    """In the order of `Results.tasks`."""


def find_details(tasks: Sequence[TaskAnswers], progress: Progress) -> Details:
    """Return what stands behind the scores of tasks; nothing but the answers goes into it."""
    progress.start("looking at where models differ", len(tasks), "tasks")
    found: list[TaskDetails] = []
    for answers in tasks:
        found.append(task_details(answers))
        progress.advance(len(found))
    progress.finish()
    return Details(tasks=found)


def task_details(answers: TaskAnswers) -> TaskDetails:
    """Return what stands behind the scores of one task."""
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
    """Return the arms to look at two by two: the two kinds, and the best of the other pre-trained ones.

    Each pair takes a page; nine arms have 36.
    """
    kinds, others = answers.pretrained[:2], answers.pretrained[2:]
    best = sorted(others, key=lambda arm: -float(measurer.alone(arm).means_E.mean()))[:1]
    return [*kinds, *best]
