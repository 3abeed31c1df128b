"""How many test examples or seeds would show a difference, where it cannot be told.

The components of variance (`evidence/variance.py`) say how wide an interval would be with other numbers: the
part of the examples falls with examples only, that of the seeds with seeds only. So either of them may be
enough, or just one, or neither alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from twinlm.evidence.intervals import LEVEL, half_width, pooled
from twinlm.evidence.records import ArmVariances, Variances
from twinlm.evidence.results import Comparison
from twinlm.evidence.variance import noise, of_models

POWER = 0.8
"""Chance of a winner that is asked for."""
OF_INTEREST = 0.02
"""A difference that is worth knowing of: 2 points."""
_MOST = 100
"""So many times the present numbers nobody would gather."""
_SHARES = 24
"""Of the distribution of a variance, for each arm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Needed:
    """What would show a difference with a chance of 80 %; None where a hundred times as many would not."""

    examples: int | None
    """Test examples, with the present seeds."""
    seeds: int | None
    """Fine-tuning seeds of each pre-training, with the present examples; None too where there is one seed."""
    pretraining_seeds: int | None
    """Pre-trainings, with all else as it is; None too where there is one."""
    together: tuple[int, int] | None
    """Examples and seeds (of pre-training, if it has several), both grown alike; None with one seed."""


def needed(comparison: Comparison, difference: float) -> Needed:
    """Return what would show a difference of this size, if it were real.

    Components that were estimated from few seeds are rough, and so is what follows from them.

    Args:
        comparison: whose components of variance are taken.
        difference: its size, whatever the sign.
    """
    found, examples = comparison.variances, comparison.examples
    seeds, pretrainings = comparison.seeds, comparison.pretraining_seeds
    draws = pretrainings if pretrainings > 1 else seeds

    def shows(found: Variances, examples: float) -> bool:
        return power(found, examples, abs(difference), LEVEL / comparison.claims) >= POWER

    def both_show(count: int) -> bool:
        return shows(_grown(found, count / draws), examples * count / draws)

    both = _fewest(draws, both_show) if draws > 1 else None
    return Needed(
        examples=_fewest(examples, lambda count: shows(found, count)),
        seeds=_fewest(seeds, lambda count: shows(_with_seeds(found, count), examples)),
        pretraining_seeds=_fewest(
            pretrainings, lambda count: shows(_with_pretrainings(found, count), examples)
        ),
        together=(round(examples * both / draws), both) if both else None,
    )


def power(found: Variances, examples: float, difference: float, level: float) -> float:
    """Return the chance that an interval leaves out zero, where the true difference is this large.

    The estimate is about normal, and so is each model's figure: the variance that few seeds show is a chi
    square with few degrees of freedom, often far too small or too large. The chance is the mean over all that
    they may show, at the midpoints of equal shares of its distribution; the interval's width for each is that
    of `evidence/intervals.py`.

    Args:
        found: the components of variance, with the numbers of seeds.
        examples: how many test examples.
        difference: the true one.
        level: of the interval.
    """
    from scipy import special

    noises = sum(map(noise, found.arms)) / examples
    of_examples = found.examples / examples + noises
    # The figures of models differ by their noise on the examples too, which the interval so counts twice.
    drawn = [(of_models(arm) + noise(arm) / examples, _drawn(arm) - 1) for arm in found.arms]
    shares_X = (np.arange(_SHARES) + 0.5) / _SHARES
    shown = [(part * special.chdtri(free, shares_X) / free, free) for part, free in drawn if free]
    grids = np.meshgrid(*[part_X for part_X, _ in shown], indexing="ij")
    seeds = pooled([(grid, free) for grid, (_, free) in zip(grids, shown, strict=True)])
    half = half_width([(of_examples, max(1.0, examples - 1)), seeds], level)
    deviation = (of_examples + sum(map(of_models, found.arms))) ** 0.5
    if deviation == 0:
        return float(difference > 0)
    return float(special.ndtr((difference - half) / deviation).mean())


def _drawn(arm: ArmVariances) -> int:
    """Return how many independent draws of an arm there are."""
    return arm.pretrainings if arm.pretrainings > 1 else arm.seeds


def _with_seeds(found: Variances, count: int) -> Variances:
    """Return the components with so many fine-tuning seeds, for the arms that have several."""
    arms = [replace(arm, seeds=count) if arm.seeds > 1 else arm for arm in found.arms]
    return replace(found, arms=arms)


def _with_pretrainings(found: Variances, count: int) -> Variances:
    """Return the components with so many pre-trainings, for the arms that have several."""
    arms = [replace(arm, pretrainings=count) if arm.pretrainings > 1 else arm for arm in found.arms]
    return replace(found, arms=arms)


def _grown(found: Variances, factor: float) -> Variances:
    """Return the components with so many times the independent draws of each arm that has several."""
    arms = [
        replace(arm, pretrainings=round(arm.pretrainings * factor))
        if arm.pretrainings > 1
        else replace(arm, seeds=round(arm.seeds * factor) if arm.seeds > 1 else arm.seeds)
        for arm in found.arms
    ]
    return replace(found, arms=arms)


def _fewest(present: int, is_enough: Callable[[int], bool]) -> int | None:
    """Return the least number that is enough, from the present one on; what is enough stays so with more."""
    low, high = present, _MOST * present
    if not is_enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
    return low
