"""`twinlm report`: rewrite the report of a finished comparison."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json
from twinlm.cli.running import show_results
from twinlm.errors import UsageError, as_model_error


def command(
    folder: Annotated[Path, Parameter(help="Folder of a finished comparison.")], /, *, is_json: Json = False
) -> None:
    """Rewrite the report of a finished comparison.

    Use it after an update of twinlm. It makes report.html and report.md from
    results.json and details.json, without any training.

    Examples:
      twinlm report runs/demo
      twinlm report runs/demo --json > results.json
    Next:
      twinlm bundle runs/demo --out demo-bundle
    """
    from twinlm.evidence.reading import read_details
    from twinlm.evidence.results import Results
    from twinlm.report.report import write_report
    from twinlm.system.records import read_record

    if not (folder / "results.json").is_file():
        hint = "give the folder of a finished comparison, such as runs/demo"
        raise UsageError("there is no results.json here", file=folder, hint=hint)
    results = read_record(Results, folder / "results.json")
    details = read_details(folder)
    with as_model_error(folder / "results.json"):  # records may hold nonsense of the right types
        write_report(results, folder, details)
    show_results(results, folder, is_json=is_json)


COMMAND = Command("report", command)
