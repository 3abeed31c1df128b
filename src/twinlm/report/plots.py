"""The report's plots: which marks and lines stand for which results."""

from collections.abc import Sequence

from twinlm.evidence.details import TaskDetails
from twinlm.evidence.pareto import Judged, front
from twinlm.evidence.results import ArmScore, CurvePoint, LanguageResult, Results, TaskResult
from twinlm.report.cost_section import CostKind, said
from twinlm.report.numbers import figure, points
from twinlm.report.svg import Line, Mark, Row, line_plot, row_plot
from twinlm.report.svg_diagonal import Series, diagonal_plot
from twinlm.report.svg_parts import Shape
from twinlm.report.svg_scatter import Point, scatter_plot

_SHAPES: tuple[Shape, Shape] = ("circle", "square")


def score_plot(results: Results, task: TaskResult) -> str:
    """Return each arm's main figure with its interval, and its seeds one by one."""
    ranked = sorted(task.scores, key=lambda score: -score.score.estimate)
    rows = [
        Row(
            label=score.label,
            text=figure(score.score.estimate, task.metric),
            marks=[_score_mark(results, score)],
        )
        for score in ranked
    ]
    # An arm far below all others would press the rest into a corner: it becomes an arrow at the edge.
    shown = [score for score in ranked if score.score.high > ranked[0].score.low - 0.35]
    low = min(min([score.score.low, *score.score_by_seed.values()]) for score in shown)
    high = max(max([score.score.high, *score.score_by_seed.values()]) for score in shown)
    spoken = [f"{score.label} {figure(score.score.estimate, task.metric)}" for score in ranked]
    return row_plot(
        rows,
        title=f"{task.metric} on {task.name}",
        description="From best to worst: " + ", ".join(spoken) + ".",
        x_label=_axis(task.metric),
        limits=(100 * low, 100 * high),
    )


def difference_plot(results: Results, task: TaskResult) -> str:
    """Return the difference of each comparison with its interval, around no difference."""
    arms = {score.arm: score for score in task.scores}
    rows = []
    for item in task.comparisons:
        found = item.difference
        mark = Mark(
            value=100 * found.estimate,
            low=100 * found.low,
            high=100 * found.high,
            style=_style(results, arms[item.first]) if item.winner else "undecided",
            shape=_shape(results, arms[item.first]),
        )
        label = f"{arms[item.first].label} against {arms[item.second].label}"
        rows.append(Row(label=label, text=points(found.estimate, signed=True), marks=[mark]))
    ends = [100 * end for item in task.comparisons for end in (item.difference.low, item.difference.high)]
    return row_plot(
        rows,
        title=f"Differences of {task.metric} on {task.name}",
        description="; ".join(f"{row.label}: {row.text} points" for row in rows),
        x_label=f"difference, points of {task.metric}",
        limits=(min(0.0, *ends), max(0.0, *ends)),
        reference=0.0,
    )


def cost_plot(results: Results, task: TaskResult, judged: Sequence[Judged], kind: CostKind) -> str:
    """Return each contender's score against its cost, with the front as it would be if all values were exact.

    Args:
        results: of the whole comparison.
        task: which the scores are of.
        judged: arms with their costs.
        kind: of the costs.
    """
    arms = {score.arm: score for score in task.scores}
    drawn = [(each.contender, arms[each.contender.arm], each.standing) for each in judged]
    return scatter_plot(
        [
            Point(
                name=who.label,
                x=who.cost.median,
                y=100 * who.score.estimate,
                across=(who.cost.low, who.cost.high),
                down=(100 * who.score.low, 100 * who.score.high),
                style=_style(results, score),
                shape=_shape(results, score),
                is_faded=standing == "dominated",
            )
            for who, score, standing in drawn
        ],
        front=[(who.cost.median, 100 * who.score.estimate) for who in front([who for who, *_ in drawn])],
        title=f"{task.metric} on {task.name} against {kind.name}",
        description=" ".join(_standing(each, task, kind) for each in judged),
        x_label=kind.name,
        y_label=_axis(task.metric),
    )


def _standing(judged: Judged, task: TaskResult, kind: CostKind) -> str:
    who = judged.contender
    score = figure(who.score.estimate, task.metric)
    return f"{who.label}: {score} for {kind.show(who.cost.median)}, {said(judged)}."


