"""`twinlm plan`: what a comparison will cost, before anything is trained."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from twinlm.cli.options import SETTINGS_NOTE, AnySetting, RunOptions, SettingsFile, opened_run
from twinlm.cli.progress import duration
from twinlm.settings import Settings

if TYPE_CHECKING:
    from twinlm.train.costs import PretrainPlan

NAME = "plan"
EXAMPLES = f"""Examples:
  twinlm plan my.toml
  twinlm plan my.toml --budget.match seconds --budget.amount 600
  twinlm plan --demo --json

{SETTINGS_NOTE}"""


def command(
    file: SettingsFile = None,
    /,
    *,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Show what a comparison will cost, before training.

    All models get the same of one thing: tokens, operations, seconds or money.
    This shows what that comes to on all axes, also for each [[arm]]. It reads the text and trains the
    tokenizer, which the comparison then finds done, and times a few steps.
    """
    with opened_run(file, options, settings) as run:
        plans = run.bodies.plans
        if options.is_json:
            from twinlm import config

            rows = [{"name": name, **config.plain(plan)} for name, plan in plans.items()]
            print(json.dumps({"match": run.settings.budget.match, "plans": rows}))
        else:
            print(table(plans, run.settings))


def table(plans: "Mapping[str, PretrainPlan]", settings: Settings) -> str:
    """Return plans side by side, one axis a line: the matched one marked, else the second over the first."""
    rows = [["", *plans, ""]]
    for name, text in _AXES.items():
        values = [getattr(plan, name) for plan in plans.values()]
        ratio = f"x {values[1] / values[0]:.2f}" if values[0] else ""
        mark = "matched" if name.removeprefix("corpus_") == settings.budget.match else ratio
        rows.append([text, *(_number(name, value) for value in values), mark])
    if price := settings.budget.price_per_hour:
        money = [f"{plan.seconds / 3600 * price:,.2f}" for plan in plans.values()]
        rows.append(["price", *money, "matched" if settings.budget.match == "money" else ""])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


_AXES = {
    "parameters": "parameters",
    "non_embedding_parameters": "  outside embeddings",
    "steps": "steps",
    "tokens": "tokens read",
    "targets": "tokens predicted",
    "flops": "operations (FLOPs)",
    "seconds": "time on this machine",
    "corpus_passes": "times the text is read",
    "memory_bytes": "peak memory",
}


def _number(name: str, value: float) -> str:
    if name == "seconds":
        return duration(value)
    if name == "flops":
        return f"{value:.3g}"
    if name == "corpus_passes":
        return f"{value:.2f}"
    return f"{value / 2**20:,.0f} MiB" if name == "memory_bytes" else f"{value:,.0f}"
