"""`twinlm plan`: what a comparison will cost, before anything is trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from twinlm.cli.command import Command
from twinlm.cli.options import AnySetting, RunOptions, SettingsFile, Tasks, check_used
from twinlm.cli.running import opened_run
from twinlm.cli.tables import aligned, print_record
from twinlm.settings import Settings
from twinlm.system.progress import duration
from twinlm.system.records import to_json

if TYPE_CHECKING:
    from twinlm.comparison.plan.matches import Match
    from twinlm.comparison.run import Run
    from twinlm.evidence.power import Prospect
    from twinlm.train.costs import PretrainPlan


def command(
    file: SettingsFile = None,
    /,
    *,
    task: Tasks = None,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Show what a comparison will cost, before training.

    Use it to choose a budget. All models get equally much of one quantity: tokens,
    operations, seconds or money. The plan shows what that means in all quantities,
    for each model and [[arm]]; what matching another quantity would mean; the time
    and disk of the whole comparison; and how large a lead must be for the test sets
    and seeds to show it. It trains the tokenizer and fits the baselines, which the
    comparison reuses, and times some steps of each training.

    Examples:
      twinlm plan my.toml
      twinlm plan my.toml --budget.match seconds --budget.amount 600
      twinlm plan --corpus.train my-text.txt --task labels.csv
      twinlm plan --demo --json
    Next:
      twinlm compare my.toml
    """
    check_used("--nproc", options.nproc != 1, is_used=False, by="trainings")
    with opened_run(file, options, settings, tasks=task or [], is_compared=True) as run:
        from twinlm.comparison.plan.matches import all_matches

        run.check()
        shares = {name: pretraining.share for name, pretraining in run.pretraining.compared.items()}
        matches = all_matches(run.pretraining.plans, shares, run.settings.budget.price_per_hour)
        whole, prospects = _whole(run), run.forecast.prospects()
        parts = [table(run.pretraining.plans, run.settings), matches_table(matches, run.settings)]
        parts += [whole_table(whole), *[leads_table(prospects)] * bool(prospects), _SOURCES]
        record = {**_as_json(run, matches, whole), "leads": leads_as_json(prospects)}
        print_record(record, "\n\n".join(parts), is_json=options.is_json)


def table(plans: "Mapping[str, PretrainPlan]", settings: Settings) -> str:
    """Return plans side by side, a quantity a line, with a mark where matched, else second / first."""
    rows = [["", *plans, ""]]
    for name, text in _AXES.items():
        values = [getattr(plan, name) for plan in plans.values()]
        ratio = f"x {values[1] / values[0]:.2f}" if values[0] else ""
        mark = "matched" if name.removeprefix("corpus_") == settings.budget.match else ratio
        rows.append([text, *(_number(name, value) for value in values), mark])
    if price := settings.budget.price_per_hour:
        money = [f"{plan.seconds / 3600 * price:,.2f}" for plan in plans.values()]
        rows.append(["price", *money, "matched" if settings.budget.match == "money" else ""])
    return aligned(rows)


