"""`twinlm compare`: the whole comparison, from text and labels to the report."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from twinlm.cli.options import (
    ALL_STAGES,
    SETTINGS_NOTE,
    AnySetting,
    Fresh,
    RunOptions,
    SettingsFile,
    opened_run,
)

if TYPE_CHECKING:
    from twinlm.evidence.results import Results

NAME = "compare"
EXAMPLES = f"""Examples:
  twinlm compare my.toml
  twinlm compare my.toml --budget.amount 5e13 --out runs/longer
  twinlm compare --corpus.train 'texts/*.txt' --task reviews.csv --size mini
  twinlm compare --corpus.train a.txt --task b.csv --task.label_field stars

{SETTINGS_NOTE}"""

Tasks = Annotated[
    list[str] | None,
    Parameter(name="--task", help="A file of labelled texts; may be repeated."),
]


def command(
    file: SettingsFile = None,
    /,
    *,
    task: Tasks = None,
    is_fresh: Fresh = False,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **settings: AnySetting,
) -> None:
    """Train both models on your text and labels, and compare them.

    Pre-trains both on the text, fine-tunes them on the labels, and writes
    report.html, report.md and results.json into the run's folder. What was done
    there before is found again: a comparison that was stopped goes on.
    """
    compare(file, options, settings, tasks=task or [], is_fresh=is_fresh)


def compare(
    file: Path | None,
    options: RunOptions,
    settings: Mapping[str, str],
    *,
    tasks: Sequence[str],
    is_fresh: bool,
) -> None:
    """Run a comparison and say what came of it."""
    removed = ALL_STAGES if is_fresh else ()
    with opened_run(file, options, settings, tasks=tasks, removed=removed) as run:
        results = run.compare()
    show(results, run.folder, is_json=options.is_json)


def show(results: "Results", folder: Path, *, is_json: bool) -> None:
    """Print what a comparison found: the verdict, or all of it as JSON."""
    if is_json:
        from twinlm.evidence.json_records import to_json

        print(json.dumps(to_json(results), ensure_ascii=False))
        return
    print(*results.verdict, sep="\n")
    for caveat in results.caveats:
        print(f"Note: {caveat}")
    print(f"\nReport: {folder / 'report.html'}")
    for source in results.attribution:
        print(source, file=sys.stderr)
