"""From the answers to test examples to the scores of arms and baselines on one task."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from twinlm.compare.stages import selection
from twinlm.compare.stages.finetuning import Trial
from twinlm.compare.stages.own_records import read_baselines
from twinlm.data.labels.task import LabelledTask
from twinlm.evidence import intervals
from twinlm.evidence.answers import ArmAnswers, TaskAnswers, index_json, index_name, index_of
from twinlm.evidence.outcomes import Matrix, Outcomes
from twinlm.evidence.results import ArmScore, TaskResult
from twinlm.prepare import stage
from twinlm.report import verdict
from twinlm.system import storage
from twinlm.tasks.kind import TaskKind
from twinlm.tasks.metrics import Measured, confusion, is_one_answer
from twinlm.tasks.table import task_kind

if TYPE_CHECKING:
    from twinlm.compare.run import Run

Answers = list[Any]
"""What one model said of each test example."""


def scored(answers: TaskAnswers) -> TaskResult:
    """Return all scores and comparisons that follow from what arms and baselines said, and from nothing else.

    A run calls this, and who checks a bundle calls it again.
    """
    kind = task_kind(answers.kind)
    values: dict[str, Outcomes] = {}
    scores: list[ArmScore] = []
    least, metric = 0.0, ""
    for arm in answers.arms:
        measured = [kind.measure(answers.golds, row) for row in arm.predicted]
        values[arm.arm] = Outcomes(stacked(measured), groups=arm.groups)
        least, metric = measured[0].least, next(iter(measured[0].figures))
        scores.append(_score(answers, arm, measured, values[arm.arm]))
    comparisons = [
        intervals.compare(first, values[first], second, values[second], least=least)
        for first, second in verdict.pairs_to_compare(scores)
    ]
    return TaskResult(
        name=answers.name,
        kind=answers.kind,
        metric=metric,
        classes=answers.classes,
        train_examples=answers.train_examples,
        valid_examples=answers.valid_examples,
        test_examples=len(answers.golds),
        scores=scores,
        comparisons=comparisons,
        verdict=verdict.task_verdict(answers.name, scores, comparisons, metric),
    )


def gathered(run: "Run", task: LabelledTask) -> TaskAnswers:
    """Return what a run's arms and baselines said of a task's test examples, with their texts.

    Notes in the task's folder which files that is, for `answers.read_answers`.
    """
    chosen = {arm.name: selection.chosen(run, arm, task.name) for arm in run.arms}
    arms = [_arm_answers(run, trials) for trials in chosen.values()]
    folders = {
        name: [str(run.trials.folder(trial).relative_to(run.folder)) for trial in trials]
        for name, trials in chosen.items()
    }
    arms += [
        ArmAnswers(
            arm=baseline["name"],
            label=baseline["label"],
            said=[[{"predicted": predicted} for predicted in baseline["predictions"]]],
            seconds=baseline["seconds"],
        )
        for baseline in baselines(run, task)
    ]
    answers = TaskAnswers(
        name=task.name,
        kind=task.kind,
        classes=list(task.classes),
        train_examples=len(task.train),
        valid_examples=len(task.valid),
        ids=[example.id for example in task.test],
        golds=[example.gold for example in task.test],
        characters=[sum(map(len, example.texts)) for example in task.test],
        texts=[example.texts for example in task.test],
        arms=arms,
    )
    storage.write_json(run.folder / index_name(task.name), index_json(index_of(answers, folders)))
    return answers


def baselines(run: "Run", task: LabelledTask, labels: int | None = None) -> list[dict[str, Any]]:
    """Fit the baselines of a task, or read what they said.

    Args:
        run: keeps them in a stage.
        task: whose test examples they answer.
        labels: how many of its training examples they are fitted on; None for all.
    """
    folder = run.folder / "tasks" / task.name / "baselines"
    made_from: dict[str, Any] = {"task": run.task_fingerprints[task.name]}
    if labels is not None:
        folder, made_from = folder / f"labels-{labels}", {**made_from, "labels": labels}
    stage.enter(folder, made_from)
    path = folder / "predictions.json"
    if not path.is_file():
        given = run.task(task.name, labels)
        said = f"fitting the baselines of {task.name}"
        run.progress.say(said if labels is None else f"{said}, {labels} labels")
        rows = [
            {
                "name": baseline.name,
                "label": baseline.label,
                "seconds": round(baseline.seconds, 3),
                "settings": baseline.settings,
                "notes": baseline.notes,
                "predictions": baseline.predictions,
            }
            for baseline in task_kind(task.kind).floors(given.train, given.valid, given.test)
        ]
        storage.write_json(path, rows)
    return read_baselines(path, task)


def failed_seeds(seeds: Sequence[str], answers: Sequence[Answers]) -> list[str]:
    """Return the seeds whose model gave one and the same answer, or tag, to all: its training failed."""
    return [seed for seed, row in zip(seeds, answers, strict=True) if is_one_answer(row)]


def predicted(rows: Sequence[dict[str, Any]]) -> Answers:
    """Return the answers of a predictions file."""
    return [row["predicted"] for row in rows]


def measure(kind: TaskKind, task: LabelledTask, answers: Sequence[Answers]) -> list[Measured]:
    """Return what the answers of each seed are worth."""
    golds = [example.gold for example in task.test]
    return [kind.measure(golds, row) for row in answers]


def outcomes(run: "Run", trials: Sequence[Trial], measured: Sequence[Measured]) -> Outcomes:
    """Return what each example adds to the figure of an arm, in groups by pre-training seed."""
    return Outcomes(stacked(measured), groups=len(run.trials.first_seeds(trials[0].arm)))


def stacked(measured: Sequence[Measured]) -> Matrix:
    """Return a row for each model: truth values only if all are."""
    rows: list[Any] = [of_model.values_E for of_model in measured]
    stacked_RE: Matrix = np.stack(rows)
    return stacked_RE


def _arm_answers(run: "Run", trials: Sequence[Trial]) -> ArmAnswers:
    arm = trials[0].arm
    spent = [run.trials.spent(trial) for trial in trials]
    groups = len(run.trials.first_seeds(arm))
    names = [f"{trial.first_seed}/{trial.seed}" if groups > 1 else str(trial.seed) for trial in trials]
    epochs = arm.settings.finetune.epochs
    return ArmAnswers(
        arm=arm.name,
        label=arm.label,
        family=arm.family,
        is_pretrained=arm.is_pretrained,
        is_imported=arm.folder is not None,
        groups=groups,
        seeds=names,
        said=[run.trials.predictions(trial) for trial in trials],
        seconds=sum(row["seconds"] for row in spent),
        chosen_epochs={
            name: round(row["best_step"] / row["step"] * epochs)
            for name, row in zip(names, spent, strict=True)
        },
    )


def _score(answers: TaskAnswers, arm: ArmAnswers, measured: Sequence[Measured], values: Outcomes) -> ArmScore:
    kind = task_kind(answers.kind)
    by_class = [kind.by_class(answers.golds, row) for row in arm.predicted]
    is_by_class = kind.form.is_split_by_label
    names = answers.classes if is_by_class else by_class[0].keys()
    return ArmScore(
        arm=arm.arm,
        label=arm.label,
        family=arm.family,
        is_pretrained=arm.is_pretrained,
        score=intervals.mean_interval(values, least=measured[0].least),
        figures=_means([of_seed.figures for of_seed in measured], list(measured[0].figures)),
        score_by_seed={seed: of_seed.main for seed, of_seed in zip(arm.seeds, measured, strict=False)},
        f1_by_class=_means(by_class, list(names)),
        confusion=_confusion(answers, arm.predicted) if is_by_class else [],
        failed_seeds=failed_seeds(arm.seeds, arm.predicted) if arm.seeds else [],
        seconds=arm.seconds,
        chosen_epochs=arm.chosen_epochs,
        is_imported=arm.is_imported,
    )


def _means(rows: Sequence[dict[str, float]], names: Sequence[str]) -> dict[str, float]:
    """Return the mean of each figure over seeds; a class that a seed has no figure for counts as 0."""
    return {name: float(np.mean([row.get(name, 0.0) for row in rows])) for name in names}


def _confusion(answers: TaskAnswers, rows: Sequence[Answers]) -> list[list[int]]:
    """Return counts over all seeds: true classes in rows, predicted ones in columns."""
    places = {name: place for place, name in enumerate(answers.classes)}
    gold_E = [places[gold] for gold in answers.golds]
    tables = [confusion(gold_E, [places[name] for name in row], len(places)) for row in rows]
    total: list[list[int]] = np.sum(tables, axis=0).tolist()
    return total
