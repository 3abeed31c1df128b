"""Records that stages store as JSON and read again, one class for each file; see `system/records.py`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType, field

from twinlm.data.labels.task import LabelledTask
from twinlm.doctor.checks.findings import Finding
from twinlm.errors import ModelError
from twinlm.evaluate.language import Measured
from twinlm.evidence import reading
from twinlm.evidence.results import ArmCost
from twinlm.system.records import Number, Record, Whole, as_record, read_record

HINT = "the file was changed, or was written by another version of twinlm"
_Kept = TypeVar("_Kept", bound=Record)


class HeldOut(Record):
    """`language.json`: losses of a pre-trained model on held-out text."""

    valid: Measured  # loss on validation text
    test: Measured  # loss on test text


class FittedBaseline(Record):
    """An entry of `baselines/predictions.json`: a fitted baseline and its answers."""

    name: str  # name in files
    label: str  # name for people
    seconds: Number  # time to fit it and to answer
    settings: dict[str, str | Whole | Number]  # settings chosen on validation examples
    notes: dict[str, Whole] = field(default_factory=dict)  # how often problems that stopped nothing occurred
    predictions: list[Any]  # answer to each test example


class FittedProbe(Record):
    """`probe.json`: how a frozen probe was fitted."""

    seconds: Number  # time to read all examples, to fit and to answer
    settings: dict[str, Number]  # setting chosen on validation examples, and the figure there
    notes: dict[str, Whole]  # how often problems that stopped nothing occurred


class FigureValues(Record):
    """A language figure of one model: a `Figure` as it is stored."""

    name: str  # measure
    unit: str  # unit, such as "bits per byte"
    value: Number  # value; lower is better
    standard_error: Number  # standard error of the value over passages
    values_E: list[Number]  # pseudo-value of each passage
    method: str  # scoring method
    comparable: str  # group in which figures may be compared
    caveat: str  # caveat for readers, or ""


class Choices(Record):
    """Choices of one model between the texts of minimal pairs."""

    method: str  # scoring method
    right: list[bool | Number]  # contribution of each pair to the accuracy; ties share


class GapChoices(Choices):
    """Choices of one model for gaps, by one way to look at the text."""

    sees: str  # scored tokens, and the part of the text that the model sees


class LanguageAnswers(Record):
    """`quality.json`: the answers of one model to the questions without labels."""

    figures: list[FigureValues]  # figures on the passages
    pairs: dict[str, Choices]  # choices by set of minimal pairs
    cloze: list[GapChoices] | UnsetType = UNSET  # choices for gaps, the way that sees most first

    @property
    def gaps(self) -> list[GapChoices]:
        """Choices for gaps; empty without gaps."""
        return self.cloze or []


class KeptDiagnosis(Record):
    """`diagnosis.json`: the data doctor's findings and facts."""

    made_from: str  # fingerprint of the examined data
    findings: list[Finding]  # problems, warnings and notes
    facts: dict[str, Any]  # measured facts by check


class KeptCosts(Record):
    """`costs.json`: the cost card of a task."""

    made_from: dict[str, Any]  # fingerprint of the task, and SHA-256 of the measured weights by arm
    costs: list[ArmCost]  # costs of each arm


def read_kept(kind: type[_Kept], path: Path, made_from: object) -> _Kept | None:
    """Return a stored record; None if there is none, or it was made from something else."""
    stored = read_record(dict[str, Any], path) if path.is_file() else {}
    return as_record(kind, stored, path) if stored.get("made_from") == made_from else None


def check_answers(rows: Sequence[Mapping[str, Any]], task: LabelledTask, path: Path) -> None:
    """Raise a ModelError if answers are not to a task's test examples, or not of its kind."""
    if [row.get("id") for row in rows] != [example.id for example in task.test]:
        raise ModelError("these are not the test examples of the task", file=path, hint=HINT)
    reading.check_answers(rows, [example.gold for example in task.test], task.kind, task.classes, path)
