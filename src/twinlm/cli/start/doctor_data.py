"""`twinlm doctor data`: problems in text and labels, before anything is trained on them."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import (
    AnySetting,
    Json,
    SettingsFile,
    Tasks,
    check_reach,
    default_folder,
    plain_names,
    read_settings,
)
from twinlm.cli.running import interruptible
from twinlm.cli.tables import print_json
from twinlm.errors import OK, UserError
from twinlm.settings import FinetuneSettings
from twinlm.system.progress import duration, progress_on

if TYPE_CHECKING:
    from twinlm.doctor.checks.findings import Finding
    from twinlm.doctor.examine import Diagnosis

SICK = UserError.exit_code
"""Exit code if there is a problem: 1, which no error has."""
_SHORT_S = 1.0
_READ = {"max_length", "stride"}  # what it asks of fine-tuning
_MOST_SHOWN = 20
_IDLE = (
    *("title", "precision", "compare", "quality", "processes", "budget.price_per_hour"),
    *("budget.same_parameters", "model.dropout", "model.first_deviation", "model.first_positions"),
    *("pretrain.optimizer", "pretrain.validations", "pretrain.validation_sequences"),
    *("pretrain.checkpoint_every_steps", "pretrain.grown_positions"),
    *(f"finetune.{field.name}" for field in fields(FinetuneSettings) if field.name not in _READ),
)


def command(
    file: SettingsFile = None,
    /,
    *,
    task: Tasks = None,
    out: Annotated[
        Path | None, Parameter(help="Run directory, whose tokenizer is used if it has one.")
    ] = None,
    is_json: Json = False,
    **settings: AnySetting,
) -> int:
    """Check your text and labels before any training.

    Use it before twinlm compare. It checks encoding, copies and near copies, test
    texts inside the corpus, lengths and sentence pairs, unknown tokens, labels,
    and whether there is enough text for the model size.

    Examples:
      twinlm doctor data my.toml
      twinlm doctor data --corpus.train my-text/ --task labels.csv
      twinlm doctor data --task labels.csv --task.label_field stars --json
    Next:
      twinlm plan my.toml

    Exit codes: 0 no problem (warnings and notes are possible), 1 a problem: the run
    would stop, or its results would be meaningless; others as for all commands.
    """
    check_reach(plain_names(settings), idle=_IDLE)
    resolved = read_settings(file, settings, is_demo=False, tasks=task or [])
    folder = out or default_folder(file, resolved, is_demo=False)
    began_s = time.monotonic()
    with interruptible(), progress_on(quiet_s=_SHORT_S) as progress:
        from twinlm.doctor.examine import SCRATCH, examine
        from twinlm.doctor.material import of_files
        from twinlm.system import hardware

        hardware.use_threads(resolved.threads)
        diagnosis = examine(
            of_files(resolved, progress), folder=folder, scratch=folder.parent / SCRATCH, progress=progress
        )
    seconds = time.monotonic() - began_s
    cost = {"seconds": round(seconds, 1), "peak_memory_bytes": hardware.peak_memory_bytes()}
    if is_json:
        record = {"ok": diagnosis.is_healthy, "findings": [asdict(row) for row in diagnosis.findings]}
        print_json({**record, "facts": diagnosis.facts, "cost": cost})
    else:
        show(diagnosis)
        mebibytes = cost["peak_memory_bytes"] / 2**20
        print(f"Checked in {duration(seconds)}, using {mebibytes:,.0f} MiB of memory.")
    return OK if diagnosis.is_healthy else SICK


def show(diagnosis: "Diagnosis") -> None:
    """Print the facts, then the findings and their counts."""
    print(*_facts(diagnosis.facts), sep="\n")
    for finding in diagnosis.findings:
        print("", *_finding(finding), sep="\n")
    levels = Counter(finding.level for finding in diagnosis.findings)
    print("\n" + ", ".join(f"{levels[level]} {level}s" for level in ("problem", "warning", "note")) + ".")


def _finding(finding: "Finding") -> Iterator[str]:
    """Yield a finding as lines, a note in fewer."""
    yield f"{finding.level.upper()} {finding.where}: {finding.message}"
    is_note = finding.level == "note"
    if finding.why and not is_note:
        yield f"  why: {finding.why}"
    if finding.hint:
        yield f"  do: {finding.hint}"
    yield from (f"    {example}" for example in finding.examples[: 1 if is_note else None])


def _facts(facts: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield facts as lines, nested ones indented below their name."""
    for name, value in facts.items():
        if isinstance(value, Mapping) and any(isinstance(part, Mapping) for part in value.values()):
            yield f"{'  ' * depth}{name}"
            yield from _facts(value, depth + 1)
        elif value not in ({}, None, 0):
            yield f"{'  ' * depth}{name}: {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        parts = [f"{name} {_shown(part)}" for name, part in list(value.items())[:_MOST_SHOWN]]
        more = len(value) - len(parts)
        return ", ".join(parts) + (f" and {more} more" if more > 0 else "")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
    return str(value)


COMMAND = Command("data", command)
