"""What pre-training, tuning and fine-tuning took, and what predictions cost in time, memory and money.

`evaluate/serving.py` measures predictions; what training took is noted in a model's history.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from twinlm.evaluate.timings import ServingCost, Spread, ratio
from twinlm.evidence.details import Details
from twinlm.evidence.pareto import CostOf, Judged, judge_task, prediction_s, training_flops
from twinlm.evidence.results import ArmCost, Cost, Results, TaskResult
from twinlm.report import tasks_section
from twinlm.report.document import NOTHING, Block, Columns, Fold, Heading, Plot, Section, Table, table_of
from twinlm.report.drawing import plots
from twinlm.report.numbers import (
    INTERVAL,
    amount,
    capital,
    counted,
    duration,
    ends,
    figure,
    listed,
    low_to_high,
    moment,
    percent,
    price,
    scientific,
    signed_percent,
    size,
    times,
    whole,
)

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
    CostKind(name="seconds for 1,000 predictions, 32 at once", of=prediction_s, show=moment),
    CostKind(
        name="operations of pre-training and fine-tuning with one seed", of=training_flops, show=scientific
    ),
)


def section(results: Results, details: Details) -> Section:
    """Return the section on costs."""
    blocks: list[Block] = [costs(results)]
    if results.tasks:
        blocks.append(Fold("Fine-tuning", [tasks_section.fine_tuning(results)]))
        blocks.append(Fold("Tuning: what was tried for each arm", [tasks_section.ledger(results)]))
    if results.cost_cards:
        table = making(results.cost_cards, results.price_per_hour)
        blocks.append(Fold("What it took to make each model, task by task", [table]))
    for task in results.tasks:
        if task.name in results.cost_cards:
            blocks += _predictions(results, task, results.cost_cards[task.name])
    return Section("costs", "Costs", blocks)


def _predictions(results: Results, task: TaskResult, cards: Sequence[ArmCost]) -> list[Block]:
    plotted: list[list[Block]] = []
    folds: list[Block] = []
    for kind in COST_KINDS:
        judged = judge_task(task, cards, kind.of)
        if len(judged) > 1:
            caption = (
                f"{capital(task.metric)} against {kind.name}: up and to the left is better. Broken line: the "
                f"best score for each cost if all values were exact. Bars: {INTERVAL} of scores, quartiles "
                "of measured costs. Clearly dominated models are drawn faded."
            )
            spoken = " ".join(_spoken(each, task, kind) for each in judged)
            picture = plots.cost_plot(results, task, judged, kind.name, spoken)
            plotted.append([Plot(caption, picture)])
            folds.append(Fold(f"Standing by {kind.name}", [standings(task, judged, kind)]))
    columns = [Columns(plotted)] if plotted else []
    table = answering(task.name, cards, results.price_per_hour)
    return [Heading(f"Predictions: {task.name}"), *columns, *folds, table]


def _spoken(judged: Judged, task: TaskResult, kind: CostKind) -> str:
    who = judged.contender
    score = figure(who.score.estimate, task.metric)
    return f"{who.label}: {score} for {kind.show(who.cost.median)}, {standing_words(judged)}."


def costs(results: Results) -> Table:
    """Return what pre-training took, a column for each; the mean over seeds where there are several."""
    lines: list[tuple[str, Callable[[Cost], str]]] = [
        ("parameters", lambda cost: amount(cost.parameters)),
        ("parameters in the layers", lambda cost: amount(cost.non_embedding_parameters)),
        ("size of the weights", lambda cost: size(cost.model_bytes)),
        ("steps", lambda cost: whole(cost.steps)),
        ("tokens read", lambda cost: amount(cost.tokens)),
        ("passes over the training text", lambda cost: times(cost.corpus_passes)),
        ("tokens predicted", lambda cost: amount(cost.targets)),
        ("floating point operations", lambda cost: scientific(cost.flops)),
        ("training time", lambda cost: duration(cost.seconds)),
        ("training time, planned", lambda cost: duration(cost.planned_seconds)),
        ("error of the plan", lambda cost: signed_percent(cost.plan_error)),
        ("tokens per second", lambda cost: amount(cost.tokens_per_second)),
        ("peak memory", lambda cost: size(cost.peak_memory_bytes)),
    ]
    return Table(
        caption=f"What pre-training took. The budgets are equal in {results.matched_by}.",
        header=["", *(cost.label for cost in results.costs)],
        rows=[[name, *(show(cost) for cost in results.costs)] for name, show in lines],
    )


def making(cards: Mapping[str, Sequence[ArmCost]], price_per_hour: float | None = None) -> Table:
    """Return what each arm took to make: pre-training once, fine-tuning for each task; a column for each arm.

    A price per hour of the machine, in any currency, adds rows of prices.
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
        caption="What each model took to make: one pre-training for all tasks, one fine-tuning seed for each "
        f"task. {NOTHING}: done elsewhere, so unknown.{_at(price_per_hour)}",
        header=["", *(cost.label for cost in shared)],
        rows=rows,
    )


def answering(task: str, costs: Sequence[ArmCost], price_per_hour: float | None = None) -> Table:
    """Return what the predictions of each arm on one task cost, beside the first; a column for each arm."""
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
    """Return which arms another one dominates in score and cost, the cheapest first."""
    columns: list[tuple[str, Callable[[Judged], str]]] = [
        ("", lambda each: each.contender.label),
        (task.metric, lambda each: figure(each.contender.score.estimate, task.metric)),
        (INTERVAL, lambda each: ends(each.contender.score, task.metric)),
        ("Cost", lambda each: kind.show(each.contender.cost.median)),
        ("Standing", standing_words),
    ]
    return table_of(
        f"{capital(task.metric)} on {task.name} against {kind.name}. No other is as good for as little: each "
        "other model clearly costs more or is clearly worse; so the cheapest always has this standing. "
        "Dominated: another model is clearly better and clearly costs no more.",
        sorted(judged, key=lambda each: each.contender.cost.median),
        columns,
        is_text=(0, 4),
    )


def standing_words(judged: Judged) -> str:
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
        f" Other work took {percent(serving.others_share)} of the processors meanwhile, so the times may be "
        "too long. Measure again on a quiet machine."
    )
    return (
        f"from texts to answers, in {serving.precision}, with {where}; {listed(rounds)}, models "
        "in alternation. Medians; in brackets the 5th to 95th percentile of requests, and the quartiles of "
        "rounds." + (busy if serving.others_share > _BUSY else "")
    )


def _price_rows(name: str, seconds: Sequence[float | None], price_per_hour: float | None) -> list[list[str]]:
    per_second = (price_per_hour or 0.0) / _HOUR_S
    row = [f"{name}: price", *(_shown(second, lambda value: price(per_second * value)) for second in seconds)]
    return [] if price_per_hour is None else [row]


def _at(price_per_hour: float | None) -> str:
    return (
        "" if price_per_hour is None else f" Prices assume {price(price_per_hour)} an hour for this machine."
    )


def _shown(value: float | None, show: Callable[[float], str]) -> str:
    return NOTHING if value is None else show(value)


def _with_range(spread: Spread) -> str:
    return f"{moment(spread.median)} ({low_to_high(spread, moment)})"


def _factor(spread: Spread) -> str:
    return f"{spread.median:.2f} ({low_to_high(spread, '{:.2f}'.format)})"
