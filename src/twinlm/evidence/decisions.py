"""An arm's answers decision by decision: R models, U decisions (on examples, or on their words), E examples.

The words of a sentence are not independent, so intervals are computed from examples, never from words.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from twinlm.evidence.answers import ArmAnswers, TaskAnswers
from twinlm.evidence.outcomes import Outcomes
from twinlm.tasks.judging import Decision
from twinlm.tasks.metrics import of_ratio
from twinlm.tasks.table import task_kind

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Decisions of an arm."""

    arm: str
    """Name of the arm."""
    decisions: list[list[Decision]]
    """Decisions of each fine-tuned model, in the order of the examples."""
    owners_U: Places
    """Example of each decision."""
    places_U: Places
    """Number of each decision within its example, from 0."""
    rights_RU: npt.NDArray[np.bool_]
    """Whether each decision is right."""
    worths_RU: npt.NDArray[np.float64]
    """Worth of each decision, from 0 to 1."""
    confidences_RU: npt.NDArray[np.float64]
    """P(answer); nan where there is none."""
    groups: int
    """Number of pre-trainings, as `Outcomes.groups`."""

    @property
    def is_sure(self) -> bool:
        """Whether every answer came with a probability."""
        return not np.isnan(self.confidences_RU).any()


def judged(answers: TaskAnswers, arm: ArmAnswers) -> Judged:
    """Split an arm's answers into decisions."""
    decide = task_kind(answers.kind).judging.decisions
    by_example = [decide(answers.golds, row, answers.scheme) for row in arm.said]
    counts_E = np.array([len(of_example) for of_example in by_example[0]])
    rows = [[one for of_example in row for one in of_example] for row in by_example]
    owners_U = np.repeat(np.arange(len(counts_E)), counts_E)
    return Judged(
        arm=arm.arm,
        decisions=rows,
        owners_U=owners_U,
        places_U=np.arange(len(owners_U)) - np.repeat(counts_E.cumsum() - counts_E, counts_E),
        rights_RU=np.array([[one.is_right for one in row] for row in rows]),
        worths_RU=np.array([[one.worth for one in row] for row in rows]),
        groups=arm.groups,
        confidences_RU=np.array([[one.confidence for one in row] for row in rows], np.float64),
    )


def paired(first: Judged, second: Judged) -> tuple[Judged, Judged]:
    """Return both arms with equally many models, repeating those of the smaller one."""
    rows = max(len(first.decisions), len(second.decisions))
    groups = max(first.groups, second.groups)
    return _with_rows(first, rows, groups), _with_rows(second, rows, groups)


def outcomes(values_RU: npt.ArrayLike, owners_U: Places, groups: int) -> Outcomes:
    """Return values of examples whose mean is the mean over decisions, for `evidence/intervals.py`.

    Examples without a decision have no column.
    """
    _, owners_U = np.unique(owners_U, return_inverse=True)
    counts_E = np.bincount(owners_U)
    sums_RE = [np.bincount(owners_U, weights=row_U) for row_U in np.asarray(values_RU, np.float64)]
    rows = [of_ratio("share", row_E, counts_E).values_E for row_E in sums_RE]
    return Outcomes(np.array(rows, np.float64), groups)


def _with_rows(arm: Judged, rows: int, groups: int) -> Judged:
    chosen = np.arange(rows) % len(arm.decisions)
    return replace(
        arm,
        decisions=[arm.decisions[row] for row in chosen],
        rights_RU=arm.rights_RU[chosen],
        worths_RU=arm.worths_RU[chosen],
        confidences_RU=arm.confidences_RU[chosen],
        groups=groups,
    )
