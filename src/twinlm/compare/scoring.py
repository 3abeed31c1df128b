"""From predicted classes to the scores of arms and baselines on one task."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twinlm import families, storage
from twinlm.compare import stage, statistics, verdict
from twinlm.compare.baselines import fit_baselines
from twinlm.compare.results import ArmScore, TaskResult
from twinlm.data.labelled_task import LabelledTask
from twinlm.settings import Settings
from twinlm.train import finetune

if TYPE_CHECKING:
    from twinlm.compare.run import Run

_WITHOUT = "without pre-training"


def arm_name(kind: str, is_pretrained: bool) -> str:
    """Return the name of an arm: "gpt", or "gpt-scratch" without pre-training."""
    return kind if is_pretrained else f"{kind}-scratch"


def arms(settings: Settings) -> list[tuple[str, bool]]:
    """Return the arms of a comparison as (kind, is pre-trained), pre-trained ones first."""
    starts = [True, False] if settings.compare.untrained else [True]
    return [(kind, is_pretrained) for is_pretrained in starts for kind in families.FAMILIES]


def task_result(run: "Run", task: LabelledTask) -> TaskResult:
    """Return all scores and comparisons of a task whose models are fine-tuned."""
    gold_E = _numbers(task, [example.gold for example in task.test])
    correct: dict[str, NDArray[np.bool_]] = {}
    scores: list[ArmScore] = []
    for kind, is_pretrained in arms(run.settings):
        predicted_SE = _predictions(run, task, kind, is_pretrained)
        score = _arm_score(run, task, kind, is_pretrained, gold_E, predicted_SE)
        correct[score.arm] = predicted_SE == gold_E
        scores.append(score)
    for baseline in baselines(run, task):
        predicted_SE = _numbers(task, baseline["predictions"])[None]
        about = {"arm": baseline["name"], "label": baseline["label"], "family": "", "is_pretrained": False}
        correct[baseline["name"]] = predicted_SE == gold_E
        scores.append(_score(task, gold_E, predicted_SE, seeds=(), seconds=baseline["seconds"], **about))
    comparisons = [
        statistics.compare(first, correct[first], second, correct[second])
        for first, second in verdict.pairs_to_compare(scores)
    ]
    return TaskResult(
        name=task.name,
        classes=list(task.classes),
        train_examples=len(task.train),
        valid_examples=len(task.valid),
        test_examples=len(task.test),
        scores=scores,
        comparisons=comparisons,
        verdict=verdict.task_verdict(task.name, scores, comparisons),
    )


def baselines(run: "Run", task: LabelledTask) -> list[dict[str, Any]]:
    """Fit the baselines of a task, or read what they said."""
    folder = run.folder / "tasks" / task.name / "baselines"
    stage.enter(folder, {"task": run.task_fingerprint(task.name)})
    path = folder / "predictions.json"
    if not path.is_file():
        run.progress.say(f"fitting the baselines of {task.name}")
        fitted = fit_baselines(
            train_texts=[example.texts[0] for example in task.train],
            train_labels=[example.gold for example in task.train],
            valid_texts=[example.texts[0] for example in task.valid],
            valid_labels=[example.gold for example in task.valid],
            test_texts=[example.texts[0] for example in task.test],
        )
        rows = [
            {
                "name": baseline.name,
                "label": baseline.label,
                "seconds": round(baseline.seconds, 3),
                "settings": baseline.settings,
                "notes": baseline.notes,
                "predictions": baseline.predictions,
            }
            for baseline in fitted
        ]
        storage.write_json(path, rows)
    found: list[dict[str, Any]] = storage.read_json(path)
    return found


def _predictions(run: "Run", task: LabelledTask, kind: str, is_pretrained: bool) -> NDArray[np.int64]:
    """Return the predicted class numbers, (seeds, test examples)."""
    rows = [
        [row["predicted"] for row in run.predictions(kind, task.name, seed, is_pretrained=is_pretrained)]
        for seed in run.settings.compare.seeds
    ]
    return np.array([_numbers(task, labels) for labels in rows])


def _numbers(task: LabelledTask, labels: list[str]) -> NDArray[np.int64]:
    places = {name: place for place, name in enumerate(task.classes)}
    return np.array([places[name] for name in labels])


def _arm_score(
    run: "Run",
    task: LabelledTask,
    kind: str,
    is_pretrained: bool,
    gold_E: NDArray[np.int64],
    predicted_SE: NDArray[np.int64],
) -> ArmScore:
    seeds = run.settings.compare.seeds
    folders = [run.arm_folder(kind, task.name, seed, is_pretrained=is_pretrained) for seed in seeds]
    spent = [storage.read_json(folder / finetune.RESULT) for folder in folders]
    label = families.family(kind).label
    epochs = run.kind(kind).finetune.epochs
    return _score(
        task,
        gold_E,
        predicted_SE,
        seeds=seeds,
        seconds=sum(row["seconds"] for row in spent),
        arm=arm_name(kind, is_pretrained),
        label=label if is_pretrained else f"{label} {_WITHOUT}",
        family=kind,
        is_pretrained=is_pretrained,
        chosen_epochs={
            seed: round(row["best_step"] / row["step"] * epochs)
            for seed, row in zip(seeds, spent, strict=True)
        },
    )


def _score(
    task: LabelledTask,
    gold_E: NDArray[np.int64],
    predicted_SE: NDArray[np.int64],
    *,
    seeds: tuple[int, ...],
    seconds: float,
    **about: Any,
) -> ArmScore:
    correct_SE = predicted_SE == gold_E
    confusions = [statistics.confusion(gold_E, row_E, len(task.classes)) for row_E in predicted_SE]
    total_CC = np.sum(confusions, axis=0)
    f1_SC = [statistics.f1_by_class(confusion_CC) for confusion_CC in confusions]
    by_seed = zip(seeds, correct_SE.mean(1).tolist(), strict=False)
    return ArmScore(
        accuracy=statistics.mean_interval(correct_SE),
        macro_f1=float(np.mean([statistics.macro_f1(confusion_CC) for confusion_CC in confusions])),
        accuracy_by_seed=dict(by_seed),
        f1_by_class=dict(zip(task.classes, np.mean(f1_SC, axis=0).tolist(), strict=True)),
        confusion=total_CC.tolist(),
        failed_seeds=statistics.failed_seeds(dict(zip(seeds, predicted_SE, strict=False))),
        seconds=seconds,
        **about,
    )
