"""How many test examples or seeds it would take to show a difference.

The variance components (`evidence/variance.py`) give the interval's width for other numbers of examples and
seeds. More examples reduce one part of it, more seeds another, so one of them alone may not be enough.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from twinlm.evidence.intervals import LEVEL, half_width, pooled
from twinlm.evidence.records import ArmVariances, Comparison, Variances
from twinlm.evidence.variance import noise, of_models

POWER = 0.8
"""Wanted chance of naming a winner."""
OF_INTEREST = 0.02
"""Difference worth knowing of: 2 points."""
MOST = 100
"""Times the present numbers, beyond which nothing is looked for."""
_SHARES = 24  # of the distribution of a variance, for each arm


@dataclass(frozen=True, kw_only=True, slots=True)
class Needed:
    """Numbers that show a difference with a chance of 80 %; None where 100 times the present are too few."""

    examples: int | None
    """Number of test examples, with the present seeds."""
    seeds: int | None
    """Number of fine-tuning seeds, with the present examples; None with one seed."""
    pretraining_seeds: int | None
    """Number of pre-training seeds, with all else as it is; None with one."""
    together: tuple[int, int] | None
    """Number of examples and of seeds (of pre-training, if there are several), grown alike; None with one."""


def needed(comparison: Comparison, difference: float) -> Needed:
    """Return what would show a difference of this size; rough where variances come from few seeds."""
    variances, examples = comparison.variances, comparison.examples
    seeds, pretrainings = comparison.seeds, comparison.pretraining_seeds
    draws = pretrainings if pretrainings > 1 else seeds

    def shows(variances: Variances, examples: float) -> bool:
        return power(variances, examples, abs(difference), LEVEL / comparison.claims) >= POWER

    def both_show(count: int) -> bool:
        return shows(_grown(variances, count / draws), examples * count / draws)

    both = _fewest(draws, both_show) if draws > 1 else None
    return Needed(
        examples=_fewest(examples, lambda count: shows(variances, count)),
        seeds=_fewest(seeds, lambda count: shows(_with(variances, "seeds", count), examples)),
        pretraining_seeds=_fewest(
            pretrainings, lambda count: shows(_with(variances, "pretrainings", count), examples)
        ),
        together=(round(examples * both / draws), both) if both else None,
    )


def examples_suffice(comparison: Comparison) -> bool:
    """Tell whether the interval would exclude 0 if its models did not vary, which they do."""
    arms, examples = comparison.variances.arms, comparison.examples
    of_examples = (comparison.variances.examples + sum(map(noise, arms))) / examples
    half = float(half_width([(of_examples, max(1.0, examples - 1))], LEVEL))
    return half < abs(comparison.difference.estimate) and any(of_models(arm) > 0 for arm in arms)


def power(variances: Variances, examples: float, difference: float, level: float) -> float:
    """Return the chance that an interval leaves out zero, where the true difference is this large.

    The estimate and the models' figures are about normal, so the variance seen in few seeds is a chi square
    with few degrees of freedom, often far too small or too large. The result is the mean chance over that
    distribution, at the midpoints of equal shares, with the width of `evidence/intervals.py` for each.
    """
    from scipy import special

    of_examples = variances.examples / examples + sum(map(noise, variances.arms)) / examples
    # Models' figures include their noise on the examples, which the interval therefore counts twice.
    drawn = [(of_models(arm) + noise(arm) / examples, _drawn(arm) - 1) for arm in variances.arms]
    shares_X = (np.arange(_SHARES) + 0.5) / _SHARES
    shown = [(part * special.chdtri(free, shares_X) / free, free) for part, free in drawn if free]
    grids = np.meshgrid(*[part_X for part_X, _ in shown], indexing="ij")
    seeds = pooled([(grid, free) for grid, (_, free) in zip(grids, shown, strict=True)])
    half = half_width([(of_examples, max(1.0, examples - 1)), seeds], level)
    deviation = (of_examples + sum(map(of_models, variances.arms))) ** 0.5
    if deviation == 0:
        return float(difference > 0)
    return float(special.ndtr((difference - half) / deviation).mean())


def _drawn(arm: ArmVariances) -> int:
    """Return the number of independent draws of an arm."""
    return arm.pretrainings if arm.pretrainings > 1 else arm.seeds


def _with(variances: Variances, name: str, count: int) -> Variances:
    """Return the components with another number of seeds or pre-trainings, for the arms that have several."""
    arms = [replace(arm, **{name: count}) if getattr(arm, name) > 1 else arm for arm in variances.arms]
    return replace(variances, arms=arms)


def _grown(variances: Variances, factor: float) -> Variances:
    """Return the components with `factor` times the independent draws of each arm that has several."""
    arms = [
        replace(arm, pretrainings=round(arm.pretrainings * factor))
        if arm.pretrainings > 1
        else replace(arm, seeds=round(arm.seeds * factor) if arm.seeds > 1 else arm.seeds)
        for arm in variances.arms
    ]
    return replace(variances, arms=arms)


def _fewest(present: int, is_enough: Callable[[int], bool]) -> int | None:
    """Return the least number from the present one on that is enough, by bisection."""
    low, high = present, MOST * present
    if not is_enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
    return low
