"""What the test examples and the seeds allow us to say: intervals, a paired test, scores of classes.

Each arm is a matrix: a row for each fine-tuning seed S, a column for each test example E, in it what the
example adds to the figure (right or wrong; the F1 of an answer; a pseudo-value, see `tasks/metrics.py`), such
that a row's mean is the figure. Both arms of a comparison have the same columns. A baseline without seeds has
one row.

Two things vary: which examples happen to be in the test set, and which seed happened to be drawn. An interval
that leaves one of them out is too narrow. So a difference is called real only if
    (1) the interval over examples and seeds leaves out zero, and
    (2) the paired permutation test over examples gives p < 0.05.
`tests/compare/test_statistics.py` simulates pairs without a real difference and counts the false winners.
"""

import numpy as np
import numpy.typing as npt

from twinlm import rng
from twinlm.compare.results import Comparison, Interval

Matrix = npt.NDArray[np.bool_] | npt.NDArray[np.float64]
"""What each example adds to the figure, seeds by examples."""
LEVEL = 0.05
"""How often a difference may be claimed where there is none."""
_SAMPLED_SIGNS = 9999


def mean_interval(values_SE: Matrix, *, least: float = 0.0) -> Interval:
    """Return the figure and its 95 % interval over examples and seeds at once.

    Args:
        values_SE: what each example adds.
        least: the least value that the figure can have: 0, or -1 for a correlation; the most is 1.
    """
    return _interval([_checked(values_SE)], least, 1.0)


def difference(first_SE: Matrix, second_SE: Matrix, *, least: float = 0.0) -> Interval:
    """Return the figure of the first minus that of the second, and its 95 % interval.

    The arms are paired by example, so that what makes an example hard for both cancels. They are not paired
    by seed: one seed in two different models has nothing in common, and two variances estimated apart need
    fewer seeds than the variance of their difference.
    """
    return _interval([_checked(first_SE), _same_examples(first_SE, second_SE)], least - 1, 1 - least)


