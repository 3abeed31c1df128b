"""Scores against labels and against pre-training, for both kinds, with the place where they cross.

Each point is a whole training of its own with a schedule that comes to its end, not a checkpoint on the way.
Against labels, the task's best baseline is a third line, fitted anew on each number of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from twinlm import families
from twinlm.compare.plan.arms import Arm
from twinlm.compare.stages import answers as scoring
from twinlm.compare.stages import selection
from twinlm.compare.stages.finetuning import Trial
from twinlm.data.labels.task import LabelledTask
from twinlm.evidence import intervals, scores
from twinlm.evidence.crossing import crossing
from twinlm.evidence.outcomes import Outcomes
from twinlm.evidence.records import Crossing, ScoreCurve, ScorePoint
from twinlm.report.baseline_crossing import Floor, floor_sentence
from twinlm.report.numbers import INTERVAL, amount, listed
from twinlm.tasks.table import task_kind

if TYPE_CHECKING:
    from twinlm.compare.run import Run

LABELS, BUDGET = "labels", "pre-training budget"


@dataclass(frozen=True, slots=True)
class Point:
    """The fine-tunings of one kind at one place of the axis."""

    x: float
    """Labels, or how much of the budget."""
    pretraining: str
    """Name of what they begin with."""
    trials: list[Trial]
    """One for each pair of seeds."""


def fill(run: "Run") -> None:
    """Train all that the curves need and the rest of the run has not."""
    for name in run.bodies.smaller:
        for seed in run.bodies.seeds:
            run.bodies.trained(name, seed)
    for task in run.prepared.tasks:
        for axis in axes(run):
            for kind in families.FAMILIES:
                for point in _points(run, run.arm(kind), task, axis):
                    for trial in point.trials:
                        run.trials.predictions(trial)


def fit_baselines(run: "Run", task: LabelledTask) -> None:
    """Fit a task's baselines on as many labels as the curve has places."""
    for count in _counts(run, task):
        scoring.baselines(run, task, count)


def score_curves(run: "Run") -> list[ScoreCurve]:
    """Return the curves that the settings ask for, of each task."""
    return [_curve(run, run.task(task), axis) for task in run.prepared.tasks for axis in axes(run)]


def axes(run: "Run") -> list[str]:
    """Return what the settings want curves against."""
    wanted = {LABELS: run.settings.compare.label_counts, BUDGET: run.settings.compare.budget_shares}
    return [axis for axis, places in wanted.items() if places]


def _counts(run: "Run", task: LabelledTask) -> list[int]:
    """Return the numbers of labels that the settings name and the task has more of."""
    return [count for count in sorted(run.settings.compare.label_counts) if count < len(task.train)]


def smaller_points(run: "Run", arm: Arm, task: str, axis: str, learning_rate: float | None) -> list[Point]:
    """Return the points of a kind from left to right but for the last one, at this learning rate."""
    if axis == LABELS:
        return [
            Point(count, arm.pretraining, run.trials.of(arm, task, labels=count, learning_rate=learning_rate))
            for count in _counts(run, run.task(task))
        ]
    smaller = [other for other in run.bodies.smaller.values() if other.family == arm.family]
    return [
        Point(
            other.share * run.settings.budget.amount,
            other.name,
            run.trials.of(
                replace(arm, name=other.name, label=other.label, pretraining=other.name),
                task,
                learning_rate=learning_rate,
            ),
        )
        for other in sorted(smaller, key=lambda other: other.share)
    ]


def _points(run: "Run", arm: Arm, task: str, axis: str) -> list[Point]:
    """Return all points of a kind; the last is its arm in the comparison, whose learning rate all have."""
    whole = selection.chosen(run, arm, task)
    x = len(run.task(task).train) if axis == LABELS else run.settings.budget.amount
    last = Point(x, arm.pretraining, whole)
    return [*smaller_points(run, arm, task, axis, whole[0].learning_rate), last]


def _curve(run: "Run", task: LabelledTask, axis: str) -> ScoreCurve:
    kind = task_kind(task.kind)
    points, values, metric, least = [], dict[str, list[Outcomes]](), "", 0.0
    for name, family in families.FAMILIES.items():
        for point in _points(run, run.arm(name), task.name, axis):
            answers = [scores.predicted(run.trials.predictions(trial)) for trial in point.trials]
            measured = scores.measure(kind, task, answers)
            metric, least = next(iter(measured[0].figures)), measured[0].least
            outcomes = scoring.outcomes(run, point.trials, measured)
            values.setdefault(name, []).append(outcomes)
            score = intervals.mean_interval(outcomes, least=least)
            tokens = run.bodies.plan(point.pretraining).tokens
            points.append(ScorePoint(arm=name, label=family.label, x=point.x, tokens=tokens, score=score))
    places = [point.x for point in points if point.arm == points[0].arm]
    found = _crossing(places, values)
    verdict = _verdict(axis, points, found)
    if axis == LABELS:
        floor = _floor(run, task)
        labels = {name: family.label for name, family in families.FAMILIES.items()}
        verdict += " " + floor_sentence(floor, places, labels, values, least=least)
        points += [
            ScorePoint(
                arm=floor.name,
                label=floor.label,
                x=place,
                tokens=0,
                score=intervals.mean_interval(outcomes, least=least),
            )
            for place, outcomes in zip(places, floor.values, strict=True)
        ]
    return ScoreCurve(
        task=task.name,
        metric=metric,
        axis=axis,
        points=points,
        crossing=found,
        verdict=verdict,
    )


def _floor(run: "Run", task: LabelledTask) -> Floor:
    """Return the baseline that is best with all labels, fitted on each number of them."""
    kind = task_kind(task.kind)
    by_count = [scoring.baselines(run, task, count) for count in [*_counts(run, task), None]]
    measured = {row["name"]: scores.measure(kind, task, [row["predictions"]])[0].main for row in by_count[-1]}
    best = max(measured, key=lambda name: measured[name])
    rows = [next(row for row in rows if row["name"] == best) for rows in by_count]
    answers = [scores.measure(kind, task, [row["predictions"]]) for row in rows]
    return Floor(best, rows[-1]["label"], [Outcomes(scores.stacked(of_count)) for of_count in answers])


def _crossing(places: Sequence[float], values: dict[str, list[Outcomes]]) -> Crossing | None:
    first, second = values
    found = crossing(places, values[first], values[second])
    if found is None:
        return None
    ahead, at = found
    below, above = (first, second) if ahead > 0 else (second, first)
    return Crossing(first=below, second=above, at=at)


def _verdict(axis: str, points: Sequence[ScorePoint], found: Crossing | None) -> str:
    """Say where the curves cross, or that this is not shown."""
    labels = {point.arm: point.label for point in points}
    low, high = min(point.x for point in points), max(point.x for point in points)
    if found is None:
        names = listed(list(labels.values()))
        return f"No crossing of {names} is shown between {amount(low)} and {amount(high)} ({axis})."
    where = f"{amount(found.at.estimate)} ({INTERVAL} {amount(found.at.low)} to {amount(found.at.high)})"
    return f"{labels[found.first]} is ahead below about {where} and {labels[found.second]} above ({axis})."
