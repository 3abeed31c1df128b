"""Intervals of scores and differences, and which of two arms is better.

Both the test examples and the seeds (of pre-training and of fine-tuning) are samples, and an interval that
ignores one of them is too narrow. A winner is named only if
    (1) the interval over examples and seeds excludes zero, and
    (2) the paired permutation test over examples gives p < 0.05.
The greater of the two p values is adjusted in `evidence/multiple_testing.py`. `docs/statistics.md` explains
the method and its error rates, which `tests/evidence/test_intervals.py` measures in simulations.
"""

from collections.abc import Sequence

import numpy as np

from twinlm.evidence.bootstrap import bootstrap_intervals
from twinlm.evidence.outcomes import Matrix, Numbers, Outcomes, as_outcomes, paired
from twinlm.evidence.permutation import paired_permutation_p
from twinlm.evidence.records import Comparison, Interval
from twinlm.evidence.variance import effect, variances

LEVEL = 0.05
"""Greatest chance of a claim where there is no difference."""
Part = tuple[Numbers | float, Numbers | float]
"""A variance and its degrees of freedom."""
_LEAST_P = 1e-12


def mean_interval(arm: Outcomes | Matrix, *, least: float = 0.0) -> Interval:
    """Return a figure of at least `least` and at most 1 with its 95 % interval over examples and seeds."""
    return _interval([as_outcomes(arm)], (least, 1.0))[0]


def difference(first: Outcomes | Matrix, second: Outcomes | Matrix, *, least: float = 0.0) -> Interval:
    """Return the first figure minus the second, with its 95 % interval.

    The arms are paired by example, which cancels the difficulty they share. They are not paired by seed: the
    same seed means nothing in two models, and two separate variances need fewer seeds than that of their
    difference.
    """
    return _interval(paired(first, second), (least - 1, 1 - least))[0]


def difference_within(arm: Outcomes, frozen: Outcomes, *, least: float = 0.0) -> Interval:
    """Return an arm's figure minus that of the one model of each of its pre-trainings in `frozen`.

    The interval is paired by example and by pre-training, which both share.
    """
    assert arm.groups == len(frozen.values_RE), "one frozen model for each pre-training"
    frozen_RE = np.repeat(frozen.values_RE.astype(np.float64), arm.seeds, axis=0)
    return _interval([Outcomes(arm.values_RE - frozen_RE, arm.groups)], (least - 1, 1 - least))[0]


def unbounded_difference(first: Outcomes | Matrix, second: Outcomes | Matrix) -> Interval:
    """Return `difference` for figures without bounds, such as bits per byte."""
    return _interval(paired(first, second), None)[0]


def interval_p(first: Outcomes | Matrix, second: Outcomes | Matrix, *, least: float = 0.0) -> float:
    """Return the level whose interval of the difference just reaches 0; below 0.05, ours excludes it."""
    found, parts = _interval(paired(first, second), (least - 1, 1 - least))
    low, high = np.log(_LEAST_P), 0.0
    for _ in range(50):  # halve a range of the level's logarithm
        middle = (low + high) / 2
        is_reached = half_width(parts, np.exp(middle)) >= abs(found.estimate)
        low, high = (middle, high) if is_reached else (low, middle)
    return float(np.exp(high))


def claim_p(first: Outcomes | Matrix, second: Outcomes | Matrix, *, least: float = 0.0) -> float:
    """Return the p value of the claim that two arms differ: the greater of interval and paired test."""
    return max(interval_p(first, second, least=least), paired_permutation_p(first, second))


def compare(
    first: str,
    first_values: Outcomes | Matrix,
    second: str,
    second_values: Outcomes | Matrix,
    *,
    least: float = 0.0,
) -> Comparison:
    """Compare two arms by their outcomes on the same examples; a positive difference speaks for the first."""
    one, other = paired(first_values, second_values)
    lead = difference(one, other, least=least)
    p_interval, p_value = interval_p(one, other, least=least), paired_permutation_p(one, other)
    over_examples, over_both = bootstrap_intervals(one, other)
    p_claim = max(p_interval, p_value)
    return Comparison(
        first=first,
        second=second,
        difference=lead,
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
        winner=winner(first, second, lead.estimate, p_claim),
    )


def winner(first: str, second: str, estimate: float, p_adjusted: float) -> str | None:
    """Return the better of two arms, or None if the p value does not allow a claim."""
    if p_adjusted >= LEVEL:
        return None
    return first if estimate > 0 else second


def pooled(parts: Sequence[Part]) -> Part:
    """Return the sum of variances with its degrees of freedom (Welch 1947), for numbers or whole arrays."""
    variance = np.asarray(sum(part for part, _ in parts), np.float64)
    squares = np.asarray(sum(part**2 / degrees for part, degrees in parts))
    return variance, np.divide(variance**2, squares, out=np.ones_like(variance), where=squares > 0)


def half_width(parts: Sequence[Part], level: float) -> Numbers:
    """Return half the width of an interval of this level.

    Each part gets the t quantile of its own degrees of freedom, and half widths add as squares (after Cochran
    1964). With three seeds this is wider than one t with the degrees of freedom of Satterthwaite (1946),
    which gave up to 8 % false winners in simulations where one arm's seeds vary much.
    """
    from scipy import special

    square = sum(variance * special.stdtrit(freedom, level / 2) ** 2 for variance, freedom in parts)
    half: Numbers = np.sqrt(square)
    return half


def _interval(arms: Sequence[Outcomes], ends: tuple[float, float] | None) -> tuple[Interval, list[Part]]:
    """Return the mean of one arm, or of the first minus the second, cut to `ends`, with its variance's parts.

    The variance of the mean is that of the examples over their number, plus that of each arm's independent
    draws (pre-trainings if there are several, otherwise models) over theirs: crossed random effects (Searle,
    Casella & McCulloch, Variance Components, 1992, ch. 4).
    """
    signs = (1, -1)[: len(arms)]
    means_E = np.sum([sign * arm.means_E for sign, arm in zip(signs, arms, strict=True)], axis=0)
    estimate = float(means_E.mean())
    # One imaginary example at each end, in the variance only, gives the interval a width even where all
    # examples agree (after Agresti & Min 2005).
    varied = np.append(means_E, ends or ())
    spread = float(varied.var(ddof=1))
    drawn = [arm.figures_U for arm in arms if len(arm.figures_U) > 1]
    of_models = pooled([(figures_U.var(ddof=1) / len(figures_U), len(figures_U) - 1) for figures_U in drawn])
    parts: list[Part] = [(spread / len(means_E), len(varied) - 1), of_models]
    half = float(half_width(parts, LEVEL))
    low, high = ends or (-np.inf, np.inf)
    return Interval(estimate=estimate, low=max(low, estimate - half), high=min(high, estimate + half)), parts
