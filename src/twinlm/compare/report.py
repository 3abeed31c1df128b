"""The report of a finished comparison: a page, a Markdown file and the records themselves."""

from pathlib import Path

from twinlm import storage
from twinlm.compare.report_html import render_html
from twinlm.compare.report_markdown import render_markdown
from twinlm.compare.results import Results
from twinlm.compare.results_json import to_json

PAGE, MARKDOWN, RECORDS = "report.html", "report.md", "results.json"


def write_report(results: Results, folder: Path) -> list[Path]:
    """Write `report.html`, `report.md` and `results.json`, and return their paths.

    Raises:
        ResourceError: the disk is full, or the folder can't be written.
    """
    storage.write_json(folder / RECORDS, to_json(results))
    storage.write_file(folder / MARKDOWN, render_markdown(results).encode())
    storage.write_file(folder / PAGE, render_html(results).encode())
    return [folder / PAGE, folder / MARKDOWN, folder / RECORDS]
