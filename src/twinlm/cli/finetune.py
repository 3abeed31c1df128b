"""`twinlm finetune`: fine-tuning of one kind on one labelled task."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm import presets, storage
from twinlm.cli.options import SETTINGS_NOTE, AnySetting, Fresh, RunOptions, SettingsFile, opened_run
from twinlm.cli.pretrain import Kind, checked_kind
from twinlm.errors import UsageError

NAME = "finetune"
EXAMPLES = f"""Examples:
  twinlm finetune {presets.KINDS[1]} my.toml --task reviews --seed 1
  twinlm finetune {presets.KINDS[0]} my.toml --task reviews --seed 1 --untrained

{SETTINGS_NOTE}"""


def command(
    kind: Kind,
    file: SettingsFile = None,
    /,
    *,
    task: Annotated[str | None, Parameter(help="Name of the task; needed if there are several.")] = None,
    seed: Annotated[int, Parameter(help="Of the head's first weights, data order and dropout.")] = 1,
    is_untrained: Annotated[bool, Parameter(name="--untrained", help="Begin without pre-training.")] = False,
    is_fresh: Fresh = False,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Fine-tune one model on one labelled task.

    It is pre-trained first if it has not been. The fine-tuned model lies in
    RUN/tasks/TASK, in a folder for each kind and seed; twinlm classify uses it.
    """
    checked_kind(kind, others=[])
    with opened_run(file, options, settings) as run:
        name = task or _only(list(run.prepared.tasks))
        run.task(name)
        folder = run.arm_folder(kind, name, seed, is_pretrained=not is_untrained)
        if is_fresh and folder.exists():
            run.progress.say(f"--fresh: removing {folder}")
            storage.remove(folder)
        history = run.finetuned(kind, name, seed, is_pretrained=not is_untrained).history["fine-tuning"]
    if options.is_json:
        print(
            json.dumps({"kind": kind, "task": name, "seed": seed, "model": str(folder / "model"), **history})
        )
    else:
        right = 1 - history["best"]
        print(f"{folder / 'model'}: {history['step']:,} steps, validation accuracy {right:.1%}")


def _only(tasks: list[str]) -> str:
    """Return the task, if there is one only."""
    if len(tasks) != 1:
        hint = (
            f"name one of {', '.join(tasks)} with --task" if tasks else "add a [[task]] to the settings file"
        )
        raise UsageError(f"there are {len(tasks)} tasks to fine-tune on", hint=hint)
    return tasks[0]