def paired_permutation_p(first_SE: Matrix, second_SE: Matrix) -> float:
    """Return the two-sided p of the paired permutation test over test examples.

    If the arms were equally good, each example's difference (its mean over seeds) could as well have the
    other sign. Of all 2^E ways to choose the signs, p is the share whose mean is at least as far from 0 as
    the one seen. Where examples are right or wrong no sampling is needed: scaled to whole numbers, the signed
    differences have a sum whose characteristic function is prod_k cos(k t)^(number of differences of size k),
    and one Fourier transform turns that into its distribution. With one row on each side this is McNemar's
    exact test. Other values take 9,999 sampled choices of signs.
    """
    second_SE = _same_examples(first_SE, second_SE)
    if first_SE.dtype != np.bool_:
        return _sampled_permutation_p(first_SE.mean(axis=0) - second_SE.mean(axis=0))
    rows, other_rows = len(first_SE), len(second_SE)
    scale = int(np.lcm(rows, other_rows))
    right_E = first_SE.sum(axis=0, dtype=np.int64) * (scale // rows)
    right_E = right_E - second_SE.sum(axis=0, dtype=np.int64) * (scale // other_rows)
    sizes, counts = np.unique(np.abs(right_E[right_E != 0]), return_counts=True)
    largest = int((sizes * counts).sum())
    # The sum lies in -largest..largest, so that this many angles determine its distribution.
    angles = 2 * np.pi * np.arange(2 * largest + 1) / (2 * largest + 1)
    characteristic = np.ones_like(angles)
    for size, count in zip(sizes, counts, strict=True):
        characteristic *= np.cos(size * angles) ** count
    probability = np.fft.fft(characteristic).real / len(angles)
    seen = abs(int(right_E.sum()))
    tail = probability[seen : largest + 1].sum()
    return float(np.clip(2 * tail if seen else 1.0, np.finfo(float).eps, 1.0))


def _sampled_permutation_p(differences_E: npt.NDArray[np.float64]) -> float:
    """Return the share of sampled signs whose sum is as far from 0 as the one seen, which counts too."""
    chance = rng.stream(0, "signs", len(differences_E))
    seen = abs(differences_E.sum()) * (1 - 1e-12)
    as_far = 0
    for _ in range(9):
        signs_NE = chance.integers(0, 2, (_SAMPLED_SIGNS // 9, len(differences_E)), np.int8)
        sums_N = 2 * (signs_NE @ differences_E) - differences_E.sum()
        as_far += int((abs(sums_N) >= seen).sum())
    return (as_far + 1) / (_SAMPLED_SIGNS + 1)


def compare(
    first: str, first_SE: Matrix, second: str, second_SE: Matrix, *, least: float = 0.0
) -> Comparison:
    """Compare two arms on one task; there is a winner only where both the interval and the test say so.

    Args:
        first: the name of the arm or baseline that a positive difference speaks for.
        first_SE: what each example adds to its figure.
        second: the name of the other.
        second_SE: the same of it, on the same examples.
        least: the least value that the figure can have.
    """
    found = difference(first_SE, second_SE, least=least)
    p_value = paired_permutation_p(first_SE, second_SE)
    winner = None
    if p_value < LEVEL and not found.low <= 0 <= found.high:
        winner = first if found.estimate > 0 else second
    return Comparison(
        first=first,
        second=second,
        difference=found,
        p_value=p_value,
        examples=first_SE.shape[1],
        seeds=max(len(first_SE), len(second_SE)),
        winner=winner,
    )


def growth_needed(comparison: Comparison) -> float:
    """Return how many times more test examples and seeds would show the difference seen, if it were real.

    A rule of thumb: an interval narrows with the root of examples and seeds. For a chance of 80 % that it
    leaves out zero, the estimate has to be (1.96 + 0.84) / 1.96 times its half width.
    """
    found = comparison.difference
    if found.estimate == 0:
        return float("inf")
    half_width = (found.high - found.low) / 2
    return (half_width / abs(found.estimate) * (1.96 + 0.84) / 1.96) ** 2


def _interval(arms: list[Matrix], low: float, high: float) -> Interval:
    """Return the mean of one arm, or of the first minus the second, with its 95 % interval.

    No figure lies below `low` or above `high`.

    The variance of the mean is that of the examples over their number, plus, for each arm, that of the seeds
    over theirs: two crossed random effects (Searle, Casella & McCulloch, Variance Components, 1992, ch. 4).
    Each of the two parts gets the t quantile of its own degrees of freedom, and the half widths add as
    squares (after Cochran 1964). With three seeds that is wider than one t with the degrees of freedom of
    Satterthwaite (1946), which in simulation let through up to 8 % false winners where one arm's seeds vary
    much.
    """
    signs = (1, -1)[: len(arms)]
    means_E = np.sum([sign * arm_SE.mean(axis=0) for sign, arm_SE in zip(signs, arms, strict=True)], axis=0)
    estimate = float(means_E.mean())
    # One made-up example for each outcome, in the variance only, gives the interval a width even where all
    # examples agree (after Agresti & Min 2005).
    spread = float(np.append(means_E, [low, high]).var(ddof=1))
    square = _half_width_square([(spread / len(means_E), len(means_E) + 1)])
    square += _half_width_square(
        [
            (float(arm_SE.mean(axis=1).var(ddof=1)) / len(arm_SE), len(arm_SE) - 1)
            for arm_SE in arms
            if len(arm_SE) > 1
        ]
    )
    half_width = square**0.5
    return Interval(
        estimate=estimate, low=max(low, estimate - half_width), high=min(high, estimate + half_width)
    )


def _half_width_square(parts: list[tuple[float, int]]) -> float:
    """Return the squared half width of variances with their degrees of freedom (Welch 1947)."""
    from scipy import stats

    variance = sum(part for part, _ in parts)
    if variance == 0:
        return 0.0
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    return float(stats.t.ppf(1 - LEVEL / 2, freedom)) ** 2 * variance


def _checked(correct_SE: Matrix) -> Matrix:
    assert correct_SE.ndim == 2 and correct_SE.size > 0, "seeds by examples, at least one of each"
    return correct_SE


def _same_examples(first_SE: Matrix, second_SE: Matrix) -> Matrix:
    assert first_SE.shape[1] == second_SE.shape[1], "both arms must have the same test examples"
    return _checked(second_SE)
