"""What each test example adds to an arm's figure, for each of its models: what all statistics start from.

A row for each fine-tuned model R, a column for each test example E, in it what the example adds to the figure
(right or wrong; the F1 of an answer; a pseudo-value, see `tasks/metrics.py`), such that a row's mean is the
figure. The rows of one pre-training stand together: P pre-trainings with S fine-tuning seeds each, R = P * S.
A baseline without seeds has one row.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.bool_] | npt.NDArray[np.float64]
"""What each example adds to the figure, models by examples."""
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Outcomes:
    """What the test examples add to the figure of one arm."""

    values_RE: Matrix
    """A row for each fine-tuned model, ordered by pre-training."""
    groups: int = 1
    """Pre-trainings P; all have as many rows."""

    def __post_init__(self) -> None:
        """Check the shape."""
        assert self.values_RE.ndim == 2 and self.values_RE.size > 0, "models by examples, one of each or more"
        assert len(self.values_RE) % self.groups == 0, "each pre-training has as many fine-tuning seeds"

    @property
    def rows(self) -> int:
        """Fine-tuned models R."""
        return len(self.values_RE)

    @property
    def examples(self) -> int:
        """Test examples E."""
        return int(self.values_RE.shape[1])

    @property
    def seeds(self) -> int:
        """Fine-tuning seeds S of each pre-training."""
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
        """The figures of what was drawn independently: pre-trainings if there are several, or else models.

        Two fine-tunings of one pre-training have it in common, so that they are no two draws of the whole.
        """
        figures_R: Numbers = self.values_RE.mean(axis=1)
        groups_P: Numbers = figures_R.reshape(self.groups, -1).mean(axis=1)
        return groups_P if self.groups > 1 else figures_R


def as_outcomes(given: Outcomes | Matrix) -> Outcomes:
    """Return what is given; a bare matrix is an arm that was pre-trained once, or never."""
    return given if isinstance(given, Outcomes) else Outcomes(given)


def paired(first: Outcomes | Matrix, second: Outcomes | Matrix) -> tuple[Outcomes, Outcomes]:
    """Return two arms on the same test examples."""
    pair = as_outcomes(first), as_outcomes(second)
    assert pair[0].examples == pair[1].examples, "both arms must have the same test examples"
    return pair
