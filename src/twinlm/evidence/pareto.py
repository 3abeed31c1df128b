"""Which arms no other one dominates in score and cost, as far as the evidence tells.

An arm is dominated by another that costs at most as much and is at least as good, one of the two strictly.
Both score and cost are measured, so there are three answers: surely not dominated, surely dominated, and
cannot tell.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from twinlm.evaluate.timings import Spread
from twinlm.evidence.results import ArmCost, Comparison, Interval, TaskResult

_ENOUGH_ROUNDS = 4
"""For quartiles that say something."""

CostOf = Callable[[ArmCost], Spread | None]
"""Reads a kind of cost from a cost card; None where it is not known."""
Standing = Literal["front", "open", "dominated"]
"""front: each other arm surely costs more, or is surely worse. dominated: another one surely costs no more,
and is surely better. open: neither can be said."""


def prediction_s(cost: ArmCost) -> Spread:
    """Return seconds for 1,000 predictions; of few rounds, half to twice the median, as no more is known."""
    timing = cost.serving.timing(32)
    found = timing.per_thousand_s
    if len(timing.rounds_s) >= _ENOUGH_ROUNDS:
        return found
    return Spread(median=found.median, low=found.median / 2, high=2 * found.median)


def training_flops(cost: ArmCost) -> Spread | None:
    """Return operations of pre-training and of fine-tuning with one seed; None if one is not known."""
    if cost.pretraining_flops is None or cost.fine_tuning_flops is None:
        return None
    total = cost.pretraining_flops + cost.fine_tuning_flops
    return Spread(median=total, low=total, high=total)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """An arm with its score and cost."""

    arm: str
    """As `ArmScore.arm`."""
    label: str
    """For people."""
    score: Interval
    """The higher, the better."""
    cost: Spread
    """The lower, the better; above 0. Median and quartiles, which are equal where a cost is counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A contender and where it stands."""

    contender: Contender
    """Who."""
    standing: Standing
    """Where."""
    rivals: tuple[str, ...]
    """Labels of those that dominate it, or, if that is open, of those that may be preferable."""


def judge_task(task: TaskResult, costs: Sequence[ArmCost], cost_of: CostOf) -> list[Judged]:
    """Return where each arm of a task stands; arms whose cost is not known are left out.

    Args:
        task: with scores and comparisons.
        costs: of its arms.
        cost_of: reads one kind of cost from a cost card.
    """
    scores = {score.arm: score.score for score in task.scores}
    known = [(cost, found) for cost in costs if (found := cost_of(cost)) is not None]
    contenders = [
        Contender(arm=cost.arm, label=cost.label, score=scores[cost.arm], cost=found) for cost, found in known
    ]
    return judge(contenders, task.comparisons)


def judge(contenders: Sequence[Contender], comparisons: Sequence[Comparison]) -> list[Judged]:
    """Return where each contender stands, in their order.

    Args:
        contenders: with costs of one kind.
        comparisons: of their scores, as `TaskResult.comparisons`; of two that were not compared, one is
            surely better if its interval lies above the other's.
    """
    winners = {frozenset((item.first, item.second)): item.winner for item in comparisons}

    def is_better(one: Contender, other: Contender) -> bool:
        pair = frozenset((one.arm, other.arm))
        return winners[pair] == one.arm if pair in winners else one.score.low > other.score.high

    found = []
    for contender in contenders:
        others = [other for other in contenders if other.arm != contender.arm]
        better = [
            other.label
            for other in others
            if _is_no_dearer(other.cost, contender.cost) and is_better(other, contender)
        ]
        perhaps = [
            other.label
            for other in others
            if other.cost.low <= contender.cost.high and not is_better(contender, other)
        ]
        standing: Standing = "dominated" if better else "open" if perhaps else "front"
        found.append(Judged(contender=contender, standing=standing, rivals=tuple(better or perhaps)))
    return found


def front(contenders: Sequence[Contender]) -> list[Contender]:
    """Return whom no other dominates if the values found were exact, the cheapest first; of equals one."""
    found: list[Contender] = []
    for contender in sorted(contenders, key=lambda one: (one.cost.median, -one.score.estimate)):
        if not found or contender.score.estimate > found[-1].score.estimate:
            found.append(contender)
    return found


def _is_no_dearer(cost: Spread, other: Spread) -> bool:
    """Tell whether a cost is surely at most another; one measurement that two arms share is the same cost."""
    return cost == other or cost.high <= other.low
