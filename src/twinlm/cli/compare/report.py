"""`twinlm report`: write a finished comparison's report again."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.compare.compare import show
from twinlm.cli.options import Json
from twinlm.errors import UsageError, as_model_error

NAME = "report"
EXAMPLES = """Examples:
  twinlm report runs/demo
  twinlm report runs/demo --json > results.json
"""


def command(
    folder: Annotated[Path, Parameter(help="The folder of a finished comparison.")],
    /,
    *,
    is_json: Json = False,
) -> None:
    """Write a finished comparison's report again.

    Makes report.html and report.md from results.json and details.json, for
    instance after an update of twinlm.
    """
    from twinlm.evidence.details import read_details
    from twinlm.evidence.json_records import read_results
    from twinlm.report.report import write_report

    if not (folder / "results.json").is_file():
        hint = "give the folder of a comparison that has finished, such as runs/demo"
        raise UsageError("there is no results.json here", file=folder, hint=hint)
    results = read_results(folder / "results.json")
    details = read_details(folder)
    with as_model_error(folder / "results.json"):  # records may be nonsense of the right types
        write_report(results, folder, details)
    show(results, folder, is_json=is_json)
