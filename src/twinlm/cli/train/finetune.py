"""`twinlm finetune`: fine-tune one model on one labelled task."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import AnySetting, Fresh, RunOptions, SettingsFile, check_reach, plain_names
from twinlm.cli.running import opened_run
from twinlm.cli.tables import print_counts, print_record
from twinlm.errors import UsageError
from twinlm.settings import UNTRAINED, Settings, presets
from twinlm.system import storage
from twinlm.system.records import to_json

if TYPE_CHECKING:
    from twinlm.comparison.plan.arms import Arm
    from twinlm.evidence.records import Interval


def command(
    kind: Annotated[
        str,
        Parameter(help=f"{' or '.join(presets.KINDS)}, an [[imported]] model's name, or a model's folder."),
    ],
    file: SettingsFile = None,
    /,
    *,
    task: Annotated[
        str | None, Parameter(help="File of labelled texts, or which [[task]] of the settings to take.")
    ] = None,
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
      twinlm finetune runs/my/gpt --recipe strong --task.train few-labels.csv
    Next:
      twinlm predict runs/my/tasks/reviews/bert/seed-1 new.csv
    """
    if learning_rate is not None and not 0 < learning_rate <= 1:
        raise UsageError(f"--learning-rate must be above 0 and at most 1, not {learning_rate}")
    if epochs is not None and epochs < 1:
        raise UsageError(f"--epochs must be at least 1, not {epochs}")
    from twinlm.comparison.plan.arms import retuned
    from twinlm.comparison.single import only_task, settings_of_folder, test_figure
    from twinlm.comparison.stages.finetuning import Trial

    base, decided = settings_of_folder(kind, file, settings)
    is_file = task is not None and Path(task).is_file()
    files = [task] if task is not None and is_file else []
    with opened_run(file, options, settings, tasks=files, base=base, decided=decided) as run:
        name = task if task is not None and not is_file else only_task(list(run.workspace.tasks))
        run.workspace.task(name)
        arm = run.workspace.arm(f"{kind}{UNTRAINED}" if is_untrained else kind)
        arm = replace(arm, settings=retuned(arm.settings, learning_rate, epochs))
        _check_obeyed(arm, run.settings, plain_names(settings))
        trial = Trial(arm=arm, task=name, seed=seed, first_seed=run.settings.seed)
        folder = run.finetuning.folder(trial)
        if is_fresh and folder.exists():
            run.progress.say(f"--fresh: removing {folder}")
            storage.remove(folder)
        history = run.finetuning.finetuned(trial).history["fine-tuning"]
        test, undefined = test_figure(run, trial)
        counts = run.workspace.prepared.counts if arm.pretraining else run.workspace.task_counts
    print_counts({**counts, **{f"training: {reason}": count for reason, count in history["counts"].items()}})
    record = {"kind": kind, "task": name, "seed": seed, "model": str(folder / "model"), **history}
    line = _line(folder / "model", history, test, undefined)
    record["test"] = to_json(test)
    record["removed"] = {reason: count for reason, count in counts.items() if count}
    print_record(record, line, is_json=options.is_json)


def _line(
    model: Path, history: Mapping[str, Any], test: "Mapping[str, Interval]", undefined: Mapping[str, str]
) -> str:
    """Return what a fine-tuning reached, as people read it."""
    from twinlm.report.numbers import figure, figure_with_interval

    metric, value = next(iter(history["validation"].items()))
    failed = " (one answer to all validation examples: training failed)" * history["one_answer"]
    parts = [f"{history['step']:,} steps", f"validation {metric} {figure(value, metric)}{failed}"]
    parts += [f"test {name} {figure_with_interval(interval, name)}" for name, interval in test.items()]
    parts += [f"test {name} 0 / 0, because {reason}" for name, reason in undefined.items()]
    return f"{model}: {', '.join(parts)}"


def _check_obeyed(arm: "Arm", settings: Settings, given: Collection[str]) -> None:
    """Refuse options that don't reach the fine-tuning of an arm."""
    idle = ["compare", "quality"]
    idle += [] if arm.pretraining else ["budget", "pretrain"]
    idle += ["model", "corpus", "tokenizer"] if arm.folder else []
    # A start model brings its tokenizer, also where nothing is pre-trained.
    used = () if arm.folder else [name for name in given if name.endswith("pretrain.start")]
    check_reach([name for name in given if name not in used], idle=idle, kinds=(arm.family,))
    for name in given:
        *_, table, rest = ("", *name.partition("finetune.")[1:])
        if not table:
            continue
        wanted, value = (
            attrgetter(table + rest)(each) for each in (getattr(settings, arm.family), arm.settings)
        )
        if wanted != value:
            where = "its own table, --epochs or --learning-rate"
            message = f"--{name} would change nothing: {arm.name!r} has {value!r} from {where}"
            raise UsageError(message, hint="set it there alone")


COMMAND = Command("finetune", command)
