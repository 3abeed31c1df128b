"""What the test examples and the seeds allow us to say: intervals, and which of two arms is better.

`evidence/outcomes.py` says what an arm is here. Two things vary: which examples happen to be in the test
set, and which seed happened to be drawn, of pre-training and of fine-tuning. An interval that leaves one of
them out is too narrow. So a difference is called real only if
    (1) the interval over examples and seeds leaves out zero, and
    (2) the paired permutation test over examples gives p < 0.05,
both at the stricter level that Holm's method asks for where the same is asked on several tasks: the greater
of the two p values is what `evidence/multiple_testing.py` adjusts. `docs/statistics.md` explains it and says
how often it errs; `tests/evidence/test_intervals.py` simulates pairs without a real difference and counts
the false winners.
"""

from collections.abc import Sequence

import numpy as np

from twinlm.evidence.bootstrap import bootstrap_intervals
from twinlm.evidence.outcomes import Matrix, Numbers, Outcomes, as_outcomes, paired
from twinlm.evidence.permutation import paired_permutation_p
from twinlm.evidence.results import Comparison, Interval
from twinlm.evidence.variance import effect, variances

LEVEL = 0.05
"""How often a difference may be claimed where there is none."""
Part = tuple[Numbers | float, Numbers | float]
"""A variance and its degrees of freedom."""
_LEAST_P = 1e-12


def mean_interval(arm: Outcomes | Matrix, *, least: float = 0.0) -> Interval:
    """Return the figure and its 95 % interval over examples and seeds at once.

    Args:
        arm: what each example adds.
        least: the least value that the figure can have: 0, or -1 for a correlation; the most is 1.
    """
    return _interval([as_outcomes(arm)], (least, 1.0))[0]


def difference(first: Outcomes | Matrix, second: Outcomes | Matrix, *, least: float = 0.0) -> Interval:
    """Return the figure of the first minus that of the second, and its 95 % interval.

    The arms are paired by example, so that what makes an example hard for both cancels. They are not paired
    by seed: one seed in two different models has nothing in common, and two variances estimated apart need
    fewer seeds than the variance of their difference.
    """
    return _interval(paired(first, second), (least - 1, 1 - least))[0]


def unbounded_difference(first: Outcomes | Matrix, second: Outcomes | Matrix) -> Interval:
    """Return the same as `difference` of figures that have no least and no most, such as bits per byte."""
    return _interval(paired(first, second), None)[0]


def interval_p(first: Outcomes | Matrix, second: Outcomes | Matrix, *, least: float = 0.0) -> float:
    """Return the level whose interval of the difference just reaches 0: below 0.05, ours leaves it out."""
    return _p_of_zero(*_interval(paired(first, second), (least - 1, 1 - least)))


def claim_p(first: Outcomes | Matrix, second: Outcomes | Matrix, *, least: float = 0.0) -> float:
    """Return the p of the claim that the two differ: the greater one of the interval and the paired test."""
    return max(interval_p(first, second, least=least), paired_permutation_p(first, second))


def compare(
    first: str,
    first_values: Outcomes | Matrix,
    second: str,
    second_values: Outcomes | Matrix,
    *,
    least: float = 0.0,
) -> Comparison:
    """Compare two arms on one task; there is a winner only where both the interval and the test say so.

    Args:
        first: the name of the arm or baseline that a positive difference speaks for.
        first_values: what each example adds to its figure.
        second: the name of the other.
        second_values: the same of it, on the same examples.
        least: the least value that the figure can have.
    """
    one, other = paired(first_values, second_values)
    found = difference(one, other, least=least)
    p_interval, p_value = interval_p(one, other, least=least), paired_permutation_p(one, other)
    over_examples, over_both = bootstrap_intervals(one, other)
    p_claim = max(p_interval, p_value)
    return Comparison(
        first=first,
        second=second,
        difference=found,
        p_value=p_value,
        p_interval=p_interval,
        p_adjusted=p_claim,
        claims=1,
        over_examples=over_examples,
        over_both=over_both,
        effect=effect(one, other),
        variances=variances(one, other),
        examples=one.examples,
        seeds=max(one.seeds, other.seeds),
        pretraining_seeds=max(one.groups, other.groups),
        winner=winner(first, second, found.estimate, p_claim),
    )


def winner(first: str, second: str, estimate: float, p_adjusted: float) -> str | None:
    """Return which of two arms is called the better one, if p allows it."""
    if p_adjusted >= LEVEL:
        return None
    return first if estimate > 0 else second


def pooled(parts: Sequence[Part]) -> Part:
    """Return the sum of variances with its degrees of freedom (Welch 1947), for numbers or whole arrays."""
    variance = np.asarray(sum(part for part, _ in parts), np.float64)
    squares = np.asarray(sum(part**2 / degrees for part, degrees in parts))
    return variance, np.divide(variance**2, squares, out=np.ones_like(variance), where=squares > 0)


def half_width(parts: Sequence[Part], level: float) -> Numbers:
    """Return half the width of an interval that misses the truth as often as `level` says.

    Each part gets the t quantile of its own degrees of freedom, and the half widths add as squares (after
    Cochran 1964). With three seeds that is wider than one t with the degrees of freedom of Satterthwaite
    (1946), which in simulation let through up to 8 % false winners where one arm's seeds vary much.
    """
    from scipy import special

    square = sum(variance * special.stdtrit(freedom, level / 2) ** 2 for variance, freedom in parts)
    found: Numbers = np.sqrt(square)
    return found


def _interval(arms: Sequence[Outcomes], ends: tuple[float, float] | None) -> tuple[Interval, list[Part]]:
    """Return the mean of one arm, or of the first minus the second, its interval, and what that is made of.

    No figure lies below the first or above the second of `ends`, if it has any.

    The variance of the mean is that of the examples over their number, plus, for each arm, that of what was
    drawn independently (pre-trainings if there are several, or else models) over theirs: crossed random
    effects (Searle, Casella & McCulloch, Variance Components, 1992, ch. 4).
    """
    signs = (1, -1)[: len(arms)]
    means_E = np.sum([sign * arm.means_E for sign, arm in zip(signs, arms, strict=True)], axis=0)
    estimate = float(means_E.mean())
    # One made-up example for each end, in the variance only, gives the interval a width even where all
    # examples agree (after Agresti & Min 2005).
    varied = np.append(means_E, ends or ())
    spread = float(varied.var(ddof=1))
    drawn = [arm.figures_U for arm in arms if len(arm.figures_U) > 1]
    of_models = pooled([(figures_U.var(ddof=1) / len(figures_U), len(figures_U) - 1) for figures_U in drawn])
    parts: list[Part] = [(spread / len(means_E), len(varied) - 1), of_models]
    half = float(half_width(parts, LEVEL))
    low, high = ends or (-np.inf, np.inf)
    found = Interval(estimate=estimate, low=max(low, estimate - half), high=min(high, estimate + half))
    return found, parts


def _p_of_zero(found: Interval, parts: Sequence[Part]) -> float:
    """Return the level whose interval just reaches 0, by halving a range of its logarithm."""
    low, high = np.log(_LEAST_P), 0.0
    for _ in range(50):
        middle = (low + high) / 2
        is_reached = half_width(parts, np.exp(middle)) >= abs(found.estimate)
        low, high = (middle, high) if is_reached else (low, middle)
    return float(np.exp(high))
