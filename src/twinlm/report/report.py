"""The report of a finished comparison: a page, a Markdown file and the records themselves."""

from pathlib import Path

from twinlm.evidence.details import NAME as DETAILS
from twinlm.evidence.details import Details
from twinlm.evidence.details import to_json as details_json
from twinlm.evidence.json_records import to_json
from twinlm.evidence.results import Results
from twinlm.report.html import render_html
from twinlm.report.markdown import render_markdown
from twinlm.system import storage

PAGE, MARKDOWN, RECORDS = "report.html", "report.md", "results.json"


def report_files(results: Results, details: Details | None = None) -> dict[str, bytes]:
    """Return the page, the Markdown file and the records, by name.

    Args:
        results: of the comparison.
        details: what stands behind the scores, if it was looked at.
    """
    of_details = {} if details is None else {DETAILS: storage.json_bytes(details_json(details))}
    return {
        PAGE: render_html(results, details).encode(),
        MARKDOWN: render_markdown(results, details).encode(),
        RECORDS: storage.json_bytes(to_json(results)),
        **of_details,
    }


def write_report(results: Results, folder: Path, details: Details | None = None) -> list[Path]:
    """Write the files of `report_files` into a folder, and return their paths.

    Raises:
        ResourceError: the disk is full, or the folder can't be written.
    """
    files = report_files(results, details)
    for name, data in files.items():
        storage.write_file(folder / name, data)
    return [folder / name for name in files]


def has_changed(results: Results, folder: Path) -> bool:
    """Tell whether a folder's records are other ones, or not there."""
    path = folder / RECORDS
    return not path.is_file() or path.read_bytes() != storage.json_bytes(to_json(results))
