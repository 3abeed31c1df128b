"""Scores against labels and against the pre-training budget, as plots and tables; and what tuning tried."""

import math
from collections.abc import Sequence

from twinlm.evidence.records import Ledger, ScoreCurve, ScorePoint
from twinlm.evidence.results import Results
from twinlm.report.numbers import amount, duration, figure, scientific, whole
from twinlm.report.svg import Line, line_plot
from twinlm.report.tables import Table

_NOTHING = "\N{EN DASH}"
_MOST_MARKS = 5
_BAR_APART = 0.006


def curve_plot(results: Results, curve: ScoreCurve) -> str:
    """Return the scores of both kinds, and of a baseline, over a logarithmic axis, with 95 % intervals."""
    places = sorted({point.x for point in curve.points})
    lines = []
    kinds = list(results.families)
    for name, points in _by_arm(results, curve).items():
        style = f"family-{kinds.index(name)}" if name in kinds else "baseline"
        side = 2 * kinds.index(name) - 1 if name in kinds else 0  # bars don't hide each other
        beside = side * _BAR_APART * math.log10(places[-1] / places[0])
        lines += [
            Line(
                name="",
                style=f"{style} thin",
                points=[
                    (math.log10(point.x) + beside, 100 * end) for end in (point.score.low, point.score.high)
                ],
            )
            for point in points
        ]
        main = [(math.log10(point.x), 100 * point.score.estimate) for point in points]
        label = results.families.get(name, "baseline")  # a baseline's own name is too long for a line's end
        lines.append(Line(name=label, style=style, points=main))
    step = math.ceil(len(places) / _MOST_MARKS)
    shown = {*places[:: max(1, step)], places[-1]}
    return line_plot(
        lines,
        title=f"{curve.metric} on {curve.task} against {curve.axis}",
        description=curve.verdict,
        x_label=f"{_axis(results, curve)}, logarithmic",
        y_label=f"{curve.metric}, %" if curve.metric == "accuracy" else f"{curve.metric} times 100",
        x_marks=[(math.log10(place), amount(place) if place in shown else "") for place in places],
    )


def points(results: Results, curve: ScoreCurve) -> Table:
    """Return the points of a curve, a row for each place, with intervals."""
    by_arm = _by_arm(results, curve)
    columns = [
        what
        for name, of_arm in by_arm.items()
        for what in [of_arm[0].label, *["tokens"] * (name in results.families)]
    ]
    has_baseline = any(name not in results.families for name in by_arm)
    return Table(
        caption=f"{curve.metric}, {curve.task}, against {_axis(results, curve)}. "
        "In brackets: 95 % intervals over examples and seeds. Tokens: those of pre-training. Each row is "
        "trained from its beginning to its end; with fewer labels in as many steps as with all."
        + (
            " The baseline is the one that is best with all labels, fitted on the same examples. A model "
            "is shown to beat it where p is below 0.05, adjusted for the rows (Holm)."
            if has_baseline
            else ""
        ),
        header=[curve.axis, *columns],
        rows=[
            [
                amount(row[0].x),
                *(
                    text
                    for point in row
                    for text in _cells(point, curve.metric)[: 1 + (point.arm in results.families)]
                ),
            ]
            for row in zip(*by_arm.values(), strict=True)
        ],
    )


def ledger(rows: Sequence[Ledger]) -> Table:
    """Return what was tried for each arm and task, a row for each learning rate."""
    return Table(
        caption="What was tried in fine-tuning before test examples were looked at: the same learning rates "
        "with the same seeds for every arm where there is a grid. Failed: diverged, or gave one answer to "
        "all validation examples. Validation: mean main figure times 100.",
        header=["", "Task", "Learning rate", "Kept", "Trials", "Failed", "Validation", "Operations", "Time"],
        rows=[
            [
                row.label,
                row.task,
                f"{tried.learning_rate:g}",
                "yes" if tried.learning_rate == row.kept else "",
                whole(tried.trials),
                whole(tried.failed),
                _NOTHING if tried.validation is None else f"{100 * tried.validation:.1f}",
                scientific(tried.flops),
                duration(tried.seconds),
            ]
            for row in rows
            for tried in row.tried
        ],
        is_text=(0, 1, 3),
    )


def _axis(results: Results, curve: ScoreCurve) -> str:
    return "training examples" if curve.axis == "labels" else f"{curve.axis} in {results.matched_by}"


def _by_arm(results: Results, curve: ScoreCurve) -> dict[str, list[ScorePoint]]:
    """Return the points of the kinds, then those of a baseline if there is one."""
    arms = dict.fromkeys([*results.families, *(point.arm for point in curve.points)])
    return {name: [point for point in curve.points if point.arm == name] for name in arms}


def _cells(point: ScorePoint, metric: str) -> tuple[str, str]:
    low, high = (f"{100 * end:.1f}" for end in (point.score.low, point.score.high))
    return f"{figure(point.score.estimate, metric)} ({low} to {high})", amount(point.tokens)
