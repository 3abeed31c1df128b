"""`twinlm cost`: what fine-tuned models took to make and what their predictions cost, side by side."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from twinlm.cli.examples import FileOptions, read_examples
from twinlm.cli.options import Json
from twinlm.cli.progress import progress_on
from twinlm.errors import UsageError

if TYPE_CHECKING:
    from twinlm.evidence.results import ArmCost
    from twinlm.report.tables import Table

NAME = "cost"
EXAMPLES = """Examples:
  twinlm cost runs/my/tasks/topic/bert/seed-1 --task test.csv
  twinlm cost runs/my/tasks/topic/gpt/seed-1 runs/my/tasks/topic/bert/seed-1 --task test.csv
  twinlm cost runs/my/tasks/topic/gpt/seed-1 --task test.csv --threads 1 --price-per-hour 0.4
"""


def command(
    *models: Annotated[Path, Parameter(help="Folders of fine-tuned models, all of one kind of task.")],
    task: Annotated[Path, Parameter(help="Examples in the form of the training files, with answers or not.")],
    seconds: Annotated[float, Parameter(help="To time each model and size of request.")] = 3.0,
    threads: Annotated[int, Parameter(help="Of the processor; 0 means all.")] = 0,
    price_per_hour: Annotated[
        float | None, Parameter(help="Of this machine, in any currency: shows prices too.")
    ] = None,
    options: FileOptions = FileOptions(),  # noqa: B008 - frozen
    is_json: Json = False,
) -> None:
    """Measure what the predictions of fine-tuned models cost.

    Times requests of one example and of 32, several models in turns, on a file's
    examples; counts operations; takes the memory of a process of its own for each
    model. Other work on the machine makes all times longer: it is measured too.
    """
    _check(models, seconds, threads, price_per_hour)
    from twinlm.compare.stages.serving import arm_cost
    from twinlm.evaluate.serving import measure_folders
    from twinlm.report.cost_section import answering, making
    from twinlm.system import hardware
    from twinlm.use.load import load
    from twinlm.use.predict import task_of

    threads = hardware.use_threads(threads)
    folders = dict(zip(short_names(models), models, strict=True))
    loaded = {name: load(folder) for name, folder in folders.items()}
    kind = task_of(next(iter(loaded.values())))[0]
    for trained in loaded.values():
        task_of(trained, kind.name)
    examples = read_examples(task, kind.form, options, is_labelled=False)
    with progress_on() as progress:
        found = measure_folders(folders, examples, budget_s=seconds, progress=progress)
    costs = [
        arm_cost(loaded[name], serving, arm=str(folders[name]), label=name) for name, serving in found.items()
    ]
    if is_json:
        print(json.dumps(_as_json(costs)))
        return
    for table in (making({"its task": costs}, price_per_hour), answering(task.name, costs, price_per_hour)):
        print(as_text(table), end="\n\n")


def short_names(folders: Sequence[Path]) -> list[str]:
    """Return the parts of the folders in which they differ; one alone keeps its name."""
    parts = [folder.parts for folder in folders]
    if len(folders) == 1 or len({len(row) for row in parts}) > 1:
        return [str(folder) for folder in folders]
    differing = [column for column in zip(*parts, strict=True) if len(set(column)) > 1]
    return ["/".join(row) for row in zip(*differing, strict=True)]


def as_text(table: "Table") -> str:
    """Return a table for a terminal: its caption, then columns that are aligned."""
    rows = [table.header, *table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place in table.is_text else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([table.caption, *lines])


def _as_json(costs: "list[ArmCost]") -> object:
    """Return the records, with each size of request set against the first model's."""
    import dataclasses

    from twinlm.evaluate.timings import ratio

    first = costs[0].serving
    return [
        {
            **dataclasses.asdict(cost),
            "times_the_first": {
                timing.batch: dataclasses.asdict(ratio(cost.serving.timing(timing.batch), timing))
                for timing in first.timings
            },
        }
        for cost in costs
    ]


def _check(models: tuple[Path, ...], seconds: float, threads: int, price_per_hour: float | None) -> None:
    if not models:
        raise UsageError(
            "no model is given", hint="give the folder of one, such as runs/my/tasks/topic/gpt/seed-1"
        )
    if len(set(models)) < len(models):
        raise UsageError("a model is given twice", hint="give each folder once")
    if not 0 < seconds < 3600:
        raise UsageError(f"--seconds must be above 0 and below 3600, not {seconds:g}")
    if threads < 0:
        raise UsageError(f"--threads must be 0 or more, not {threads}")
    if price_per_hour is not None and not 0 < price_per_hour < 1e9:
        raise UsageError(f"--price-per-hour must be above 0 and below 1e9, not {price_per_hour:g}")
