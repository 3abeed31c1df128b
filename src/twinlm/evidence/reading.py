"""The files of a run, or of a bundle, as `TaskAnswers`. They are untrusted, so every line is checked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError
from twinlm.evidence.answers import (
    ArmAnswers,
    ArmIndex,
    FrozenAnswers,
    TaskAnswers,
    TaskFacts,
    TaskIndex,
    baseline_answers,
    facts,
    index_name,
)
from twinlm.evidence.details import NAME, Details
from twinlm.evidence.records import ArmFacts
from twinlm.system.foreign_folder import Folder, parse_json, parse_rows
from twinlm.system.records import as_record, read_record
from twinlm.tasks.judging import Said, is_number
from twinlm.tasks.table import TASKS

PREDICTIONS = "predictions.jsonl"
FINE_TUNING = "fine-tuning.json"
PROBE = "probe.json"
BASELINES = "baselines/predictions.json"
LARGEST_BYTES = 2**30
"""Greatest size of a file of predictions."""
_NO_GOLD = object()
_HINT = "the file was changed, or was written by another version"


def read_index(folder: Folder, task: str) -> TaskIndex:
    """Return the index of the files that hold the answers to a task.

    Raises:
        ModelError: the index is missing, damaged or inconsistent.
    """
    path = folder.path / index_name(task)
    index = as_record(TaskIndex, folder.read_json(index_name(task)), path)
    names = [arm.arm for arm in index.arms]
    groups = {arm.arm: arm.groups for arm in index.arms}
    wrong = {
        f"there is no kind of task {index.kind!r}": index.kind not in TASKS,
        f"it is about the task {index.name!r}": index.name != task,
        "its labels have no such meaning": bool(index.scheme)
        and index.scheme not in getattr(TASKS.get(index.kind), "metrics", ()),
        "no arm has answers": not index.arms or not all(arm.folders and arm.family for arm in index.arms),
        "two arms have one name": len(set(names)) < len(names),
        "the pre-trainings of an arm have no equal numbers of models": any(
            arm.groups < 1 or len(arm.folders) % arm.groups for arm in index.arms
        ),
        "a linear model is not on the states of its arms": not all(
            body.folders and len(body.folders) == body.groups == groups.get(name)
            for body in index.frozen
            for name in [body.arm, *body.arms]
        ),
    }
    if problems := [problem for problem, is_so in wrong.items() if is_so]:
        raise ModelError(problems[0], file=path, hint=_HINT)
    return index


def read_answers(folder: Folder, task: str, texts: Mapping[str, Sequence[str]] | None = None) -> TaskAnswers:
    """Return all answers to a task in a run or bundle, with the examples' texts by id where they are at hand.

    Raises:
        ModelError: a file is missing, damaged, or does not fit the others.
    """
    index = read_index(folder, task)
    first = read_rows(folder, f"{next(iter(index.arms[0].folders.values()))}/{PREDICTIONS}")
    arms = [ArmAnswers(**_of_models(folder, index, arm, first, FINE_TUNING)) for arm in index.arms]
    arms += _baselines(folder, index, [row["gold"] for row in first])
    known = [row["characters"] for row in first if type(row.get("characters")) is int]
    return TaskAnswers(
        **facts(index, TaskFacts),
        ids=[row["id"] for row in first],
        golds=[row["gold"] for row in first],
        characters=known if len(known) == len(first) else [],
        texts=[_texts_of(row, texts, folder) for row in first] if texts is not None else (),
        arms=arms,
        frozen=[
            FrozenAnswers(**_of_models(folder, index, body, first, PROBE), arms=body.arms)
            for body in index.frozen
        ],
    )


def read_rows(folder: Folder, name: str) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON lines.

    Raises:
        ModelError: the file is missing, too large, or a line is no object.
    """
    return parse_rows(folder.read(name, LARGEST_BYTES), folder.path / name)


def read_details(folder: Path) -> Details | None:
    """Return the `details.json` of a run or bundle; None where there is none.

    Raises:
        ModelError: the file is damaged or of another format.
    """
    path = folder / NAME
    return read_record(Details, path) if path.is_file() else None


