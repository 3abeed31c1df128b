"""Which arms are dominated in score and cost: another arm costs no more, is no worse, and differs in one.

Score and cost are measured with errors, so a third answer is "cannot tell".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from twinlm.evaluate.timings import Spread
from twinlm.evidence.records import Comparison, Interval
from twinlm.evidence.results import ArmCost, TaskResult

_ENOUGH_ROUNDS = 4  # for quartiles

CostOf = Callable[[ArmCost], Spread | None]
"""Reads a kind of cost from a cost card; None where it is not known."""
Standing = Literal["front", "open", "dominated"]
"""front: each other arm clearly costs more or is clearly worse. dominated: another arm clearly costs no more
and is clearly better. open: neither can be said."""


def prediction_s(cost: ArmCost) -> Spread:
    """Return seconds for 1,000 predictions; with few rounds, half to twice the median."""
    timing = cost.serving.timing(32)
    measured = timing.per_thousand_s
    if len(timing.rounds_s) >= _ENOUGH_ROUNDS:
        return measured
    return Spread(median=measured.median, low=measured.median / 2, high=2 * measured.median)


def training_flops(cost: ArmCost) -> Spread | None:
    """Return operations of pre-training and of fine-tuning with one seed; None if unknown."""
    if cost.pretraining_flops is None or cost.fine_tuning_flops is None:
        return None
    total = cost.pretraining_flops + cost.fine_tuning_flops
    return Spread(median=total, low=total, high=total)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """An arm with its score and cost."""

    arm: str
    """Name of the arm."""
    label: str
    """Name in the report."""
    score: Interval
    """Main figure; higher is better."""
    cost: Spread
    """Median and quartiles of the cost, above 0; equal where a cost is counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A contender and its standing."""

    contender: Contender
    """Arm with score and cost."""
    standing: Standing
    """Standing among the others."""
    rivals: tuple[str, ...]
    """Labels of the arms that dominate it, or, if that is open, that may be preferable."""


def judge_task(task: TaskResult, costs: Sequence[ArmCost], cost_of: CostOf) -> list[Judged]:
    """Return the standing of each arm of a task whose cost is known."""
    scores = {score.arm: score.score for score in task.scores}
    contenders = [
        Contender(arm=cost.arm, label=cost.label, score=scores[cost.arm], cost=spread)
        for cost in costs
        if (spread := cost_of(cost)) is not None
    ]
    return judge(contenders, task.comparisons)


def judge(contenders: Sequence[Contender], comparisons: Sequence[Comparison]) -> list[Judged]:
    """Return the standing of each contender, in their order.

    Of two arms without a comparison, one is clearly better if its interval lies above the other's.
    """
    winners = {frozenset((item.first, item.second)): item.winner for item in comparisons}

    def is_better(one: Contender, other: Contender) -> bool:
        pair = frozenset((one.arm, other.arm))
        return winners[pair] == one.arm if pair in winners else one.score.low > other.score.high

    judged = []
    for contender in contenders:
        others = [other for other in contenders if other.arm != contender.arm]
        better = [
            other.label
            for other in others
            # A measurement that two arms share is one cost.
            if (other.cost == contender.cost or other.cost.high <= contender.cost.low)
            and is_better(other, contender)
        ]
        perhaps = [
            other.label
            for other in others
            if other.cost.low <= contender.cost.high and not is_better(contender, other)
        ]
        standing: Standing = "dominated" if better else "open" if perhaps else "front"
        judged.append(Judged(contender=contender, standing=standing, rivals=tuple(better or perhaps)))
    return judged


def front(contenders: Sequence[Contender]) -> list[Contender]:
    """Return the contenders not dominated if all values were exact, the cheapest first; of equals one."""
    undominated: list[Contender] = []
    for contender in sorted(contenders, key=lambda one: (one.cost.median, -one.score.estimate)):
        if not undominated or contender.score.estimate > undominated[-1].score.estimate:
            undominated.append(contender)
    return undominated
