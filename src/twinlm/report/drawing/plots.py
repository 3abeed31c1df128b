"""The report's plots: which marks and lines stand for which results."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from twinlm.evidence.details import TaskDetails
from twinlm.evidence.pareto import Judged, front
from twinlm.evidence.records import Interval, ScoreCurve
from twinlm.evidence.results import ArmScore, CurvePoint, FrozenScore, LanguageResult, Results, TaskResult
from twinlm.report.drawing.svg import DIGIT, LETTER, WIDTH, Axes, Axis, Look, Point, Shape, shortened
from twinlm.report.markup import Markup
from twinlm.report.numbers import amount, bare, figure, is_share

_SHAPES: tuple[Shape, Shape] = ("circle", "square")
_FULL = 100.0
_MOST_TICKS = 5
_BESIDE = 0.012
"""Distance of the intervals of two kinds at the same number of labels, as a share of the axis."""


class _Row(NamedTuple):
    """A labelled row of marks, whose y is ignored."""

    label: str
    text: str
    marks: list[Point]


def score_plot(results: Results, task: TaskResult) -> Markup:
    """Return each arm's main figure with its interval, and its seeds one by one."""
    ranked: list[ArmScore] = sorted([*task.scores, *task.frozen], key=lambda score: -score.score.estimate)
    rows = []
    for score in ranked:
        dots = tuple(score.score_by_seed.values())
        mark = _across(score.score, _scale(task.metric), look_of(results, score), dots)
        text = figure(score.score.estimate, task.metric) if score.has_figure(task.metric) else "0 / 0"
        rows.append(_Row(score.label, text, [mark]))
    # An arm far below all others would press the rest into a corner: it becomes an arrow at the edge.
    shown = [score for score in ranked if score.score.high > ranked[0].score.low - 0.35]
    low = min(min([score.score.low, *score.score_by_seed.values()]) for score in shown)
    high = max(max([score.score.high, *score.score_by_seed.values()]) for score in shown)
    scale = _scale(task.metric)
    return _rows(rows, Axis.linear(_axis(task.metric), scale * low, scale * high)).svg(
        f"{task.metric} on {task.name}",
        "From best to worst: " + ", ".join(f"{row.label} {row.text}" for row in rows) + ".",
    )


def difference_plot(results: Results, task: TaskResult) -> Markup:
    """Return the difference of each comparison with its interval, around no difference."""
    arms = {score.arm: score for score in task.scores}
    rows = []
    for item in task.comparisons:
        first, second = arms[item.first], arms[item.second]
        look = look_of(results, first)
        if item.winner is None or (first.has_failed and second.has_failed):
            look = Look(style="undecided", shape=look.shape)
        label = f"{first.label} against {second.label}"
        text = bare(item.difference.estimate, task.metric, signed=True)
        rows.append(_Row(label, text, [_across(item.difference, _scale(task.metric), look)]))
    gaps = [item.difference for item in task.comparisons]
    ends = [_scale(task.metric) * end for gap in gaps for end in (gap.low, gap.high)]
    name = f"difference, {'points of ' if is_share(task.metric) else ''}{task.metric}"
    axis = Axis.linear(name, min(0.0, *ends), max(0.0, *ends))
    return _rows(rows, axis, reference=0.0).svg(
        f"Differences of {task.metric} on {task.name}",
        "; ".join(f"{row.label}: {row.text}{' points' * is_share(task.metric)}" for row in rows),
    )


def f1_plot(results: Results, task: TaskResult) -> Markup:
    """Return the F1 of each class for the pre-trained arms."""
    arms = [score for score in task.scores if score.is_pretrained]
    looks = [look_of(results, score) for score in arms]
    rows = []
    for name in arms[0].f1_by_class:
        values = [score.f1_by_class[name] for score in arms]
        marks = [Point(x=value, y=0, look=look) for value, look in zip(values, looks, strict=True)]
        rows.append(_Row(name, " · ".join(f"{value:.2f}" for value in values), marks))
    values = [value for score in arms for value in score.f1_by_class.values()]
    axes = _rows(rows, Axis.linear("F1", min(values), max(values)))
    axes.key([("", score.label, look) for score, look in zip(arms, looks, strict=True)])
    return axes.svg(f"F1 of each class of {task.name}", "; ".join(f"{row.label}: {row.text}" for row in rows))


