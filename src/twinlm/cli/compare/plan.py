"""`twinlm plan`: what a comparison will cost, before anything is trained."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twinlm.cli.compare.compare import Tasks
from twinlm.cli.options import SETTINGS_NOTE, AnySetting, RunOptions, SettingsFile, opened_run
from twinlm.cli.progress import duration
from twinlm.settings import Settings

if TYPE_CHECKING:
    from twinlm.compare.plan.matches import Match
    from twinlm.compare.run import Run
    from twinlm.train.costs import PretrainPlan

NAME = "plan"
EXAMPLES = f"""Examples:
  twinlm plan my.toml
  twinlm plan my.toml --budget.match seconds --budget.amount 600
  twinlm plan --corpus.train my-text.txt --task labels.csv
  twinlm plan --demo --json

{SETTINGS_NOTE}"""


def command(
    file: SettingsFile = None,
    /,
    *,
    task: Tasks = None,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Show what a comparison will cost, before training.

    All models get the same of one thing: tokens, operations, seconds or money.
    This shows what that comes to on all axes, also for each [[arm]]; what it would come to if
    another thing was the same; and hours and disk of the whole comparison. It reads the text and
    trains the tokenizer, which the comparison then finds done, and times some steps of each training.
    """
    with opened_run(file, options, settings, tasks=task or []) as run:
        from twinlm.compare.plan.matches import all_matches

        shares = {name: pretraining.share for name, pretraining in run.pretraining.compared.items()}
        matches = all_matches(run.pretraining.plans, shares, run.settings.budget.price_per_hour)
        whole = _whole(run)
        if options.is_json:
            print(json.dumps(_as_json(run, matches, whole)))
        else:
            parts = [table(run.pretraining.plans, run.settings), matches_table(matches, run.settings)]
            print("\n\n".join([*parts, whole_table(whole), _SOURCES]))


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """What a whole comparison takes."""

    rows: list[tuple[str, int, float, int]]
    """What, how many trainings, their seconds and their bytes on disk, all together."""
    text_bytes: int
    """On disk: tokens and tokenizers."""
    working_bytes: int
    """On disk beside all that, at most, while a training runs."""
    missing_bytes: int
    """Of all that, what is not there yet."""
    free_bytes: int
    """On this disk."""

    @property
    def seconds(self) -> float:
        """Of all trainings."""
        return sum(seconds for _, _, seconds, _ in self.rows)

    @property
    def disk_bytes(self) -> int:
        """What is kept."""
        return self.text_bytes + sum(kept_bytes for *_, kept_bytes in self.rows)


def whole_table(whole: Whole) -> str:
    """Return what a whole comparison takes in time and on disk, and whether the disk has room for it."""
    rows = [["the whole comparison", "trainings", "time", "disk"]]
    rows += [
        [what, f"{number:,}", duration(seconds), _size(kept_bytes)]
        for what, number, seconds, kept_bytes in whole.rows
    ]
    rows.append(["tokens, tokenizers", "", "", _size(whole.text_bytes)])
    number = sum(number for _, number, *_ in whole.rows)
    rows.append(["in all", f"{number:,}", duration(whole.seconds), _size(whole.disk_bytes)])
    rows.append(["  more while training", "", "", _size(whole.working_bytes)])
    rows.append(["  not there yet", "", "", _size(whole.missing_bytes)])
    rows.append(["free", "", "", _size(whole.free_bytes)])
    lacking = whole.missing_bytes - whole.free_bytes
    warning = (
        f"\nTHE DISK IS TOO SMALL by {_size(lacking)}: twinlm compare would not begin." if lacking > 0 else ""
    )
    return _aligned(rows) + warning


def _whole(run: "Run") -> Whole:
    """Return what all trainings of a run take, those of one title added up."""
    from twinlm.compare.forecast import folder_bytes, missing_bytes

    planned = run.forecast.trainings()
    rows: dict[str, tuple[int, float, int]] = {}
    for training in planned:
        number, seconds, kept_bytes = rows.get(training.title, (0, 0.0, 0))
        rows[training.title] = (
            number + 1,
            seconds + run.forecast.seconds(training),
            kept_bytes + training.kept_bytes,
        )
    return Whole(
        rows=[(title, *row) for title, row in rows.items()],
        text_bytes=sum(folder_bytes(run.folder / name) for name in ("tokens", "tokenizers")),
        working_bytes=max(training.working_bytes for training in planned),
        missing_bytes=missing_bytes(planned),
        free_bytes=run.forecast.free_bytes(),
    )


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


def _as_json(run: "Run", matches: "Sequence[Match]", whole: Whole) -> dict[str, object]:
    from twinlm.settings import build

    def rows(plans: "Mapping[str, PretrainPlan]") -> list[dict[str, object]]:
        return [{"name": name, **build.plain(plan)} for name, plan in plans.items()]

    return {
        "match": run.settings.budget.match,
        "plans": rows(run.pretraining.plans),
        "matches": [
            {"match": match.axis, "amount": match.amount, "plans": rows(match.plans)} for match in matches
        ],
        "trainings": [
            {"what": what, "number": number, "seconds": seconds, "disk_bytes": kept_bytes}
            for what, number, seconds, kept_bytes in whole.rows
        ],
        "seconds": whole.seconds,
        "disk": {
            name: getattr(whole, name)
            for name in ("text_bytes", "disk_bytes", "working_bytes", "missing_bytes", "free_bytes")
        },
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


_SOURCES = """\
Measured here: the time of some steps of each training and of some answers, memory, free disk.
Counted: parameters, steps, tokens, operations, the disk of models, checkpoints and tokens.
Derived: the time of all steps, and of validation (a step without its backward pass).
Guessed: the disk of logs and answers. Left out: tokenizing, baselines, pairs, cost cards, the report."""


def _size(size_bytes: float) -> str:
    return f"{size_bytes / 2**20:,.0f} MiB" if size_bytes < 10 * 2**30 else f"{size_bytes / 2**30:,.1f} GiB"


def _number(name: str, value: float) -> str:
    shown: dict[str, Callable[[float], str]] = {
        "seconds": duration,
        "flops": "{:.3g}".format,
        "money": "{:,.2f}".format,
        "passes": "{:.2f}".format,
        "corpus_passes": "{:.2f}".format,
        "memory_bytes": _size,
    }
    return shown.get(name, "{:,.0f}".format)(value)
