"""From the answers to one task's test examples to scores and comparisons of arms and baselines."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from twinlm.data.labels.task import LabelledTask
from twinlm.evidence import intervals
from twinlm.evidence.answers import ArmAnswers, FrozenAnswers, TaskAnswers, facts
from twinlm.evidence.outcomes import Matrix, Outcomes
from twinlm.evidence.records import ArmFacts, FrozenGap
from twinlm.evidence.results import ArmScore, FrozenScore, TaskResult, UndefinedFigure
from twinlm.tasks.kind import Metric, TaskKind
from twinlm.tasks.metrics import Measured, confusion
from twinlm.tasks.table import task_kind

Answers = list[Any]
"""Answers of one model to all test examples."""


def scored(answers: TaskAnswers) -> TaskResult:
    """Return the scores and comparisons of a task from its answers alone, without the verdict in words."""
    kind = task_kind(answers.kind)
    values: dict[str, Outcomes] = {}
    scores: list[ArmScore] = []
    least, metric = 0.0, ""
    for arm in answers.arms:
        measured = _measured(answers, arm)
        values[arm.arm] = Outcomes(stacked(measured), groups=arm.groups)
        least, metric = measured[0].least, next(iter(measured[0].figures))
        scores.append(_score(answers, arm, measured, values[arm.arm]))
    comparisons = [
        intervals.compare(first, values[first], second, values[second], least=least)
        for first, second in pairs_to_compare(scores)
    ]
    frozen = [_frozen(answers, body, values, least) for body in answers.frozen]
    return TaskResult(
        name=answers.name,
        kind=answers.kind,
        metric=metric,
        metric_reason=kind.metric(answers.golds, answers.scheme).why,
        classes=answers.classes,
        train_examples=answers.train_examples,
        valid_examples=answers.valid_examples,
        test_examples=len(answers.golds),
        scores=scores,
        comparisons=comparisons,
        verdict="",
        frozen=frozen,
    )


def pairs_to_compare(scores: Sequence[ArmScore]) -> list[tuple[str, str]]:
    """Return the pairs (first, second) to compare, in the order of `TaskResult.comparisons`.

    First the two kinds, the better one first; then each kind with every other pre-trained arm, those with
    equal budgets before imported ones; then each kind with its models without pre-training; then each
    pre-trained arm with the best baseline.
    """
    pretrained = [score for score in scores if score.is_pretrained]
    ranked = sorted(pretrained, key=lambda score: -score.score.estimate)
    meetings = [(a, b) for a, b in combinations(ranked, 2) if is_kind(a) or is_kind(b)]
    meetings.sort(key=lambda pair: (pair[0].is_imported or pair[1].is_imported, not all(map(is_kind, pair))))
    pairs = [(a.arm, b.arm) for a, b in meetings]
    for score in filter(is_kind, pretrained):
        twins = [twin for twin in scores if twin.family == score.family and not twin.is_pretrained]
        pairs += [(score.arm, twin.arm) for twin in twins]
    baselines = [score for score in scores if not score.family]
    if baselines:
        best = max(baselines, key=lambda score: score.score.estimate)
        pairs += [(score.arm, best.arm) for score in pretrained]
    return pairs


def is_kind(score: ArmScore) -> bool:
    """Tell whether an arm is one of the two kinds itself, not a variant."""
    return bool(score.family) and score.arm == score.family


def failed_seeds(seeds: Sequence[str], answers: Sequence[Answers], metric: Metric) -> list[str]:
    """Return the seeds whose training failed: the model gives one answer, or tag, to all examples."""
    return [seed for seed, row in zip(seeds, answers, strict=True) if metric.is_one_answer(row)]


def predicted(rows: Sequence[dict[str, Any]]) -> Answers:
    """Return the answers of a predictions file."""
    return [row["predicted"] for row in rows]


def measure(kind: TaskKind, task: LabelledTask, answers: Sequence[Answers]) -> list[Measured]:
    """Return the measured answers of each seed."""
    golds = [example.gold for example in task.test]
    return [kind.measure(golds, row, task.scheme) for row in answers]


def stacked(measured: Sequence[Measured]) -> Matrix:
    """Return a row for each model; truth values only if all are."""
    rows: list[Any] = [of_model.values_E for of_model in measured]
    stacked_RE: Matrix = np.stack(rows)
    return stacked_RE


def _measured(answers: TaskAnswers, arm: ArmAnswers) -> list[Measured]:
    kind = task_kind(answers.kind)
    return [kind.measure(answers.golds, row, answers.scheme) for row in arm.predicted]


def _frozen(
    answers: TaskAnswers, body: FrozenAnswers, arms: Mapping[str, Outcomes], least: float
) -> FrozenScore:
    """Return the score of a body's linear models, and the lead of each of its arms over them."""
    measured = _measured(answers, body)
    outcomes = Outcomes(stacked(measured), groups=body.groups)
    gaps = [
        FrozenGap(arm=name, difference=intervals.difference_within(arms[name], outcomes, least=least))
        for name in body.arms
    ]
    return FrozenScore(**facts(_score(answers, body, measured, outcomes), ArmScore), gaps=gaps)


def _score(answers: TaskAnswers, arm: ArmAnswers, measured: Sequence[Measured], values: Outcomes) -> ArmScore:
    kind = task_kind(answers.kind)
    metric = kind.metric(answers.golds, answers.scheme)
    by_class = [metric.by_class(answers.golds, row) for row in arm.predicted]
    return ArmScore(
        **facts(arm, ArmFacts),
        score=intervals.mean_interval(values, least=measured[0].least),
        figures=_means([of_seed.figures for of_seed in measured], list(measured[0].figures)),
        score_by_seed={seed: of_seed.main for seed, of_seed in zip(arm.seeds, measured, strict=False)},
        f1_by_class=_means(by_class, list(by_class[0])),
        confusion=_confusion(answers, arm.predicted) if kind.form.is_split_by_label else [],
        failed_seeds=failed_seeds(arm.seeds, arm.predicted, metric) if arm.seeds else [],
        seconds=arm.seconds,
        chosen_epochs=arm.chosen_epochs,
        is_imported=arm.is_imported,
        undefined=_undefined(arm.seeds, measured),
    )


def _undefined(seeds: Sequence[str], measured: Sequence[Measured]) -> tuple[UndefinedFigure, ...]:
    """Return the figures that are 0 / 0 for some models, by name and reason."""
    reasons = dict.fromkeys(row for of_model in measured for row in of_model.undefined.items())
    return tuple(
        UndefinedFigure(
            name=name,
            reason=reason,
            seeds=[
                seed
                for seed, of_seed in zip(seeds, measured, strict=False)
                if of_seed.undefined.get(name) == reason
            ],
        )
        for name, reason in reasons
    )


def _means(rows: Sequence[dict[str, float]], names: Sequence[str]) -> dict[str, float]:
    """Return the mean of each figure over seeds; a missing figure of a class counts as 0."""
    return {name: float(np.mean([row.get(name, 0.0) for row in rows])) for name in names}


def _confusion(answers: TaskAnswers, rows: Sequence[Answers]) -> list[list[int]]:
    """Return counts over all seeds: true classes in rows, predicted ones in columns."""
    indices = {name: index for index, name in enumerate(answers.classes)}
    gold_E = [indices[gold] for gold in answers.golds]
    tables = [confusion(gold_E, [indices[name] for name in row], len(indices)) for row in rows]
    total: list[list[int]] = np.sum(tables, axis=0).tolist()
    return total