def cost_plot(
    results: Results, task: TaskResult, judged: Sequence[Judged], cost: str, description: str
) -> Markup:
    """Return each contender's score against its cost, with the front as it would be if values were exact."""
    arms, scale = {score.arm: score for score in task.scores}, _scale(task.metric)
    marks = []
    for each in judged:
        who, look = each.contender, look_of(results, arms[each.contender.arm])
        faded = " faded" if each.standing == "dominated" else ""
        marks.append(
            Point(
                x=who.cost.median,
                y=scale * who.score.estimate,
                look=Look(style=f"{look.style}{faded}", shape=look.shape),
                x_ends=(who.cost.low, who.cost.high),
                y_ends=(scale * who.score.low, scale * who.score.high),
            )
        )
    x_ends, y_ends = zip(*((mark.x_ends, mark.y_ends) for mark in marks), strict=True)
    axes = Axes(Axis.log(cost, *_range(x_ends)), Axis.linear(_axis(task.metric), *_range(y_ends)), bottom=222)
    axes.grid_across()
    corners = [
        (who.cost.median, scale * who.score.estimate) for who in front([each.contender for each in judged])
    ]
    axes.line(_steps(corners, axes.across.high), "front")
    for mark in marks:
        axes.point(mark)
    # Marks that look alike are told apart by numbers.
    is_plain = len({(mark.look.style, mark.look.shape) for mark in marks}) == len(marks)
    numbers = [""] * len(marks) if is_plain else [str(number) for number in range(1, len(marks) + 1)]
    axes.labels(
        [(text, (mark.x, mark.y), mark.look.style) for text, mark in zip(numbers, marks, strict=True) if text]
    )
    axes.key(
        [
            (text, each.contender.label, mark.look)
            for text, each, mark in zip(numbers, judged, marks, strict=True)
        ]
    )
    return axes.svg(f"{task.metric} on {task.name} against {cost}", description)


def learning_plot(results: Results, language: LanguageResult) -> Markup:
    """Return the learning curves of one family, in its own unit, which must have points."""
    family = list(results.families).index(language.family)
    curves = [curve for curve in language.curves if curve.points]
    most = max(point.tokens for curve in curves for point in curve.points)
    scale, unit = (1e6, "millions") if most >= 1e6 else (1e3, "thousands")
    lines = {
        curve.name: [(point.tokens / scale, point.value) for point in _visible(curve.points)]
        for curve in curves
    }
    begin = min(line[0][0] for line in lines.values())
    baselines = {name: [(x, value) for x in (begin, most / scale)] for name, value in language.floors.items()}
    values = [y for line in [*lines.values(), *baselines.values()] for _, y in line]
    axes = Axes(
        Axis.linear(f"tokens read, {unit}", 0, most / scale, 4),
        Axis.linear(curves[0].unit, min(values), max(values)),
        right=286,
        bottom=208,
    )
    axes.grid_across()
    labels = []
    for name, line in {**baselines, **lines}.items():
        style = "baseline front" if name in baselines else f"family-{family}"
        axes.line(line, style + (" thin" if name == "training" else ""))
        labels.append((name, line[-1], style))
    axes.labels(labels)
    return axes.svg(
        f"Learning curves of {language.label}",
        " ".join(
            [
                f"{each.name}: from {each.points[0].value:.3f} to {each.points[-1].value:.3f} {each.unit}."
                for each in curves
            ]
            + [f"Counting {name} reaches {value:.3f}." for name, value in language.floors.items()]
        ),
    )


def curve_plot(results: Results, curve: ScoreCurve) -> Markup:
    """Return the scores of both kinds, and of a baseline, over a logarithmic axis, with 95 % intervals."""
    positions = sorted({point.x for point in curve.points})
    step = math.ceil(len(positions) / _MOST_TICKS)
    shown = {*positions[::step], positions[-1]}
    kinds = list(results.families)
    span = positions[-1] / positions[0]
    edge = max(2.0, span) ** 0.02
    across = Axis(
        label=f"{curve_axis(results, curve)}, logarithmic",
        low=positions[0] / edge,
        high=positions[-1] * edge,
        ticks=[(x, amount(x) if x in shown else "") for x in positions],
        is_log=True,
    )
    scale = _scale(curve.metric)
    ends = _range([(scale * point.score.low, scale * point.score.high) for point in curve.points])
    axes = Axes(across, Axis.linear(_axis(curve.metric), *ends), right=286, bottom=208)
    axes.grid_across()
    labels = []
    for name in dict.fromkeys([*kinds, *(point.arm for point in curve.points)]):
        style = f"family-{kinds.index(name)}" if name in kinds else "baseline"
        # Bars of two kinds at the same position would hide each other.
        beside = span ** (_BESIDE * (2 * kinds.index(name) - 1 if name in kinds else 0))
        shape: Shape = _SHAPES[kinds.index(name) % 2] if name in kinds else "diamond"
        own = [point for point in curve.points if point.arm == name]
        line = [(point.x, scale * point.score.estimate) for point in own]
        axes.line(line, style)
        for point, (x, y) in zip(own, line, strict=True):
            y_ends = (scale * point.score.low, scale * point.score.high)
            axes.point(Point(x=x * beside, y=y, y_ends=y_ends, look=Look(style=style, shape=shape)))
        # A baseline's own name is too long for a line's end.
        labels.append((results.families.get(name, "baseline"), line[-1], style))
    axes.labels(labels)
    return axes.svg(f"{curve.metric} on {curve.task} against {curve.axis}", curve.verdict)