def f1_plot(results: Results, task: TaskResult) -> str:
    """Return the F1 of each class for the pre-trained arms."""
    arms = [score for score in task.scores if score.is_pretrained]
    rows = [
        Row(
            label=name,
            marks=[_plain_mark(results, score, score.f1_by_class[name]) for score in arms],
            text=" · ".join(f"{score.f1_by_class[name]:.2f}" for score in arms),
        )
        for name in arms[0].f1_by_class
    ]
    values = [value for score in arms for value in score.f1_by_class.values()]
    return row_plot(
        rows,
        title=f"F1 of each class of {task.name}",
        description="; ".join(f"{row.label}: {row.text}" for row in rows),
        x_label="F1",
        limits=(min(values), max(values)),
        legend=[(score.label, _plain_mark(results, score, 0.0)) for score in arms],
    )


def curve_plot(results: Results, language: LanguageResult) -> str:
    """Return the learning curves of one family, in its own unit."""
    family = list(results.families).index(language.family)
    curves = [curve for curve in language.curves if curve.points]
    if not curves:
        return ""
    most = max(point.tokens for curve in curves for point in curve.points)
    scale, unit = (1e6, "millions") if most >= 1e6 else (1e3, "thousands")
    lines = [
        Line(
            name=curve.name,
            style=f"family-{family}" + (" thin" if curve.name == "training" else ""),
            points=[(point.tokens / scale, point.value) for point in _visible(curve.points)],
        )
        for curve in curves
    ]
    ends = [min(line.points[0][0] for line in lines), most / scale]
    floors = [
        Line(name=name, style="baseline front", points=[(x, value) for x in ends])
        for name, value in language.floors.items()
    ]
    label = language.label
    return line_plot(
        [*floors, *lines],
        title=f"Learning curves of {label}",
        description=" ".join(
            [
                f"{each.name}: from {each.points[0].value:.3f} to {each.points[-1].value:.3f} {each.unit}."
                for each in curves
            ]
            + [f"Counting {name} reaches {value:.3f}." for name, value in language.floors.items()]
        ),
        x_label=f"tokens read, {unit}",
        y_label=curves[0].unit,
    )


def reliability_plot(results: Results, task: TaskResult, details: TaskDetails) -> str:
    """Return how often answers are right, against how sure arms are of them; for those looked at in pairs."""
    scores = {score.arm: score for score in task.scores}
    paired = {name for item in details.disagreements for name in (item.first, item.second)}
    found = [item for item in details.calibrations if item.arm in paired]
    if not found:
        return ""
    series = [
        Series(
            name=scores[item.arm].label,
            style=_style(results, scores[item.arm]),
            shape=_shape(results, scores[item.arm]),
            points=[
                (
                    100 * part.confidence,
                    100 * part.right.estimate,
                    100 * part.right.low,
                    100 * part.right.high,
                )
                for part in item.bins
            ],
        )
        for item in found
    ]
    spoken = [
        f"{item.name}: from {item.points[0][1]:.0f} % right where it is {item.points[0][0]:.0f} % sure to "
        f"{item.points[-1][1]:.0f} % where it is {item.points[-1][0]:.0f} % sure"
        for item in series
    ]
    return diagonal_plot(
        series,
        title=f"Reliability on {task.name}",
        description="; ".join(spoken),
        x_label="how sure, %",
        y_label="right, % of answers",
    )


def _visible(curve: list[CurvePoint]) -> list[CurvePoint]:
    """Leave out the steep beginning, which would flatten all that follows."""
    later = [point for point in curve if point.tokens >= 0.02 * curve[-1].tokens]
    return later if len(later) > 1 else curve


def _score_mark(results: Results, score: ArmScore) -> Mark:
    return Mark(
        value=100 * score.score.estimate,
        low=100 * score.score.low,
        high=100 * score.score.high,
        dots=tuple(100 * value for value in score.score_by_seed.values()),
        style=_style(results, score),
        shape=_shape(results, score),
    )


def _plain_mark(results: Results, score: ArmScore, value: float) -> Mark:
    return Mark(value=value, style=_style(results, score), shape=_shape(results, score))


def _axis(metric: str) -> str:
    return "accuracy, % of test examples" if metric == "accuracy" else f"{metric} times 100"


def _style(results: Results, score: ArmScore) -> str:
    if not score.family:
        return "baseline"
    hollow = "" if score.is_pretrained else " hollow"
    return f"family-{list(results.families).index(score.family)}{hollow}"


def _shape(results: Results, score: ArmScore) -> Shape:
    if not score.family or score.is_imported:
        return "diamond"
    return _SHAPES[list(results.families).index(score.family) % 2]
