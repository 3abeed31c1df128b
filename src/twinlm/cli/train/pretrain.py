"""`twinlm pretrain`: pre-train one model, or both."""

from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import AnySetting, Fresh, RunOptions, SettingsFile, check_reach, plain_names
from twinlm.cli.running import opened_run
from twinlm.cli.tables import print_counts, print_record
from twinlm.errors import UsageError
from twinlm.settings import build, presets

_BOTH = "both"


def command(
    kind: Annotated[str, Parameter(help=f"{', '.join(presets.KINDS)} or {_BOTH}.")],
    file: SettingsFile = None,
    /,
    *,
    is_fresh: Fresh = False,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Pre-train one model, or both, on unlabelled text.

    Use it to get a model without a comparison. Each model gets its share of the
    matched budget. Training resumes from the newest checkpoint, exactly as if it
    had never stopped. The model is stored in RUN/KIND/model.

    Examples:
      twinlm pretrain both my.toml
      twinlm pretrain gpt my.toml --pretrain.optimizer.learning_rate 3e-4
      twinlm pretrain bert --corpus.train book.txt --budget.amount 1e13
    Next:
      twinlm finetune bert my.toml --task reviews
    """
    kinds = presets.KINDS if kind == _BOTH else (_checked(kind),)
    check_reach(plain_names(settings), idle=("finetune", "compare", "quality"), kinds=kinds)
    with opened_run(file, options, settings, removed=kinds if is_fresh else ()) as run:
        rows = []
        for name in kinds:
            history = run.pretraining.trained(name).history["pretraining"]
            rows.append({"kind": name, "model": str(run.folder / name / "model"), **history})
        counts = run.workspace.prepared.counts
    print_counts(counts)
    text = "{model}: {step:,} steps, {tokens:,} tokens, validation loss {best:.4f}"
    print_record(rows, *(text.format(**row) for row in rows), is_json=options.is_json)


def _checked(kind: str) -> str:
    if kind not in presets.KINDS:
        hint = build.closest(kind, [*presets.KINDS, _BOTH])
        raise UsageError(f"there is no kind of model {kind!r}", hint=hint)
    return kind


COMMAND = Command("pretrain", command)
