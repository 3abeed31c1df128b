"""`twinlm pretrain`: pre-training of one kind, or of both."""

import json
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import SETTINGS_NOTE, AnySetting, Fresh, RunOptions, SettingsFile, opened_run
from twinlm.errors import UsageError
from twinlm.settings import build, presets

NAME = "pretrain"
EXAMPLES = f"""Examples:
  twinlm pretrain both my.toml
  twinlm pretrain {presets.KINDS[0]} my.toml --pretrain.optimizer.learning_rate 3e-4
  twinlm pretrain {presets.KINDS[1]} --corpus.train book.txt --budget.amount 1e13

{SETTINGS_NOTE}"""
BOTH = "both"


def command(
    kind: Annotated[str, Parameter(help=f"{', '.join(presets.KINDS)} or {BOTH}.")],
    file: SettingsFile = None,
    /,
    *,
    is_fresh: Fresh = False,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Pre-train one model, or both, on text without labels.

    Each gets its share of the matched budget. Goes on from the newest
    checkpoint, exactly as if it had never been stopped. The model is
    RUN/KIND/model.
    """
    kinds = presets.KINDS if kind == BOTH else (checked_kind(kind, others=[BOTH]),)
    with opened_run(file, options, settings, removed=kinds if is_fresh else ()) as run:
        done = []
        for name in kinds:
            history = run.pretraining.trained(name).history["pretraining"]
            done.append({"kind": name, "model": str(run.folder / name / "model"), **history})
    if options.is_json:
        print(json.dumps(done))
        return
    for row in done:
        path = row["model"]
        print(f"{path}: {row['step']:,} steps, {row['tokens']:,} tokens, validation loss {row['best']:.4f}")


def checked_kind(kind: str, *, others: list[str]) -> str:
    """Return a kind of model.

    Raises:
        UsageError: there is none of that name.
    """
    if kind not in presets.KINDS:
        hint = build.closest(kind, [*presets.KINDS, *others])
        raise UsageError(f"there is no kind of model {kind!r}", hint=hint)
    return kind
