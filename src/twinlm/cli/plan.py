"""`twinlm plan`: what a comparison will cost, before anything is trained."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from twinlm.cli.options import SETTINGS_NOTE, AnySetting, RunOptions, SettingsFile, opened_run
from twinlm.cli.progress import duration
from twinlm.settings import Settings

if TYPE_CHECKING:
    from twinlm.compare.plan_matches import Match
    from twinlm.compare.run import Run
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
    This shows what that comes to on all axes, also for each [[arm]], and what it would come to
    if another thing was the same. It reads the text and trains the tokenizer, which the comparison
    then finds done, and times a few steps.
    """
    with opened_run(file, options, settings) as run:
        from twinlm.compare.plan_matches import all_matches

        shares = {name: pretraining.share for name, pretraining in run.bodies.compared.items()}
        matches = all_matches(run.bodies.plans, shares, run.settings.budget.price_per_hour)
        if options.is_json:
            print(json.dumps(_as_json(run, matches)))
        else:
            print(table(run.bodies.plans, run.settings))
            print("\n" + matches_table(matches, run.settings))


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
    return _aligned(rows)


def matches_table(matches: "Sequence[Match]", settings: Settings) -> str:
    """Return what each match would mean: a line for each model but the first, in times that one's."""
    price = settings.budget.price_per_hour
    first = next(iter(matches[0].plans))
    rows = [
        [
            "equal in",
            f"{first} takes",
            "",
            *(text for text, _ in _RATIOS),
            "takes",
            *(["price"] if price else []),
        ]
    ]
    for match in matches:
        begin = [_MATCHES[match.axis], _number(match.axis, match.amount)]
        if match.axis == settings.budget.match:
            begin[0] += " *"
        for name, plan in match.plans.items():
            if name != first:
                rows.append([*begin, name, *_ratios(plan, match.plans[first])])
                rows[-1] += [duration(plan.seconds)]
                rows[-1] += [_number("money", plan.seconds / 3600 * price)] if price else []
                begin = ["", ""]
    heading = (
        f"With as much of one thing as {first} takes above (* as planned), a model takes {first}'s times:"
    )
    return f"{heading}\n{_aligned(rows)}"


def _ratios(plan: "PretrainPlan", first: "PretrainPlan") -> list[str]:
    """Return what a plan takes over what the first one takes, axis by axis."""
    return [f"{getattr(plan, name) / getattr(first, name):.2f}" for _, name in _RATIOS]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines of columns: the first one to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _as_json(run: "Run", matches: "Sequence[Match]") -> dict[str, object]:
    from twinlm import config

    def rows(plans: "Mapping[str, PretrainPlan]") -> list[dict[str, object]]:
        return [{"name": name, **config.plain(plan)} for name, plan in plans.items()]

    return {
        "match": run.settings.budget.match,
        "plans": rows(run.bodies.plans),
        "matches": [
            {"match": match.axis, "amount": match.amount, "plans": rows(match.plans)} for match in matches
        ],
    }


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
_MATCHES = {
    "tokens": "tokens",
    "targets": "predicted",
    "flops": "FLOPs",
    "seconds": "time",
    "money": "money",
    "steps": "steps",
    "passes": "passes",
}
_RATIOS = (
    ("steps", "steps"),
    ("tokens", "tokens"),
    ("predicted", "targets"),
    ("FLOPs", "flops"),
    ("time", "seconds"),
    ("passes", "corpus_passes"),
)


def _number(name: str, value: float) -> str:
    shown: dict[str, Callable[[float], str]] = {
        "seconds": duration,
        "flops": "{:.3g}".format,
        "money": "{:,.2f}".format,
        "passes": "{:.2f}".format,
        "corpus_passes": "{:.2f}".format,
        "memory_bytes": lambda size_bytes: f"{size_bytes / 2**20:,.0f} MiB",
    }
    return shown.get(name, "{:,.0f}".format)(value)
