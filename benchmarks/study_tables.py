"""The tables of docs/study.md, from the records of the run that `make study` made.

    python benchmarks/study_tables.py runs/study/results.json

Prints Markdown: what pre-training reached, scores, differences, minimal pairs, costs. No figure of the paper
is copied by hand.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from twinlm.evidence.results import Comparison, Results, TaskResult
from twinlm.report.numbers import MINUS, amount, duration
from twinlm.system.records import read_record


def main() -> None:
    """Print all tables."""
    results = read_record(Results, Path(sys.argv[1]))
    print("\n".join(lines(results)))


def lines(results: Results) -> Iterator[str]:
    """Yield the tables, line by line."""
    yield from _pretraining(results)
    for task in results.tasks:
        yield from _scores(task)
    yield from _differences(results)
    yield from _label_curves(results)
    yield from _pairs(results)
    yield from _costs(results)
    yield from ["Verdict:", "", *(f"- {sentence}" for sentence in results.verdict), ""]
    yield from ["Caveats:", "", *(f"- {sentence}" for sentence in results.caveats)]


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from [f"**{title}**", ""]
    yield f"| {' | '.join(header)} |"
    yield f"| --- |{' ---: |' * (len(header) - 1)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def _pretraining(results: Results) -> Iterator[str]:
    costs = {cost.name: cost for cost in results.costs}
    header = ["", "steps", "tokens", "targets", "FLOPs", "time", "validation", "test", "unit"]
    rows = []
    for found in results.language:
        cost = costs[found.name]
        spent = [f"{cost.steps:,}", amount(cost.tokens), amount(cost.targets), f"{cost.flops:.3g}"]
        reached = [f"{found.validation:.3f}", f"{found.test:.3f}", found.measure]
        rows.append([found.label, *spent, duration(cost.seconds), *reached])
    yield from _table("Pre-training, the first seed's losses", header, rows)
    floors = {found.measure: found.floors for found in results.language}
    yield from (f"Floors in {unit}: {values}" for unit, values in floors.items())
    yield ""


def _scores(task: TaskResult) -> Iterator[str]:
    ranked = sorted(task.scores, key=lambda score: -score.score.estimate)
    rows = [
        [
            score.label,
            f"{100 * score.score.estimate:.1f}",
            f"{100 * score.score.low:.1f} to {100 * score.score.high:.1f}",
            _range(list(score.score_by_seed.values())),
            str(len(score.failed_seeds)),
        ]
        for score in ranked
    ]
    title = f"{task.name}: {task.metric}, {task.train_examples:,} to train, {task.test_examples:,} to test"
    yield from _table(title, ["", task.metric, "95 %", "lowest and highest model", "failed"], rows)


def _range(values: Sequence[float]) -> str:
    return f"{100 * min(values):.1f}, {100 * max(values):.1f}" if values else ""


def _differences(results: Results) -> Iterator[str]:
    for task in results.tasks:
        labels = {score.arm: score.label for score in task.scores}
        rows = [_difference(item, labels) for item in task.comparisons]
        header = ["", "points", "95 %", "Holm p", "better"]
        yield from _table(f"{task.name}: differences", header, rows)


def _difference(item: Comparison, labels: dict[str, str]) -> list[str]:
    found = item.difference
    return [
        f"{labels[item.first]} against {labels[item.second]}",
        _signed(100 * found.estimate),
        f"{_signed(100 * found.low)} to {_signed(100 * found.high)}",
        f"{item.p_adjusted:.3f}",
        "cannot tell" if item.winner is None else labels[item.winner],
    ]


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", MINUS)


def _label_curves(results: Results) -> Iterator[str]:
    for curve in results.curves:
        rows = [
            [
                point.label,
                amount(point.x),
                f"{100 * point.score.estimate:.1f}",
                f"{100 * point.score.low:.1f} to {100 * point.score.high:.1f}",
            ]
            for point in curve.points
        ]
        title = f"{curve.task}: {curve.metric} against {curve.axis}"
        yield from _table(title, ["", curve.axis, curve.metric, "95 %"], rows)
        yield from [curve.verdict, ""]


def _pairs(results: Results) -> Iterator[str]:
    for found in results.quality.pairs:
        for each in [found.overall, *found.phenomena]:
            shown = [
                f"{100 * score.accuracy.estimate:.1f} ({100 * score.accuracy.low:.1f} to "
                f"{100 * score.accuracy.high:.1f})"
                for score in each.scores
            ]
            if each is found.overall:
                header = [found.name, "pairs", *(score.label for score in each.scores)]
                rows = []
            rows.append([each.name, str(each.pairs), *shown])
        yield from _table(f"Minimal pairs, {found.name}, accuracy", header, rows)
    for group in results.quality.groups:
        rows = [[one.label, f"{one.value:.3f}", f"{one.standard_error:.3f}"] for one in group.figures]
        yield from _table(f"{group.comparable}", ["", group.unit, "standard error"], rows)


def _costs(results: Results) -> Iterator[str]:
    for task, cards in results.cost_cards.items():
        rows = [
            [
                card.label,
                "" if card.fine_tuning_s is None else f"{card.fine_tuning_s:.1f} s",
                *(f"{timing.per_thousand_s.median:.2f} s" for timing in card.serving.timings),
            ]
            for card in cards
        ]
        sizes = [f"1,000 answers, {timing.batch} at once" for timing in cards[0].serving.timings]
        yield from _table(f"Costs on {task}", ["", "fine-tuning", *sizes], rows)


if __name__ == "__main__":
    main()
