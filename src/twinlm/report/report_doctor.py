"""What the data doctor found, in the report's words."""

from twinlm.evidence.records import DoctorFinding, DoctorResult
from twinlm.report.numbers import counted, listed


def line(finding: DoctorFinding) -> str:
    """Return a finding on one line: how bad it is, where, what, why it matters and what to do."""
    parts = [f"{finding.level.capitalize()}, {finding.where}: {finding.message}"]
    parts += [f"Why it matters: {finding.why}"] * bool(finding.why)
    parts += [f"What to do: {finding.hint}"] * bool(finding.hint)
    return ". ".join(part.rstrip(".") for part in parts) + "."


def summary(found: DoctorResult) -> str:
    """Return how much was found, and where all of it stands."""
    numbers = [sum(row.level == level for row in found.findings) for level in ("problem", "warning")]
    named = zip([*numbers, found.notes], ("problem", "warning", "note"), strict=True)
    return (
        f"{listed([counted(number, name) for number, name in named])}, found before anything was trained. "
        "Notes, places and figures stand in data-doctor/diagnosis.json of the run's folder."
    )