def matches_table(matches: "Sequence[Match]", settings: Settings) -> str:
    """Return a line for each match and model but the first: its quantities as multiples of the first's."""
    price = settings.budget.price_per_hour
    first = next(iter(matches[0].plans))
    rows = [["equal in", f"{first} takes", "", *_RATIOS, "takes", *(["price"] if price else [])]]
    for match in matches:
        begin = [_MATCHES[match.axis], _number(match.axis, match.amount)]
        if match.axis == settings.budget.match:
            begin[0] += " *"
        for name, plan in match.plans.items():
            if name != first:
                rows.append([*begin, name, *_ratios(plan, match.plans[first]), duration(plan.seconds)])
                rows[-1] += [_number("money", plan.seconds / 3600 * price)] if price else []
                begin = ["", ""]
    heading = f"With one quantity equal to {first}'s above (* as planned), the others in multiples of it:"
    return f"{heading}\n{aligned(rows)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """Time and disk of a whole comparison."""

    rows: list[tuple[str, int, float, int]]
    """Title, number of trainings, their seconds and their bytes on disk."""
    text_bytes: int
    """Bytes of tokens and tokenizers."""
    working_bytes: int
    """Most bytes in use beside all others while a training runs."""
    missing_bytes: int
    """Most bytes that are still to be written, with those in use while a training runs."""
    free_bytes: int
    """Bytes free on the disk."""

    @property
    def seconds(self) -> float:
        """Seconds of all trainings."""
        return sum(seconds for _, _, seconds, _ in self.rows)

    @property
    def disk_bytes(self) -> int:
        """Bytes that are kept."""
        return self.text_bytes + sum(kept_bytes for *_, kept_bytes in self.rows)


def whole_table(whole: Whole) -> str:
    """Return time and disk of a whole comparison, and a warning if the disk is too small."""
    number = sum(number for _, number, *_ in whole.rows)
    rows = [
        ["the whole comparison", "trainings", "time", "disk"],
        *(
            [title, f"{number:,}", duration(seconds), _size(kept_bytes)]
            for title, number, seconds, kept_bytes in whole.rows
        ),
        ["tokens, tokenizers", "", "", _size(whole.text_bytes)],
        ["in all", f"{number:,}", duration(whole.seconds), _size(whole.disk_bytes)],
        ["  more while training", "", "", _size(whole.working_bytes)],
        ["still to write, at most", "", "", _size(whole.missing_bytes)],
        ["free", "", "", _size(whole.free_bytes)],
    ]
    lacking_bytes = whole.missing_bytes - whole.free_bytes
    if lacking_bytes <= 0:
        return aligned(rows)
    return (
        f"{aligned(rows)}\nTHE DISK IS TOO SMALL by {_size(lacking_bytes)}: twinlm compare would not start."
    )


def leads_table(prospects: "Sequence[Prospect]") -> str:
    """Return the smallest lead that each task's test set would show, and what that rests on."""
    from twinlm.report.leads import assumptions, smallest_leads

    leads = smallest_leads(prospects)
    rows = aligned([leads.header, *leads.rows], left=leads.is_text)
    return "\n".join([leads.caption, rows, *assumptions(prospects)])


def leads_as_json(prospects: "Sequence[Prospect]") -> list[dict[str, object]]:
    """Return what the test sets can show as JSON, with the numbers that would show 2 points."""
    from twinlm.evidence.power import OF_INTEREST, needed

    def takes(row: "Prospect") -> dict[str, object] | None:
        if row.lead is None:
            return None
        return {"difference": OF_INTEREST, **asdict(needed(row, OF_INTEREST))}

    return [{**to_json(row), "needed": takes(row)} for row in prospects]


def _whole(run: "Run") -> Whole:
    from twinlm.comparison.forecast import folder_bytes, missing_bytes

    planned = run.forecast.trainings()
    rows: dict[str, tuple[int, float, int]] = {}
    for training in planned:
        number, seconds, kept_bytes = rows.get(training.title, (0, 0.0, 0))
        seconds, kept_bytes = seconds + run.forecast.seconds(training), kept_bytes + training.kept_bytes
        rows[training.title] = (number + 1, seconds, kept_bytes)
    return Whole(
        rows=[(title, *row) for title, row in rows.items()],
        text_bytes=sum(folder_bytes(run.folder / name) for name in ("tokens", "tokenizers")),
        working_bytes=max(training.working_bytes for training in planned),
        missing_bytes=missing_bytes(planned),
        free_bytes=run.forecast.free_bytes(),
    )


def _ratios(plan: "PretrainPlan", first: "PretrainPlan") -> list[str]:
    return [f"{getattr(plan, name) / getattr(first, name):.2f}" for name in _RATIOS.values()]


def _as_json(run: "Run", matches: "Sequence[Match]", whole: Whole) -> dict[str, object]:
    def rows(plans: "Mapping[str, PretrainPlan]") -> list[dict[str, object]]:
        return [{"name": name, **to_json(plan)} for name, plan in plans.items()]

    return {
        "match": run.settings.budget.match,
        "plans": rows(run.pretraining.plans),
        "matches": [
            {"match": match.axis, "amount": match.amount, "plans": rows(match.plans)} for match in matches
        ],
        "trainings": [
            {"what": title, "number": number, "seconds": seconds, "disk_bytes": kept_bytes}
            for title, number, seconds, kept_bytes in whole.rows
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
_RATIOS = {
    "steps": "steps",
    "tokens": "tokens",
    "predicted": "targets",
    "FLOPs": "flops",
    "time": "seconds",
    "passes": "corpus_passes",
}


_SOURCES = """\
Measured here: the time of some steps of each training and of some answers, memory, free disk.
Counted: parameters, steps, tokens, operations, the disk of models, checkpoints and tokens.
Derived: the time of all steps, and of validation (a step without its backward pass).
Estimated: the disk of logs and answers, the leads. Left out of the time: tokenizing, baselines, pairs, cost
cards, the report."""


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


COMMAND = Command("plan", command)
