"""How many test examples or seeds it would take to show a difference, and which one given numbers can show.

The variance components (`evidence/variance.py`) give the interval's width for other numbers of examples and
seeds. More examples reduce one part of it, more seeds another, so one of them alone may not be enough.
Before training they are expected from the best baseline's answers and from earlier runs (docs/statistics.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from msgspec.structs import replace

from twinlm.evidence.intervals import LEVEL, half_width, pooled
from twinlm.evidence.outcomes import Matrix
from twinlm.evidence.records import ArmVariances, Comparison, Variances
from twinlm.evidence.variance import noise, of_models
from twinlm.system.records import Number, Record, Whole

POWER = 0.8
"""Wanted chance of naming a winner."""
OF_INTEREST = 0.02
"""Difference worth knowing of: 2 points."""
MOST = 100
"""Times the present numbers, beyond which nothing is looked for."""
SEEDS_CORRELATE = 0.65
"""Correlation of two models of one kind over the test examples, with different seeds."""
KINDS_CORRELATE = 0.45
"""Correlation of a GPT and a BERT over the test examples."""
SEED_EXAMPLES = 2000
"""Number of test examples whose sampling variance is that between seeds, of either sort."""
LEAST_EXAMPLES = 50
"""Number of test examples below which the power is overestimated too much."""
_HALVINGS = 20
_SHARES = 24  # of the distribution of a variance, for each arm


class Design(Protocol):
    """What the power of a comparison follows from; a `Comparison` is one, a `Prospect` another."""

    @property
    def variances(self) -> Variances:
        """Variance components of the difference."""

    @property
    def examples(self) -> int:
        """Number of test examples."""

    @property
    def seeds(self) -> int:
        """Number of fine-tuning seeds of each pre-training."""

    @property
    def pretraining_seeds(self) -> int:
        """Number of pre-training seeds."""

    @property
    def claims(self) -> int:
        """Number of tasks that ask the same question."""


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


class Prospect(Record):
    """What the test set of a task can show of the two kinds."""

    task: str
    """Name of the task."""
    metric: str
    """Figure that the task is judged by."""
    baseline: str
    """Label of the baseline whose answers the variance is expected from."""
    examples: Whole
    """Number of test examples."""
    seeds: Whole
    """Number of fine-tuning seeds of each pre-training."""
    pretraining_seeds: Whole
    """Number of pre-training seeds; with one, the variation between them is not included."""
    claims: Whole
    """Number of tasks that ask the same question; the level is 0.05 over it (Bonferroni)."""
    variances: Variances
    """Expected components of variance of the difference."""
    lead: Number | None
    """Smallest difference of the figure shown with a power of 80 %; None if that cannot be estimated."""


def needed(comparison: Design, difference: float) -> Needed:
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


def prospect(
    task: str,
    metric: str,
    baseline: str,
    values_E: Matrix,
    *,
    seeds: int,
    pretraining_seeds: int,
    claims: int,
) -> Prospect:
    """Return what a test set can show; `values_E` are a baseline's contributions to the figure."""
    spread = float(np.var(values_E, ddof=1)) if len(values_E) > 1 else 0.0
    expected = expected_variances(spread, seeds=seeds, pretraining_seeds=pretraining_seeds)
    # With one model of each kind nothing would show how much seeds vary.
    is_known = seeds * pretraining_seeds > 1 and len(values_E) >= LEAST_EXAMPLES and spread > 0
    return Prospect(
        task=task,
        metric=metric,
        baseline=baseline,
        examples=len(values_E),
        seeds=seeds,
        pretraining_seeds=pretraining_seeds,
        claims=claims,
        variances=expected,
        lead=smallest_lead(expected, len(values_E), LEVEL / claims) if is_known else None,
    )


def expected_variances(spread: float, *, seeds: int, pretraining_seeds: int) -> Variances:
    """Return the components expected of two kinds, each of whose models has a variance `spread` of examples.

    As in a report, a component that such a design could not tell from another is part of that one.
    """
    of_seeds, noise = spread / SEED_EXAMPLES, (1 - SEEDS_CORRELATE) * spread
    of_examples = 2 * (SEEDS_CORRELATE - KINDS_CORRELATE) * spread
    if seeds * pretraining_seeds == 1:
        of_examples += 2 * noise
    arm = ArmVariances(
        pretrainings=pretraining_seeds,
        seeds=seeds,
        # With one fine-tuning each, pre-trainings vary by both.
        pretraining=(2 if seeds == 1 else 1) * of_seeds if pretraining_seeds > 1 else 0.0,
        pretraining_by_example=noise if seeds == 1 < pretraining_seeds else 0.0,
        finetuning=of_seeds if seeds > 1 else 0.0,
        finetuning_by_example=noise if seeds > 1 else 0.0,
    )
    return Variances(examples=of_examples, arms=[arm, arm])


def smallest_lead(variances: Variances, examples: int, level: float) -> float | None:
    """Return the smallest difference that is shown with a power of 80 %; None if not even one of 1 is."""
    low, high = 0.0, 1.0
    if power(variances, examples, high, level) < POWER:
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_shown = power(variances, examples, middle, level) >= POWER
        low, high = (low, middle) if is_shown else (middle, high)
    return high


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
