"""Outcomes of test examples, from which all statistics start: fine-tuned models R by test examples E.

A value is right or wrong, the F1 of an answer, or a pseudo-value (`tasks/metrics.py`); a row's mean is the
figure. Rows are ordered by pre-training: P pre-trainings with S fine-tuning seeds each, R = P * S. A baseline
without seeds has one row.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.bool_] | npt.NDArray[np.float64]
"""Outcomes, models by examples."""
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Outcomes:
    """Outcomes of one arm."""

    values_RE: Matrix
    """Values, a row for each fine-tuned model, ordered by pre-training."""
    groups: int = 1
    """Number of pre-trainings P, which have equally many rows."""

    def __post_init__(self) -> None:
        """Check the shape."""
        assert self.values_RE.ndim == 2 and self.values_RE.size > 0, "models by examples, one of each or more"
        assert len(self.values_RE) % self.groups == 0, "each pre-training has as many fine-tuning seeds"

    @property
    def rows(self) -> int:
        """Number of fine-tuned models R."""
        return len(self.values_RE)

    @property
    def examples(self) -> int:
        """Number of test examples E."""
        return int(self.values_RE.shape[1])

    @property
    def seeds(self) -> int:
        """Number of fine-tuning seeds S of each pre-training."""
        return self.rows // self.groups

    @property
    def means_E(self) -> Numbers:
        """Each example's mean over all models."""
        means_E: Numbers = self.values_RE.mean(axis=0)
        return means_E

    @property
    def values_PSE(self) -> Numbers:
        """The values as numbers, by pre-training, fine-tuning seed and example."""
        return self.values_RE.reshape(self.groups, self.seeds, -1).astype(np.float64)

    @property
    def figures_U(self) -> Numbers:
        """Figures of the independent draws: pre-trainings if there are several, otherwise models.

        Two fine-tunings of one pre-training are not independent.
        """
        figures_R: Numbers = self.values_RE.mean(axis=1)
        groups_P: Numbers = figures_R.reshape(self.groups, -1).mean(axis=1)
        return groups_P if self.groups > 1 else figures_R


def as_outcomes(arm: Outcomes | Matrix) -> Outcomes:
    """Return outcomes; a bare matrix has one pre-training, or none."""
    return arm if isinstance(arm, Outcomes) else Outcomes(arm)


def paired(first: Outcomes | Matrix, second: Outcomes | Matrix) -> tuple[Outcomes, Outcomes]:
    """Return two arms on the same test examples."""
    pair = as_outcomes(first), as_outcomes(second)
    assert pair[0].examples == pair[1].examples, "both arms must have the same test examples"
    return pair
