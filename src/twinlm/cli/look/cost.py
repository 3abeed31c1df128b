"""`twinlm cost`: training and prediction costs of fine-tuned models, side by side."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import FileOptions, Json
from twinlm.cli.tables import aligned, print_counts, print_record
from twinlm.errors import UsageError
from twinlm.system.progress import progress_on

if TYPE_CHECKING:
    from twinlm.evidence.results import ArmCost
    from twinlm.report.document import Table


def command(
    *models: Annotated[Path, Parameter(help="Folders of models fine-tuned for the same kind of task.")],
    task: Annotated[Path, Parameter(help="File of examples like the training files, answers optional.")],
    seconds: Annotated[float, Parameter(help="Time to spend on each model and request size.")] = 3.0,
    threads: Annotated[int, Parameter(help="Processor threads; 0 means all.")] = 0,
    price_per_hour: Annotated[
        float | None, Parameter(help="Price of this machine, in any currency: adds prices.")
    ] = None,
    options: FileOptions = FileOptions(),  # noqa: B008 - frozen
    is_json: Json = False,
) -> None:
    """Measure the cost of fine-tuned models' predictions.

    Use it before you put a model into service. It times requests of 1 and of 32
    examples, alternating between models; counts operations; and measures memory
    in a separate process for each model. Other work on the machine makes all
    times longer, so it is measured too.

    Examples:
      twinlm cost runs/my/tasks/topic/bert/seed-1 --task test.csv
      twinlm cost runs/my/tasks/topic/gpt/seed-1 runs/my/tasks/topic/bert/seed-1 --task test.csv
      twinlm cost runs/my/tasks/topic/gpt/seed-1 --task test.csv --threads 1 --price-per-hour 0.4
    Next:
      twinlm export runs/my/tasks/topic/bert/seed-1 --out exported/topic
    """
    _check(models, seconds, threads, price_per_hour)
    from twinlm.comparison.stages.serving import arm_cost
    from twinlm.evaluate.serving import measure_folders
    from twinlm.report.cost_section import answering, making
    from twinlm.system import hardware
    from twinlm.use.load import load
    from twinlm.use.predict import task_of

    threads = hardware.use_threads(threads)
    folders = dict(zip(short_names(models), models, strict=True))
    loaded = {name: load(folder) for name, folder in folders.items()}
    kind, config = task_of(next(iter(loaded.values())))
    for trained in loaded.values():
        task_of(trained, kind.name)
    counts: Counter[str] = Counter()
    examples = options.read(task, kind.form, config, is_labelled=False, counts=counts)
    print_counts(counts)
    with progress_on() as progress:
        servings = measure_folders(folders, examples, budget_s=seconds, progress=progress)
    costs = [
        arm_cost(loaded[name], serving, arm=str(folders[name]), label=name)
        for name, serving in servings.items()
    ]
    tables = making({"its task": costs}, price_per_hour), answering(task.name, costs, price_per_hour)
    print_record(_as_json(costs), *(f"{as_text(table)}\n" for table in tables), is_json=is_json)


def short_names(folders: Sequence[Path]) -> list[str]:
    """Return the parts in which the folders differ, or whole names if their depths differ."""
    parts = [folder.parts for folder in folders]
    if len(folders) == 1 or len({len(row) for row in parts}) > 1:
        return [str(folder) for folder in folders]
    differing = [column for column in zip(*parts, strict=True) if len(set(column)) > 1]
    return ["/".join(row) for row in zip(*differing, strict=True)]


def as_text(table: "Table") -> str:
    """Return a table for a terminal, below its caption."""
    return f"{table.caption}\n{aligned([table.header, *table.rows], left=table.is_text)}"


def _as_json(costs: "list[ArmCost]") -> object:
    """Return the records, with time ratios to the first model for each request size."""
    from twinlm.evaluate.timings import ratio
    from twinlm.system.records import to_json

    rows = []
    for cost in costs:
        timings = {
            first.batch: (cost.serving.timing(first.batch), first) for first in costs[0].serving.timings
        }
        ratios = {batch: to_json(ratio(own, first)) for batch, (own, first) in timings.items()}
        rows.append({**to_json(cost), "times_the_first": ratios})
    return rows


def _check(models: tuple[Path, ...], seconds: float, threads: int, price_per_hour: float | None) -> None:
    if not models:
        raise UsageError("no model was given", hint="give a folder such as runs/my/tasks/topic/gpt/seed-1")
    if len(set(models)) < len(models):
        raise UsageError("a model was given twice", hint="give each folder once")
    if not 0 < seconds < 3600:
        raise UsageError(f"--seconds must be above 0 and below 3600, not {seconds:g}")
    if threads < 0:
        raise UsageError(f"--threads must be 0 or more, not {threads}")
    if price_per_hour is not None and not 0 < price_per_hour < 1e9:
        raise UsageError(f"--price-per-hour must be above 0 and below 1e9, not {price_per_hour:g}")


COMMAND = Command("cost", command)
