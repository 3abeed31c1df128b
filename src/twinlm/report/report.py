"""The report of a finished comparison: a page, a Markdown file and the records themselves.

A new section is a file that turns results into blocks, and a line in `_SECTIONS`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from twinlm.evidence.details import NAME as DETAILS
from twinlm.evidence.details import Details
from twinlm.evidence.results import Results
from twinlm.report import (
    cost_section,
    curves_section,
    data_section,
    language_section,
    pretraining_section,
    tasks_section,
    verdict,
)
from twinlm.report.document import Document, Section, Text
from twinlm.report.html import page
from twinlm.report.markdown import markdown
from twinlm.report.numbers import listed
from twinlm.system import storage
from twinlm.system.records import to_json

PAGE, MARKDOWN, RECORDS = "report.html", "report.md", "results.json"
TWINS = "twins.html"
"""Page of both models (`twinlm page`), which the report links to if it is there."""
_SECTIONS: Sequence[Callable[[Results, Details], Section]] = (
    verdict.section,
    tasks_section.section,
    curves_section.section,
    pretraining_section.section,
    language_section.section,
    pretraining_section.samples,
    cost_section.section,
    data_section.doctor,
    data_section.data,
    data_section.repeat,
)


def document(
    results: Results,
    details: Details | None = None,
    *,
    make: Callable[..., Section] | None = None,
    models: str = "",
) -> Document:
    """Return the report as blocks, with what stands behind the scores if it was looked at.

    `make` makes a section by its function; by default an error in one ends the report. `models` is a page of
    the models to link to.
    """
    make = make or (lambda section, *data: section(*data))
    sections = [make(section, results, details or Details(tasks=[])) for section in _SECTIONS]
    kinds = listed(list(results.families.values()))
    return Document(
        title=results.title,
        kicker=f"A comparison of {kinds}, matched by {results.matched_by}",
        sections=[section for section in sections if section.blocks],
        footer=f"Made by twinlm. All numbers on this page are in {RECORDS} beside it.",
        models=models,
    )


def report_files(
    results: Results,
    details: Details | None = None,
    *,
    make: Callable[..., Section] | None = None,
    models: str = "",
) -> dict[str, bytes]:
    """Return the page, the Markdown file and the records, by name."""
    blocks = document(results, details, make=make, models=models)
    of_details = {} if details is None else {DETAILS: storage.json_bytes(to_json(details))}
    return {
        PAGE: page(blocks).encode(),
        MARKDOWN: markdown(blocks).encode(),
        RECORDS: storage.json_bytes(to_json(results)),
        **of_details,
    }


def write_report(
    results: Results, folder: Path, details: Details | None = None, *, is_whole: bool = True
) -> list[Path]:
    """Write the files of `report_files` into a folder, and return their paths.

    Unless the report must be whole, a section that can't be made is left out with a line that says why.

    Raises:
        ResourceError: the disk is full, or the folder can't be written.
    """
    models = TWINS if (folder / TWINS).is_file() else ""
    files = report_files(results, details, make=None if is_whole else _section_or_reason, models=models)
    for name, data in files.items():
        storage.write_file(folder / name, data)
    return [folder / name for name in files]


def _section_or_reason(section: Callable[..., Section], results: Results, details: Details) -> Section:
    try:
        return section(results, details)
    except Exception as error:  # a fault of ours in one section must not cost the others
        name = section.__module__.rpartition(".")[2].removesuffix("_section")
        if section.__name__ != "section":
            name = section.__name__
        line = f"This section was left out: {type(error).__name__}: {error}"
        return Section(anchor=f"left-out-{name}", title=name.capitalize(), blocks=[Text(line, style="note")])


def has_changed(results: Results, folder: Path) -> bool:
    """Tell whether a folder's records are missing or differ from these."""
    path = folder / RECORDS
    return not path.is_file() or path.read_bytes() != storage.json_bytes(to_json(results))
