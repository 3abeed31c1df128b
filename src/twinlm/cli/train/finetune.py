"""`twinlm finetune`: fine-tune one model on one labelled task."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import AnySetting, Fresh, RunOptions, SettingsFile
from twinlm.cli.running import opened_run
from twinlm.cli.tables import print_record
from twinlm.errors import UsageError
from twinlm.settings import UNTRAINED, presets
from twinlm.system import storage


def command(
    kind: Annotated[
        str,
        Parameter(help=f"{' or '.join(presets.KINDS)}, an [[imported]] model's name, or a model's folder."),
    ],
    file: SettingsFile = None,
    /,
    *,
    task: Annotated[str | None, Parameter(help="Name of the task, needed if there are several.")] = None,
    seed: Annotated[int, Parameter(help="Seed of the head's first weights, data order and dropout.")] = 1,
    learning_rate: Annotated[
        float | None, Parameter(help="Default: that of the settings; 5e-5 for an imported model.")
    ] = None,
    epochs: Annotated[
        int | None, Parameter(help="Default: that of the settings; 3 for an imported model.")
    ] = None,
    is_untrained: Annotated[bool, Parameter(name="--untrained", help="Start without pre-training.")] = False,
    is_fresh: Fresh = False,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Fine-tune one model on a labelled task.

    Use it to get one model for a task, without a comparison. The model is
    pre-trained first if necessary; a model's folder is used as it is, and needs no
    text. The fine-tuned model is stored in RUN/tasks/TASK/KIND/seed-SEED.

    Examples:
      twinlm finetune bert my.toml --task reviews --seed 1
      twinlm finetune gpt my.toml --task reviews --seed 1 --untrained
      twinlm finetune imported/minilm --task.train reviews.csv --learning-rate 3e-5
    Next:
      twinlm predict runs/my/tasks/reviews/bert/seed-1 new.csv
    """
    if learning_rate is not None and not 0 < learning_rate <= 1:
        raise UsageError(f"--learning-rate must be above 0 and at most 1, not {learning_rate}")
    if epochs is not None and epochs < 1:
        raise UsageError(f"--epochs must be at least 1, not {epochs}")
    from twinlm.compare.plan.arms import retuned
    from twinlm.compare.stages.finetuning import Trial

    with opened_run(file, options, _sizes_of(kind) | settings) as run:
        name = task or _only(list(run.workspace.tasks))
        run.workspace.task(name)
        arm = run.workspace.arm(f"{kind}{UNTRAINED}" if is_untrained else kind)
        arm = replace(arm, settings=retuned(arm.settings, learning_rate, epochs))
        trial = Trial(arm=arm, task=name, seed=seed, first_seed=run.settings.seed)
        folder = run.finetuning.folder(trial)
        if is_fresh and folder.exists():
            run.progress.say(f"--fresh: removing {folder}")
            storage.remove(folder)
        history = run.finetuning.finetuned(trial).history["fine-tuning"]
    record = {"kind": kind, "task": name, "seed": seed, "model": str(folder / "model"), **history}
    metric, value = next(iter(history["validation"].items()))
    line = f"{folder / 'model'}: {history['step']:,} steps, validation {metric} {value:.3f}"
    print_record(record, line, is_json=options.is_json)


def _sizes_of(kind: str) -> dict[str, str]:
    """Return the setting that takes the model's sizes from its folder; none for the name of a kind."""
    if kind in presets.KINDS or not Path(kind).is_dir():
        return {}
    from twinlm.checkpoint import family_of
    from twinlm.use.load import find_model

    return {f"{family_of(find_model(Path(kind))).name}/pretrain/start": kind}


def _only(tasks: list[str]) -> str:
    if not tasks:
        raise UsageError("there is no task to fine-tune on", hint="add a [[task]] to the settings file")
    if len(tasks) > 1:
        hint = f"name one of {', '.join(tasks)} with --task"
        raise UsageError(f"there are {len(tasks)} tasks to fine-tune on", hint=hint)
    return tasks[0]


COMMAND = Command("finetune", command)
