"""The cost card: what each model took to make, and what its predictions cost in time, memory and money.

`evaluate/serving.py` measures predictions; what training took is noted in a model's history.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from twinlm.evaluate.timings import ServingCost, Spread, ratio
from twinlm.evidence.pareto import CostOf, Judged, prediction_s, training_flops
from twinlm.evidence.results import ArmCost, TaskResult
from twinlm.report.numbers import (
    INTERVAL,
    counted,
    duration,
    figure,
    listed,
    moment,
    percent,
    points,
    price,
    scientific,
    size,
    whole,
)
from twinlm.report.tables import Table

_NOTHING = "\N{EN DASH}"
_HOUR_S = 3600
_BUSY = 0.1
_NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class CostKind:
    """A kind of cost that models are set against."""

    name: str
    """Quantity and unit."""
    of: CostOf
    """Reads it from a cost card."""
    show: Callable[[float], str]
    """Writes it for people."""


COST_KINDS = (
    CostKind(
        name="seconds for 1,000 predictions, 32 at once",
        of=prediction_s,
        show=moment,
    ),
    CostKind(
        name="operations of pre-training and fine-tuning with one seed", of=training_flops, show=scientific
    ),
)


def making(cards: Mapping[str, Sequence[ArmCost]], price_per_hour: float | None = None) -> Table:
    """Return what each arm took to make: pre-training once, fine-tuning for each task; a column for each arm.

    Args:
        cards: as `Results.cost_cards`.
        price_per_hour: of the machine, in any currency; without it no price is shown.
    """
    first: dict[str, ArmCost] = {}
    for cost in (cost for costs in cards.values() for cost in costs):
        first.setdefault(cost.arm, cost)
    shared = list(first.values())
    rows = [
        ["pre-training: time", *(_shown(cost.pretraining_s, duration) for cost in shared)],
        ["pre-training: operations", *(_shown(cost.pretraining_flops, scientific) for cost in shared)],
        *_price_rows("pre-training", [cost.pretraining_s for cost in shared], price_per_hour),
    ]
    for task, costs in cards.items():
        by_arm = {cost.arm: cost for cost in costs}
        rows += _fine_tuning(f"fine-tuning on {task}", [by_arm.get(arm) for arm in first], price_per_hour)
    return Table(
        caption="What making each model took: pre-training once for all tasks, fine-tuning for each with one "
        f"seed. {_NOTHING}: done elsewhere, so not known.{_at(price_per_hour)}",
        header=["", *(cost.label for cost in shared)],
        rows=rows,
    )


def answering(task: str, costs: Sequence[ArmCost], price_per_hour: float | None = None) -> Table:
    """Return what the predictions of each arm on one task cost; a column for each arm.

    Args:
        task: its name.
        costs: of arms that were measured in turns; the first is what the others are set against.
        price_per_hour: of the machine, in any currency; without it no price is shown.
    """
    serving = [cost.serving for cost in costs]
    rows = [
        ["size of the weights", *(size(of.weight_bytes) for of in serving)],
        ["peak memory", *(_shown(of.peak_memory_bytes, size) for of in serving)],
        ["sequences read for a prediction", *(f"{of.sequences:.3g}" for of in serving)],
        ["tokens in them", *(f"{of.tokens:.3g}" for of in serving)],
        ["operations for a prediction", *(scientific(of.flops) for of in serving)],
    ]
    for timing in serving[0].timings:
        together = "alone" if timing.batch == 1 else f"{timing.batch} at once"
        timings = [of.timing(timing.batch) for of in serving]
        rows += [
            [f"a request, {together}", *(_with_range(of.request_s) for of in timings)],
            [f"1,000 predictions, {together}", *(_with_range(of.per_thousand_s) for of in timings)],
            [f"times the first's, {together}", *(_factor(ratio(of, timing)) for of in timings)],
        ]
        per_million_s: list[float | None] = [1000 * of.per_thousand_s.median for of in timings]
        rows += _price_rows(f"a million predictions, {together}", per_million_s, price_per_hour)
    return Table(
        caption=f"What predictions on {task} cost: {_how(serving[0])}{_at(price_per_hour)}",
        header=["", *(cost.label for cost in costs)],
        rows=rows,
    )


def standings(task: TaskResult, judged: Sequence[Judged], kind: CostKind) -> Table:
    """Return which arms another one dominates in score and cost, the cheapest first.

    Args:
        task: which the scores are of.
        judged: its arms.
        kind: of their costs.
    """
    ranked = sorted(judged, key=lambda each: each.contender.cost.median)
    return Table(
        caption=f"{task.metric[:1].upper()}{task.metric[1:]} on {task.name} against {kind.name}. As "
        "good for as little: no other, if each surely costs more or is surely worse, as with the cheapest, "
        "whatever its score. Dominated: another one is surely better and surely costs no more.",
        header=["", task.metric, INTERVAL, "Cost", "Standing"],
        rows=[
            [
                each.contender.label,
                figure(each.contender.score.estimate, task.metric),
                f"{points(each.contender.score.low)} to {points(each.contender.score.high)}",
                kind.show(each.contender.cost.median),
                said(each),
            ]
            for each in ranked
        ],
        is_text=(0, 4),
    )


def said(judged: Judged) -> str:
    """Return where a contender stands, in words."""
    others = len(judged.rivals) - _NAMED
    names = [*judged.rivals[:_NAMED], *([counted(others, "other")] if others > 0 else [])]
    return {
        "front": "no other is as good for as little",
        "open": f"cannot tell: {listed(names, 'or')} may be preferable",
        "dominated": f"dominated by {listed(names)}",
    }[judged.standing]


def _fine_tuning(name: str, costs: Sequence[ArmCost | None], price_per_hour: float | None) -> list[list[str]]:
    """Return the rows of one task; an arm that did not take part is None."""
    seconds = [cost.fine_tuning_s if cost else None for cost in costs]
    flops = [cost.fine_tuning_flops if cost else None for cost in costs]
    memory = [cost.fine_tuning_peak_bytes if cost else None for cost in costs]
    return [
        [f"{name}: time", *(_shown(value, duration) for value in seconds)],
        [f"{name}: operations", *(_shown(value, scientific) for value in flops)],
        [f"{name}: peak memory", *(_shown(value, size) for value in memory)],
        *_price_rows(name, seconds, price_per_hour),
    ]


def _how(serving: ServingCost) -> str:
    """Say how it was measured, and whether the times are worth something."""
    rounds = [f"{whole(len(of.rounds_s))} rounds of {whole(of.requests)} requests" for of in serving.timings]
    where = counted(serving.threads, "thread") if serving.device == "cpu" else "the GPU"
    busy = (
        f" Other work took {percent(serving.others_share)} of the processors meanwhile, so that times may be "
        "too long: measure again on a quiet machine."
    )
    return (
        f"from texts to answers, in {serving.precision}, with {where}; {listed(rounds)}, models in turns. "
        "Medians; in brackets the 5th to 95th percentile of requests, and the quartiles of rounds."
        + (busy if serving.others_share > _BUSY else "")
    )


def _price_rows(name: str, seconds: Sequence[float | None], price_per_hour: float | None) -> list[list[str]]:
    if price_per_hour is None:
        return []
    factor = price_per_hour / _HOUR_S
    return [
        [f"{name}: price", *(_NOTHING if second is None else price(factor * second) for second in seconds)]
    ]


def _at(price_per_hour: float | None) -> str:
    return (
        "" if price_per_hour is None else f" Prices are at {price(price_per_hour)} an hour of this machine."
    )


def _shown(value: float | None, show: Callable[[float], str]) -> str:
    return _NOTHING if value is None else show(value)


def _with_range(spread: Spread) -> str:
    return f"{moment(spread.median)} ({moment(spread.low)} to {moment(spread.high)})"


def _factor(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.low:.2f} to {spread.high:.2f})"
