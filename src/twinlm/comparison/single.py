"""One fine-tuning of a run, without a comparison: what follows from a model's folder, and its test figure."""

from collections.abc import Container
from pathlib import Path
from typing import Any

from twinlm.checkpoint import family_of, is_foreign
from twinlm.comparison.run import Run
from twinlm.comparison.stages.finetuning import Trial
from twinlm.errors import UsageError
from twinlm.evidence.intervals import mean_interval
from twinlm.evidence.records import Interval
from twinlm.evidence.scores import measure, predicted, stacked
from twinlm.settings import ImportedSettings, presets, recipes
from twinlm.tasks.table import task_kind
from twinlm.use.load import find_model


def settings_of_folder(
    kind: str, file: str | Path | None, given: Container[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what follows from a model's folder in place of a kind: lowest settings, and highest ones.

    Args:
        kind: name of a kind or an arm, or a model's folder.
        file: settings file.
        given: names of settings that override it.
    """
    if kind in presets.KINDS or not Path(kind).is_dir():
        return {}, {}
    folder = find_model(Path(kind))
    family = family_of(folder).name
    # A size brings its own rates and epochs.
    has_size = "size" in given or (file and any("size" in tree for tree in recipes.read_trees(Path(file))))
    large = ImportedSettings()
    tuning = {"epochs": large.epochs, "optimizer": {"learning_rate": large.learning_rate}}
    base = {family: {"finetune": tuning}} if is_foreign(folder) and not has_size else {}
    return base, {f"{family}.pretrain.start": kind}


def only_task(tasks: list[str]) -> str:
    """Return the one task of a run; a UsageError if there is none, or more."""
    if not tasks:
        raise UsageError("there is no task to fine-tune on", hint="add a [[task]] to the settings file")
    if len(tasks) > 1:
        hint = f"name one of {', '.join(tasks)} with --task"
        raise UsageError(f"there are {len(tasks)} tasks to fine-tune on", hint=hint)
    return tasks[0]


def test_figure(run: Run, trial: Trial) -> tuple[dict[str, Interval], dict[str, str]]:
    """Return a trial's main figure on the test file with its interval over examples, or why it is 0 / 0.

    Both are empty for a task without a test file.
    """
    if not any(task.test for task in run.settings.task if task.name == trial.task):
        return {}, {}
    task = run.workspace.task(trial.task)
    measured = measure(task_kind(task.kind), task, [predicted(run.finetuning.predictions(trial))])
    name = next(iter(measured[0].figures))
    if name in measured[0].undefined:
        return {}, {name: measured[0].undefined[name]}
    return {name: mean_interval(stacked(measured), least=measured[0].least)}, {}