def curve_axis(results: Results, curve: ScoreCurve) -> str:
    """Return what a curve is drawn against, with its unit."""
    return "training examples" if curve.axis == "labels" else f"{curve.axis} in {results.matched_by}"


def reliability_plot(results: Results, task: TaskResult, details: TaskDetails) -> Markup | None:
    """Return how often answers are right, against how sure arms are of them; for those looked at in pairs."""
    scores = {score.arm: score for score in task.scores}
    paired = {name for item in details.disagreements for name in (item.first, item.second)}
    series = [(scores[item.arm], item.bins) for item in details.calibrations if item.arm in paired]
    if not series:
        return None
    lowest = min(min(part.confidence, part.right.low) for _, bins in series for part in bins)
    sides = [
        Axis.linear(label, min(100 * lowest, _FULL - 10), _FULL, most=_FULL)
        for label in ("how sure, %", "right, % of answers")
    ]
    axes = Axes(*sides, right=350, bottom=238)
    axes.grid_across()
    axes.line([(end, end) for end in (sides[0].low, _FULL)], "axis")
    spoken = []
    for score, bins in series:
        look = look_of(results, score)
        line = [(100 * part.confidence, 100 * part.right.estimate) for part in bins]
        axes.line(line, f"{look.style} thin")
        for (x, y), part in zip(line, bins, strict=True):
            axes.point(Point(x=x, y=y, look=look, y_ends=(100 * part.right.low, 100 * part.right.high)))
        spoken.append(
            f"{score.label}: from {line[0][1]:.0f} % right where it is {line[0][0]:.0f} % sure to "
            f"{line[-1][1]:.0f} % where it is {line[-1][0]:.0f} % sure"
        )
    axes.key([("", score.label, look_of(results, score)) for score, _ in series])
    return axes.svg(f"Reliability on {task.name}", "; ".join(spoken))


def look_of(results: Results, score: ArmScore) -> Look:
    """Return how an arm's marks look: colour and shape of its kind; hollow if untrained, pale if frozen."""
    if not score.family:
        return Look(style="baseline", shape="diamond")
    kind = list(results.families).index(score.family)
    shade = " hollow" * (not score.is_pretrained) + " faded" * isinstance(score, FrozenScore)
    return Look(style=f"family-{kind}{shade}", shape="diamond" if score.is_imported else _SHAPES[kind % 2])


def _rows(rows: Sequence[_Row], across: Axis, reference: float | None = None) -> Axes:
    """Draw rows of marks over one horizontal axis, each row's label above its marks."""
    height = 38 if any(mark.dots for row in rows for mark in row.marks) else 32
    down = Axis(label="", low=len(rows), high=0)
    axes = Axes(across, down, left=14, top=0, right=346, bottom=height * len(rows) + 4)
    axes.grid_down(reference)
    for index, row in enumerate(rows):
        y = axes.y(index)
        # The description says a label whole where it would run into the value.
        room = int((WIDTH - 12 - LETTER - DIGIT * len(row.text)) / LETTER)
        axes.words(6, y + 13, shortened(row.label, room), "row-label")
        axes.words(354, y + 13, row.text, "row-value end")
        for mark in row.marks:
            axes.point(replace(mark, y=index + 23 / height))
    return axes


def _across(interval: Interval, scale: float, look: Look, dots: tuple[float, ...] = ()) -> Point:
    return Point(
        x=scale * interval.estimate,
        y=0,
        look=look,
        x_ends=(scale * interval.low, scale * interval.high),
        dots=tuple(scale * dot for dot in dots),
    )


def _steps(corners: Sequence[tuple[float, float]], end: float) -> list[tuple[float, float]]:
    """Return the line of the best score that each cost buys: level until the next corner, then up."""
    line = list(corners[:1])
    for (_, before), (x, y) in pairwise(corners):
        line += [(x, before), (x, y)]
    return [*line, (end, corners[-1][1])]


def _range(ends: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(low for low, _ in ends), max(high for _, high in ends)


def _visible(curve: list[CurvePoint]) -> list[CurvePoint]:
    """Leave out the steep beginning, which would flatten all that follows."""
    later = [point for point in curve if point.tokens >= 0.02 * curve[-1].tokens]
    return later if len(later) > 1 else curve


def _axis(metric: str) -> str:
    return f"{metric}, %" if is_share(metric) else metric


def _scale(metric: str) -> float:
    return 100.0 if is_share(metric) else 1.0
