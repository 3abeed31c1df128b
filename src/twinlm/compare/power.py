"""How many test examples or seeds would show a difference, where it cannot be told.

The components of variance (`variance.py`) say how wide an interval would be with other numbers: the part of
the examples falls with examples only, that of the seeds with seeds only. So either of them may be enough, or
just one, or neither alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from twinlm.compare.evidence import ArmVariances, Variances
from twinlm.compare.results import Comparison
from twinlm.compare.statistics import LEVEL, half_width, pooled
from twinlm.compare.variance import noise, of_models

POWER = 0.8
"""Chance of a winner that is asked for."""
OF_INTEREST = 0.02
"""A difference that is worth knowing of: 2 points."""
_MOST = 100
"""So many times the present numbers nobody would gather."""


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
    """Examples and seeds (of pre-training, if it has several), both made more by the same factor."""


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

    both = _fewest(draws, lambda count: shows(_grown(found, count / draws), examples * count / draws))
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

    The estimate is about normal. The half width is as well, with a mean that the components give and a
    deviation that its degrees of freedom give; for one variance this is an approximation of the noncentral t
    (Johnson & Welch 1940).

    Args:
        found: the components of variance, with the numbers of seeds.
        examples: how many test examples.
        difference: the true one.
        level: of the interval.
    """
    from scipy import special

    from_noise = sum(map(noise, found.arms)) / examples
    of_examples = (found.examples / examples + from_noise, max(1.0, examples - 1.0))
    drawn = [(arm, float(_drawn(arm))) for arm in found.arms if _drawn(arm) > 1]
    # The figures of models differ by the noise of the examples too, which the interval so counts twice.
    of_seeds = pooled([(of_models(arm) + noise(arm) / examples, count - 1) for arm, count in drawn])
    half = half_width([of_examples, of_seeds], level)
    squares = [(half_width([part], level) ** 2, part[1]) for part in (of_examples, of_seeds)]
    freedom = pooled(squares)[1]
    square = of_examples[0] + sum(map(of_models, found.arms)) + half**2 / (2 * freedom)
    if square == 0:
        return float(difference > 0)
    return float(special.ndtr((difference - half * (1 - 1 / (4 * freedom))) / square**0.5))


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