def check_answers(
    rows: Sequence[Said], golds: Sequence[Any], task_type: str, classes: Sequence[str], file: Path
) -> None:
    """Raise a `ModelError` with the line of the first row that is no answer to an example of a task."""
    is_sound = TASKS[task_type].judging.is_sound
    for number, (row, gold) in enumerate(zip(rows, golds, strict=True), 1):
        if "predicted" not in row or gold is _NO_GOLD or not is_sound(gold, row, classes):
            message = f"this is no answer to a {task_type} example of these classes"
            raise ModelError(message, file=file, line=number, hint=_HINT)


def _of_models(
    folder: Folder, task: TaskIndex, arm: ArmIndex, first: Sequence[dict[str, Any]], record: str
) -> dict[str, Any]:
    """Return an arm's answers, all checked to be on the same examples as the first ones.

    `record` is the file beside the predictions of each model that has its seconds.
    """
    rows, seconds = [], 0.0
    for trial in arm.folders.values():
        rows.append(_model(folder, task, f"{trial}/{PREDICTIONS}", first))
        spent = folder.read_json(f"{trial}/{record}").get("seconds")
        if not is_number(spent):
            raise ModelError(f"{record} does not say the seconds", file=folder.path / trial, hint=_HINT)
        seconds += spent
    return {
        **facts(arm, ArmFacts),
        "is_imported": arm.is_imported,
        "groups": arm.groups,
        "seeds": list(arm.folders),
        "said": rows,
        "seconds": seconds,
        "chosen_epochs": arm.chosen_epochs,
    }


def _model(
    folder: Folder, task: TaskIndex, name: str, first: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    rows = read_rows(folder, name)
    has_ids = rows and all(isinstance(row.get("id"), str) for row in rows)
    if not has_ids or [_key(row) for row in rows] != [_key(row) for row in first]:
        message = "these are not the test examples, or not the right answers, of the task's other files"
        raise ModelError(message, file=folder.path / name, hint=_HINT)
    golds = [row.get("gold", _NO_GOLD) for row in rows]
    check_answers(rows, golds, task.kind, task.classes, folder.path / name)
    for number, (row, other) in enumerate(zip(rows, first, strict=True), 1):
        if _probabilities(row) not in (0, _probabilities(other)):
            message = "expected as many probabilities as in the task's other files, or none"
            raise ModelError(message, file=folder.path / name, line=number, hint=_HINT)
    return rows


def _baselines(folder: Folder, task: TaskIndex, golds: Sequence[Any]) -> list[ArmAnswers]:
    name = f"tasks/{task.name}/{BASELINES}"
    rows = parse_json(folder.read(name, LARGEST_BYTES), folder.path / name)
    if not isinstance(rows, list) or not all(map(_is_baseline, rows)):
        raise ModelError("this is no list of baselines", file=folder.path / name, hint=_HINT)
    names = [row["name"] for row in rows] + [arm.arm for arm in task.arms]
    if len(set(names)) < len(names):
        raise ModelError("two arms have one name", file=folder.path / name, hint=_HINT)
    baselines = []
    for row in rows:
        if len(row["predictions"]) != len(golds):
            message = f"the answers of {row['name']!r} are not those to the test examples"
            raise ModelError(message, file=folder.path / name, hint=_HINT)
        answers = [{"predicted": predicted} for predicted in row["predictions"]]
        check_answers(answers, golds, task.kind, task.classes, folder.path / name)
        baselines.append(baseline_answers(row["name"], row["label"], row["predictions"], row["seconds"]))
    return baselines


def _is_baseline(row: object) -> bool:
    return (
        isinstance(row, dict)
        and all(isinstance(row.get(name), str) for name in ("name", "label"))
        and isinstance(row.get("predictions"), list)
        and is_number(row.get("seconds"))
    )


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what all files must agree on: the example, its gold answer and its length."""
    return row.get("id"), row.get("gold"), row.get("characters")


def _probabilities(row: Mapping[str, Any]) -> int:
    """Return the number of probabilities of a line, 0 without."""
    probabilities = row.get("probabilities")
    return len(probabilities) if isinstance(probabilities, list) else 0


def _texts_of(row: Mapping[str, Any], texts: Mapping[str, Sequence[str]], folder: Folder) -> Sequence[str]:
    own = texts.get(row["id"], ())
    if not own or row.get("characters", sum(map(len, own))) != sum(map(len, own)):
        message = f"there are no texts of example {row['id']!r}, or others than it was answered with"
        raise ModelError(message, file=folder.path, hint=_HINT)
    return own
