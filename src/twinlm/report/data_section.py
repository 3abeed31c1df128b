"""The text, what the data doctor found in it, and how to repeat the comparison."""

from typing import Literal

from twinlm.evidence.details import Details
from twinlm.evidence.results import DoctorFinding, DoctorResult, Results
from twinlm.report.document import Block, Code, Columns, Fold, Heading, Items, Section, Table, Text
from twinlm.report.numbers import counted, listed, whole


def doctor(results: Results, details: Details) -> Section:
    """Return the section on what the data doctor found; empty if it did not run."""
    blocks: list[Block] = []
    if results.doctor:
        blocks.append(Text(findings_summary(results.doctor), style="note"))
        blocks += [Items(list(map(finding_line, results.doctor.findings)))] if results.doctor.findings else []
    return Section("doctor", "Data doctor", blocks)


def data(results: Results, details: Details) -> Section:
    """Return the section on the text and its sources."""
    return Section("data", "Data", about_text(results))


def about_text(results: Results) -> list[Block]:
    """Return facts of the text, what was removed from it, and its sources."""
    facts = {name: value if isinstance(value, str) else _plain(value) for name, value in results.data.items()}
    removed = [[name, whole(count)] for name, count in results.removed.items()]
    columns: list[list[Block]] = [[_pairs("The text.", facts)]]
    if removed:
        caption = "What was removed or changed, and how often."
        columns.append([Table(caption=caption, header=["", "Count"], rows=removed)])
    sources: list[Block] = [Heading("Sources of the text", 4), Items(results.attribution)]
    return [Columns(columns), *(sources if results.attribution else [])]


def repeat(results: Results, details: Details) -> Section:
    """Return the section on how to repeat the comparison."""
    blocks: list[Block] = [
        Code(results.command, "sh"),
        Fold("All settings", [Code(results.settings_toml, "toml")]),
        Fold("Hardware and software", [_pairs("What it ran on.", results.environment, style="long")]),
        Fold("Fingerprints", [_pairs("SHA-256.", results.fingerprints, style="long")]),
    ]
    return Section("repeat", "Repeat it", blocks)


def finding_line(finding: DoctorFinding) -> str:
    """Return a finding on one line: how bad it is, where, what, why it matters and what to do."""
    parts = [f"{finding.level.capitalize()}, {finding.where}: {finding.message}"]
    parts += [f"Why it matters: {finding.why}"] * bool(finding.why)
    parts += [f"What to do: {finding.hint}"] * bool(finding.hint)
    return ". ".join(part.rstrip(".") for part in parts) + "."


def findings_summary(doctor: DoctorResult) -> str:
    """Return how much was found, and which file holds all of it."""
    numbers = [sum(row.level == level for row in doctor.findings) for level in ("problem", "warning")]
    named = zip([*numbers, doctor.notes], ("problem", "warning", "note"), strict=True)
    return (
        f"{listed([counted(number, name) for number, name in named])}, found before training. Notes, places "
        "and figures are in data-doctor/diagnosis.json of the run's folder."
    )


def _pairs(caption: str, values: dict[str, str], style: Literal["", "long"] = "") -> Table:
    rows = [[name, value] for name, value in values.items()]
    return Table(caption=caption, header=["", "Value"], rows=rows, is_text=(0, 1), style=style)


def _plain(value: float) -> str:
    return whole(value) if value == round(value) else f"{value:.4g}"
