"""`twinlm finetune`: fine-tuning of one kind on one labelled task."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import SETTINGS_NOTE, AnySetting, Fresh, RunOptions, SettingsFile, opened_run
from twinlm.errors import UsageError
from twinlm.settings import UNTRAINED, presets
from twinlm.system import storage

NAME = "finetune"
EXAMPLES = f"""Examples:
  twinlm finetune {presets.KINDS[1]} my.toml --task reviews --seed 1
  twinlm finetune {presets.KINDS[0]} my.toml --task reviews --seed 1 --untrained
  twinlm finetune imported/minilm --task.train reviews.csv --learning-rate 3e-5

{SETTINGS_NOTE}"""


def command(
    kind: Annotated[
        str,
        Parameter(
            help=f"{' or '.join(presets.KINDS)}, the name of an [[imported]] model, or a model's folder."
        ),
    ],
    file: SettingsFile = None,
    /,
    *,
    task: Annotated[str | None, Parameter(help="Name of the task; needed if there are several.")] = None,
    seed: Annotated[int, Parameter(help="Of the head's first weights, data order and dropout.")] = 1,
    learning_rate: Annotated[
        float | None, Parameter(help="Instead of the settings'; 5e-5 for a model from elsewhere.")
    ] = None,
    epochs: Annotated[
        int | None, Parameter(help="Instead of the settings'; 3 for a model from elsewhere.")
    ] = None,
    is_untrained: Annotated[bool, Parameter(name="--untrained", help="Begin without pre-training.")] = False,
    is_fresh: Fresh = False,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Fine-tune one model on one labelled task.

    It is pre-trained first if it has not been; a model's folder is taken as it is and
    needs no text to pre-train on. The fine-tuned model lies in RUN/tasks/TASK, in a
    folder for each kind and seed; twinlm predict and its like use it.
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
    if options.is_json:
        print(
            json.dumps({"kind": kind, "task": name, "seed": seed, "model": str(folder / "model"), **history})
        )
    else:
        name, value = next(iter(history["validation"].items()))
        print(f"{folder / 'model'}: {history['step']:,} steps, validation {name} {value:.3f}")


def _sizes_of(kind: str) -> dict[str, str]:
    """Return the setting that gives the kind of a model's folder its sizes; none for a name."""
    if kind in presets.KINDS or not Path(kind).is_dir():
        return {}
    from twinlm.checkpoint import family_of
    from twinlm.use.load import find_model

    return {f"{family_of(find_model(Path(kind))).name}/pretrain/start": kind}


def _only(tasks: list[str]) -> str:
    """Return the task, if there is one only."""
    if len(tasks) != 1:
        hint = (
            f"name one of {', '.join(tasks)} with --task" if tasks else "add a [[task]] to the settings file"
        )
        raise UsageError(f"there are {len(tasks)} tasks to fine-tune on", hint=hint)
    return tasks[0]
