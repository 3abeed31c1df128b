"""Records that a run keeps for itself, checked when they are read again.

Far from their file, nobody could say which one it was that does not fit.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

from twinlm.data.labels.task import LabelledTask
from twinlm.errors import ModelError, as_model_error
from twinlm.evaluate.quality import Figure
from twinlm.evidence.json_records import checked, read_as
from twinlm.settings import build
from twinlm.tasks.table import task_kind
from twinlm.train.costs import PretrainPlan

_HINT = "the file was changed, or was written by another version"


_FIGURE: dict[str, Any] = {**get_type_hints(Figure), "values_E": list[float]}
"""The fields of a `Figure` as it is written."""


def read_plan(path: Path) -> PretrainPlan:
    """Return the plan of a pre-training.

    Raises:
        ModelError: a figure is missing, or not above 0.
    """
    plan: PretrainPlan = read_as(PretrainPlan, path)
    _check_above_zero({**build.plain(plan), "family": 1}, path)
    return plan


def read_spent(path: Path) -> dict[str, Any]:
    """Return what a training took and reached.

    Raises:
        ModelError: a figure is missing, no number, or not above 0.
    """
    found: dict[str, Any] = read_as(dict[str, object], path)
    spent = ("tokens", "targets", "flops", "seconds", "peak_memory_bytes")
    _check_above_zero({name: checked(float, found.get(name), path) for name in spent}, path)
    for name in ("step", "best_step", "lost_steps"):
        checked(int, found.get(name, 0), path)
    if not found.get("step"):
        raise ModelError("this is a training of no steps", file=path, hint=_HINT)
    return found


def read_tuned(path: Path) -> dict[str, Any]:
    """Return what a fine-tuning took and reached on validation examples.

    Raises:
        ModelError: a figure is missing, or no number.
    """
    found = read_spent(path)
    checked(dict[str, float], found.get("validation") or None, path)
    checked(dict[str, int], found.get("counts"), path)
    checked(int, found.get("best_step"), path)
    checked(bool, found.get("one_answer"), path)
    return found


def check_answers(rows: Sequence[Mapping[str, Any]], task: LabelledTask, path: Path) -> None:
    """Check that what a model said is of a task's test examples, and of its kind.

    Raises:
        ModelError: it is not.
    """
    if [row.get("id") for row in rows] != [example.id for example in task.test]:
        raise ModelError("these are not the test examples of the task", file=path, hint=_HINT)
    is_sound = task_kind(task.kind).judging.is_sound
    for number, (row, example) in enumerate(zip(rows, task.test, strict=True), 1):
        if "predicted" not in row or not is_sound(example.gold, row, task.classes):
            message = f"this is no answer to a {task.kind} example of these classes"
            raise ModelError(message, file=path, line=number, hint=_HINT)


def read_baselines(path: Path, task: LabelledTask) -> list[dict[str, Any]]:
    """Return what baselines said of a task's test examples.

    Raises:
        ModelError: they are not answers to these.
    """
    found: list[dict[str, Any]] = read_as(list[dict[str, object]], path)
    ids = [example.id for example in task.test]
    for row in found:
        for name, kind in (("name", str), ("label", str), ("seconds", float)):
            checked(kind, row.get(name), path)
        checked(dict[str, str | int | float], row.get("settings"), path)
        said = checked(list[object], row.get("predictions"), path)
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
    found: dict[str, Any] = read_as(dict[str, object], path)
    figures: list[dict[str, Any]] = checked(list[dict[str, object]], found.get("figures"), path)
    for figure in figures:
        if figure.keys() != _FIGURE.keys():
            raise ModelError("a figure has other fields", file=path, hint=_HINT)
        for name, kind in _FIGURE.items():
            checked(kind, figure[name], path)
    _check_counts([len(figure["values_E"]) for figure in figures], passages, path)
    for name, count in pairs.items():
        with as_model_error(path):
            said = found["pairs"][name]
            checked(str, said["method"], path)
            _check_rights(said, count, path)
    looks = checked(list[dict[str, object]], found.get("cloze", []), path)
    if bool(looks) != bool(gaps):
        raise ModelError("this is of other gaps", file=path, hint=_HINT)
    for look in looks:
        checked(list[str], [look.get("sees"), look.get("method")], path)
        _check_rights(look, gaps, path)
    return found


def _check_above_zero(figures: Mapping[str, float], path: Path) -> None:
    for name, value in figures.items():
        if value <= 0:
            raise ModelError(f"{name} is {value}, which can't be", file=path, hint=_HINT)


def _check_rights(said: Mapping[str, Any], count: int, path: Path) -> None:
    rights = checked(list[object], said.get("right"), path)
    _check_counts([len(rights)], count, path)
    checked(list[float], [float(right) if isinstance(right, bool) else right for right in rights], path)


def _check_counts(found: Sequence[int], wanted: int, path: Path) -> None:
    if any(count != wanted for count in found):
        raise ModelError(f"this has not the {wanted:,} values that were asked for", file=path, hint=_HINT)
