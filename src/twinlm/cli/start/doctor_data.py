"""`twinlm doctor data`: what is wrong with text and labels, before anything is trained on them."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from twinlm.cli.compare.compare import Tasks
from twinlm.cli.options import (
    SETTINGS_NOTE,
    AnySetting,
    Json,
    SettingsFile,
    default_folder,
    interruptible,
    read_settings,
)
from twinlm.cli.progress import duration, progress_on
from twinlm.errors import OK, UserError

if TYPE_CHECKING:
    from twinlm.doctor.checks.findings import Finding
    from twinlm.doctor.examine import Diagnosis

NAME = "data"
_SHORT_S = 1.0
SICK = UserError.exit_code
"""The exit code if there is a problem: 1, which no error has."""
EXAMPLES = f"""Examples:
  twinlm doctor data my.toml
  twinlm doctor data --corpus.train my-text/ --task labels.csv
  twinlm doctor data --task labels.csv --task.label_field stars --json

Exit codes: 0 no problem (there may be warnings and notes), 1 a problem: the
run would stop, or its figures would mean nothing; others as for all commands.

{SETTINGS_NOTE}"""


def command(
    file: SettingsFile = None,
    /,
    *,
    task: Tasks = None,
    out: Annotated[
        Path | None, Parameter(help="The run's folder, whose tokenizer is taken if it has one.")
    ] = None,
    is_json: Json = False,
    **settings: AnySetting,
) -> int:
    """Look for what is wrong with your text and labels, before any training.

    Encoding, copies and near copies, test texts inside the corpus, lengths and
    sentence pairs, unknown tokens, labels, and text enough for the size asked.
    """
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
        print(json.dumps({**record, "facts": diagnosis.facts, "cost": cost}, ensure_ascii=False))
    else:
        show(diagnosis)
        print(f"Looked for {duration(seconds)}, with {cost['peak_memory_bytes'] / 2**20:,.0f} MiB of memory.")
    return OK if diagnosis.is_healthy else SICK


def show(diagnosis: "Diagnosis") -> None:
    """Print what was measured, then what was found."""
    print(*_facts(diagnosis.facts), sep="\n")
    for finding in diagnosis.findings:
        print("", *_finding(finding), sep="\n")
    counts = [
        sum(row.level == level for row in diagnosis.findings) for level in ("problem", "warning", "note")
    ]
    named = zip(counts, ("problems", "warnings", "notes"), strict=True)
    print("\n" + ", ".join(f"{count} {name}" for count, name in named) + ".")


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
    """Yield facts as lines, what belongs to one thing below its name."""
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


_MOST_SHOWN = 20
