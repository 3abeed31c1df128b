"""Records that a run keeps for itself, checked when they are read again.

Far from their file, nobody could say which one it was that does not fit.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twinlm.data.labels.task import LabelledTask
from twinlm.errors import ModelError, as_model_error
from twinlm.evidence import reading
from twinlm.system.records import Number, Record, Whole, as_record, read_record

_HINT = "the file was changed, or was written by another version"


class _Figure(Record):
    """A `quality.Figure` as it is written."""

    name: str
    unit: str
    value: Number
    standard_error: Number
    values_E: list[Number]
    method: str
    comparable: str
    caveat: str


def check_answers(rows: Sequence[Mapping[str, Any]], task: LabelledTask, path: Path) -> None:
    """Check that what a model said is of a task's test examples, and of its kind.

    Raises:
        ModelError: it is not.
    """
    if [row.get("id") for row in rows] != [example.id for example in task.test]:
        raise ModelError("these are not the test examples of the task", file=path, hint=_HINT)
    reading.check_answers(rows, [example.gold for example in task.test], task.kind, task.classes, path)


def read_baselines(path: Path, task: LabelledTask) -> list[dict[str, Any]]:
    """Return what baselines said of a task's test examples.

    Raises:
        ModelError: they are not answers to these.
    """
    found: list[dict[str, Any]] = read_record(list[dict[str, object]], path)
    ids = [example.id for example in task.test]
    for row in found:
        for name, kind in (("name", str), ("label", str), ("seconds", Number)):
            as_record(kind, row.get(name), path)
        as_record(dict[str, str | Whole | Number], row.get("settings"), path)
        said = as_record(list[object], row.get("predictions"), path)
        with as_model_error(path):
            rows = [{"id": name, "predicted": one} for name, one in zip(ids, said, strict=True)]
        check_answers(rows, task, path)
    return found


def read_quality(path: Path, *, passages: int, pairs: Mapping[str, int], gaps: int) -> dict[str, Any]:
    """Return what a model said without labels, as `Quality.measured` does.

    Args:
        path: of the file.
        passages: that figures are of.
        pairs: how many there are in each set.
        gaps: how many there are.

    Raises:
        ModelError: it is of other ones.
    """
    found: dict[str, Any] = read_record(dict[str, object], path)
    figures = as_record(list[_Figure], found.get("figures"), path)
    _check_counts([len(figure.values_E) for figure in figures], passages, path)
    for name, count in pairs.items():
        with as_model_error(path):
            said = found["pairs"][name]
            as_record(str, said["method"], path)
            _check_rights(said, count, path)
    looks = as_record(list[dict[str, object]], found.get("cloze", []), path)
    if bool(looks) != bool(gaps):
        raise ModelError("this is of other gaps", file=path, hint=_HINT)
    for look in looks:
        as_record(list[str], [look.get("sees"), look.get("method")], path)
        _check_rights(look, gaps, path)
    return found


def _check_rights(said: Mapping[str, Any], count: int, path: Path) -> None:
    rights = as_record(list[object], said.get("right"), path)
    _check_counts([len(rights)], count, path)
    as_record(list[Number], [float(right) if isinstance(right, bool) else right for right in rights], path)


def _check_counts(found: Sequence[int], wanted: int, path: Path) -> None:
    if any(count != wanted for count in found):
        raise ModelError(f"this has not the {wanted:,} values that were asked for", file=path, hint=_HINT)
