"""What a run's arms and baselines said of test examples: all that `evidence/scores.py` needs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twinlm.compare.stages import selection
from twinlm.compare.stages.finetuning import Trial
from twinlm.compare.stages.own_records import read_baselines
from twinlm.data.labels.task import LabelledTask
from twinlm.evidence.answers import ArmAnswers, TaskAnswers, index_json, index_name, index_of
from twinlm.evidence.outcomes import Outcomes
from twinlm.evidence.scores import stacked
from twinlm.prepare import stage
from twinlm.system import storage
from twinlm.tasks.metrics import Measured
from twinlm.tasks.table import task_kind

if TYPE_CHECKING:
    from twinlm.compare.run import Run


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


def outcomes(run: "Run", trials: Sequence[Trial], measured: Sequence[Measured]) -> Outcomes:
    """Return what each example adds to the figure of an arm, in groups by pre-training seed."""
    return Outcomes(stacked(measured), groups=len(run.trials.first_seeds(trials[0].arm)))


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
