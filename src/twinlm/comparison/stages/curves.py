"""Scores of both kinds, and of the best baseline, against labels or pre-training, and where they cross."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

from twinlm import families
from twinlm.comparison.plan.arms import Arm
from twinlm.comparison.stages.baselines import Baselines
from twinlm.comparison.stages.finetuning import FinetuningStage, Trial
from twinlm.comparison.stages.pretraining import PretrainingStage
from twinlm.comparison.stages.selection import Selection
from twinlm.comparison.workspace import Workspace
from twinlm.data.labels.task import LabelledTask
from twinlm.evidence import intervals, scores
from twinlm.evidence.crossing import crossing
from twinlm.evidence.outcomes import Outcomes
from twinlm.evidence.records import Crossing, ScoreCurve, ScorePoint
from twinlm.tasks.table import task_kind

LABELS, BUDGET = "labels", "pre-training budget"


@dataclass(frozen=True, slots=True)
class Point:
    """Fine-tuning runs of one kind at one position: whole trainings, not checkpoints of a longer one."""

    x: float  # number of labels, or amount of the budget
    pretraining: str  # name of the pre-training that they start from
    trials: list[Trial]  # one trial for each pair of seeds


class BaselineLine(NamedTuple):
    """The baseline that is best with all labels, on each number of labels."""

    name: str  # name of the baseline
    label: str  # name for people
    outcomes: list[Outcomes]  # contributions of the test examples to its figure, by number of labels


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredCurve:
    """A curve, and the outcomes that sentences on it are tested with."""

    curve: ScoreCurve  # curve without its verdict
    positions: list[float]  # positions on the axis, ascending
    outcomes: dict[str, list[Outcomes]]  # contributions of the test examples by kind, then by position
    failed: dict[str, list[int]]  # models that give one answer to all examples, by kind, then by position
    baseline: BaselineLine | None  # best baseline; None against pre-training, which it has none of
    least: float  # least value that the figure can have


@dataclass
class Curves:
    """The curves that the settings ask for."""

    workspace: Workspace
    pretraining: PretrainingStage
    finetuning: FinetuningStage
    selection: Selection
    baselines: Baselines

    @property
    def axes(self) -> list[str]:
        """Axes that the settings want curves against."""
        compare = self.workspace.settings.compare
        wanted = {LABELS: compare.label_counts, BUDGET: compare.budget_shares}
        return [axis for axis, positions in wanted.items() if positions]

    def fit_baselines(self, task: LabelledTask) -> None:
        """Fit a task's baselines on each number of labels of its curve."""
        for count in self.baselines.counts(task):
            self.baselines.fitted(task, count)

    def fill(self) -> None:
        """Train all that the curves need and the rest of the comparison does not."""
        for name in self.pretraining.smaller:
            for seed in self.pretraining.seeds:
                self.pretraining.trained(name, seed)
        for task, axis, kind in product(self.workspace.prepared.tasks, self.axes, families.FAMILIES):
            for point in self._points(self.workspace.arm(kind), task, axis):
                for trial in point.trials:
                    self.finetuning.predictions(trial)

    def measured(self) -> list[MeasuredCurve]:
        """Return the curves of each task."""
        tasks = self.workspace.prepared.tasks.values()
        return [self._measured(task, axis) for task, axis in product(tasks, self.axes)]

    def smaller_points(self, arm: Arm, task: str, axis: str, learning_rate: float | None) -> list[Point]:
        """Return all points of a kind but the last, from left to right, at this learning rate."""
        trials = self.finetuning.trials
        if axis == LABELS:
            return [
                Point(count, arm.pretraining, trials(arm, task, labels=count, learning_rate=learning_rate))
                for count in self.baselines.counts(self.workspace.task(task))
            ]
        smaller = [other for other in self.pretraining.smaller.values() if other.family == arm.family]
        return [
            Point(
                other.share * self.workspace.settings.budget.amount,
                other.name,
                trials(
                    replace(arm, name=other.name, label=other.label, pretraining=other.name),
                    task,
                    learning_rate=learning_rate,
                ),
            )
            for other in sorted(smaller, key=lambda other: other.share)
        ]

    def _points(self, arm: Arm, task: str, axis: str) -> list[Point]:
        """Return all points of a kind; the last is its arm, whose learning rate all others take."""
        whole = self.selection.chosen(arm, task)
        labels, budget = len(self.workspace.task(task).train), self.workspace.settings.budget.amount
        last = Point(labels if axis == LABELS else budget, arm.pretraining, whole)
        return [*self.smaller_points(arm, task, axis, whole[0].learning_rate), last]

    def _measured(self, task: LabelledTask, axis: str) -> MeasuredCurve:
        kind = task_kind(task.kind)
        points, outcomes, metric, least = [], dict[str, list[Outcomes]](), "", 0.0
        failed: dict[str, list[int]] = {}
        golds = [example.gold for example in task.test]
        gives_one_answer = kind.metric(golds, task.scheme).is_one_answer
        for name, family in families.FAMILIES.items():
            for point in self._points(self.workspace.arm(name), task.name, axis):
                answers = [scores.predicted(self.finetuning.predictions(trial)) for trial in point.trials]
                measured = scores.measure(kind, task, answers)
                metric, least = next(iter(measured[0].figures)), measured[0].least
                groups = len(self.finetuning.first_seeds(point.trials[0].arm))
                of_point = Outcomes(scores.stacked(measured), groups=groups)
                outcomes.setdefault(name, []).append(of_point)
                failed.setdefault(name, []).append(sum(map(gives_one_answer, answers)))
                score = intervals.mean_interval(of_point, least=least)
                tokens = self.pretraining.plan(point.pretraining).tokens
                points.append(ScorePoint(arm=name, label=family.label, x=point.x, tokens=tokens, score=score))
        positions = [point.x for point in points if point.arm == points[0].arm]
        baseline = self._best_baseline(task) if axis == LABELS else None
        if baseline:
            for x, of_point in zip(positions, baseline.outcomes, strict=True):
                score = intervals.mean_interval(of_point, least=least)
                points.append(ScorePoint(arm=baseline.name, label=baseline.label, x=x, tokens=0, score=score))
        crosses = _crossing(positions, outcomes)
        named = {"task": task.name, "metric": metric, "axis": axis}
        curve = ScoreCurve(**named, points=points, crossing=crosses, verdict="")
        return MeasuredCurve(
            curve=curve,
            positions=positions,
            outcomes=outcomes,
            failed=failed,
            baseline=baseline,
            least=least,
        )

    def _best_baseline(self, task: LabelledTask) -> BaselineLine:
        kind = task_kind(task.kind)
        by_count = [self.baselines.fitted(task, count) for count in [*self.baselines.counts(task), None]]
        best = self.baselines.best(task)
        rows = [next(row for row in rows if row.name == best.name) for rows in by_count]
        answers = [scores.measure(kind, task, [row.predictions]) for row in rows]
        outcomes = [Outcomes(scores.stacked(of_count)) for of_count in answers]
        return BaselineLine(best.name, best.label, outcomes)


def _crossing(positions: Sequence[float], values: dict[str, list[Outcomes]]) -> Crossing | None:
    first, second = values
    found = crossing(positions, values[first], values[second])
    if found is None:
        return None
    ahead, at = found
    below, above = (first, second) if ahead > 0 else (second, first)
    return Crossing(first=below, second=above, at=at)
