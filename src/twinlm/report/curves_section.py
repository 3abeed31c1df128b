"""Scores against labels and against the pre-training budget, and up to how many labels the baseline wins."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from twinlm.evidence.details import Details
from twinlm.evidence.intervals import LEVEL, claim_p, difference
from twinlm.evidence.multiple_testing import holm
from twinlm.evidence.outcomes import Outcomes
from twinlm.evidence.records import ScoreCurve, ScorePoint
from twinlm.evidence.results import Results
from twinlm.report.document import Block, Columns, Fold, Heading, Plot, Section, Table, Text
from twinlm.report.drawing import plots
from twinlm.report.numbers import INTERVAL, amount, capital, figure_with_interval, listed, low_to_high
from twinlm.report.task_sentences import none_beats


def section(results: Results, details: Details) -> Section:
    """Return the section on curves of scores."""
    plotted: list[list[Block]] = [
        [
            Heading(curve.task),
            Text(curve.verdict),
            Plot(
                f"{capital(curve.metric)} against {plots.curve_axis(results, curve)}.",
                plots.curve_plot(results, curve),
            ),
        ]
        for curve in results.curves
    ]
    folds: list[Block] = [
        Fold(f"{curve.task}: the points against {curve.axis}", [points(results, curve)])
        for curve in results.curves
    ]
    note = Text(
        f"Each point is a complete training run with its own schedule. Bars: {INTERVAL} over examples and "
        "seeds. Grey and dashed: the task's best baseline, fitted on the same labels.",
        style="note",
    )
    return Section("curves", "Curves", [note, Columns(plotted), *folds] if plotted else [])


def points(results: Results, curve: ScoreCurve) -> Table:
    """Return the points of a curve, a row for each number of labels or budget, with intervals."""
    arms = dict.fromkeys([*results.families, *(point.arm for point in curve.points)])
    by_arm = {name: [point for point in curve.points if point.arm == name] for name in arms}
    about_baseline = (
        " The baseline is one that is best with all labels, fitted on the same examples. A model is "
        "shown to beat it where p is below 0.05, adjusted for the rows (Holm)."
    )
    return Table(
        caption=f"{capital(curve.metric)}, {curve.task}, against {plots.curve_axis(results, curve)}. In "
        f"brackets: {INTERVAL}s over examples and seeds. Tokens: those of pre-training. Each row is a "
        "complete training run; with fewer labels it takes as many steps as with all."
        + (about_baseline if len(arms) > len(results.families) else ""),
        header=[curve.axis, *(name for own in by_arm.values() for name in _columns(results, own[0]))],
        rows=[
            [amount(row[0].x), *(cell for point in row for cell in _cells(results, point, curve.metric))]
            for row in zip(*by_arm.values(), strict=True)
        ],
    )


def crossing_sentence(curve: ScoreCurve, labels: Mapping[str, str]) -> str:
    """Return where the curves of the two kinds cross, or that no crossing is shown."""
    low, high = min(point.x for point in curve.points), max(point.x for point in curve.points)
    if curve.crossing is None:
        names = listed(list(labels.values()))
        return f"No crossing of {names} is shown between {amount(low)} and {amount(high)} ({curve.axis})."
    first, second, at = labels[curve.crossing.first], labels[curve.crossing.second], curve.crossing.at
    where = f"{amount(at.estimate)} ({INTERVAL} {low_to_high(at, amount)})"
    if _lead_changes(curve, *labels) > 1:
        return f"{second} is ahead above about {where}; below, the lead changes again ({curve.axis})."
    return f"{first} is ahead below about {where} and {second} above ({curve.axis})."


def baseline_sentence(
    baseline: str,
    outcomes: Sequence[Outcomes],
    counts: Sequence[float],
    labels: Mapping[str, str],
    values: Mapping[str, Sequence[Outcomes]],
    *,
    least: float,
    failed: Mapping[str, Sequence[int]],
) -> str:
    """Return with how many labels which kinds are shown to beat the baseline, and up to how many none is.

    `outcomes`, `values` and `failed`, the numbers of models that give one answer to all examples, have an
    item for each of the ascending `counts` of labels. The baseline is the best one with all labels, fitted
    again on each count; its p values are adjusted for the counts (Holm). Failed models beat nothing.
    """
    several = f" (p adjusted for {len(counts)} numbers of labels)" if len(counts) > 1 else ""
    beats = {
        name: [
            is_ahead and number < of_models.rows
            for is_ahead, number, of_models in zip(
                _beats(values[name], outcomes, least), failed[name], values[name], strict=True
            )
        ]
        for name in labels
    }
    shown = [any(column) for column in zip(*beats.values(), strict=True)]
    if not any(shown):
        none = none_beats(list(labels.values()))
        return f"{none} {baseline} with up to {amount(counts[-1])} labels{several}."
    winners = [
        f"{label} with {listed([amount(x) for x, is_won in zip(counts, beats[name], strict=True) if is_won])}"
        for name, label in labels.items()
        if any(beats[name])
    ]
    beaten = f"Shown to beat {baseline}: {listed(winners)} labels{several}."
    if shown[0]:
        return beaten
    below = counts[shown.index(True) - 1]
    return f"{none_beats(list(labels.values()))} {baseline} with up to {amount(below)} labels. {beaten}"


def failures_sentence(
    curve: ScoreCurve,
    counts: Sequence[float],
    labels: Mapping[str, str],
    values: Mapping[str, Sequence[Outcomes]],
    failed: Mapping[str, Sequence[int]],
) -> str:
    """Return at which positions how many models of each kind give one answer to all examples; "" if none."""
    noun = " labels" * (curve.axis == "labels")
    each = [
        f"{labels[name]} {number} of {of_models.rows} at {amount(x)}{noun}"
        for name in labels
        for x, number, of_models in zip(counts, failed[name], values[name], strict=True)
        if number
    ]
    counted_as = "; a correlation of such scores is 0 / 0 and counts as 0" * ("correlation" in curve.metric)
    return f"Failed trainings (one answer to all examples{counted_as}): {listed(each)}." if each else ""


def _beats(kind: Sequence[Outcomes], baseline: Sequence[Outcomes], least: float) -> list[bool]:
    pairs = list(zip(kind, baseline, strict=True))
    p_values = holm([claim_p(one, other, least=least) for one, other in pairs])
    return [
        p_value < LEVEL and difference(one, other, least=least).estimate > 0
        for p_value, (one, other) in zip(p_values, pairs, strict=True)
    ]


def _lead_changes(curve: ScoreCurve, first: str, second: str) -> int:
    """Return how often the lead changes between two arms, from the least position to the greatest."""
    one, other = (
        [point.score.estimate for point in curve.points if point.arm == arm] for arm in (first, second)
    )
    leads = [a > b for a, b in zip(one, other, strict=True) if a != b]
    return sum(before != after for before, after in pairwise(leads))


def _columns(results: Results, point: ScorePoint) -> list[str]:
    return [point.label, *["tokens"] * (point.arm in results.families)]


def _cells(results: Results, point: ScorePoint, metric: str) -> list[str]:
    score = figure_with_interval(point.score, metric)
    return [score, *[amount(point.tokens)] * (point.arm in results.families)]
