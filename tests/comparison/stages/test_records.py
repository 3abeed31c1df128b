"""What stages store and read again: what does not fit is named with its file."""

from pathlib import Path
from typing import Any

import pytest

from twinlm.comparison.stages.records import (
    FittedBaseline,
    HeldOut,
    KeptCosts,
    KeptDiagnosis,
    LanguageAnswers,
    check_answers,
    read_kept,
)
from twinlm.data.labels.examples import Example
from twinlm.data.labels.task import LabelledTask
from twinlm.errors import ModelError
from twinlm.system import storage
from twinlm.system.records import Record, read_record, to_json
from twinlm.train.costs import PretrainPlan

EXAMPLES = tuple(Example(f"test-{number}", ("text",), gold) for number, gold in enumerate("ab"))
TASK = LabelledTask(name="t", train=EXAMPLES, valid=EXAMPLES, test=EXAMPLES, classes=("a", "b"))
BASELINE = {"name": "n", "label": "N", "seconds": 1, "settings": {"C": 0.5}, "predictions": ["a", "a"]}
FIGURE = {
    **dict.fromkeys(("name", "unit", "method", "comparable", "caveat"), "x"),
    **{"value": 1.0, "standard_error": 0.1, "values_E": [1.0, 2.0]},
}
SAID = {"method": "m", "right": [True, False, 0.5]}
QUALITY = {
    "figures": [FIGURE],
    "pairs": {"own": SAID},
    "cloze": [{"sees": "all", "method": "m", "right": [1]}],
}
PLAN = {
    "family": "gpt",
    **dict.fromkeys(("tokens", "targets", "flops", "seconds", "corpus_passes"), 1.5),
    **dict.fromkeys(("steps", "memory_bytes", "parameters", "non_embedding_parameters"), 3),
}
MEASURED = {"unit": "bits per byte", "value": 1.5, "others": {}}
FINDING = {
    **dict.fromkeys(("where", "message", "why", "hint"), "x"),
    "level": "note",
    "examples": ["a.txt:1"],
}
DIAGNOSIS = {"made_from": "f" * 64, "findings": [FINDING], "facts": {"corpus": {"bytes": 3}}}
WHOLE: list[tuple[type[Record], dict[str, Any]]] = [
    (FittedBaseline, BASELINE),
    (LanguageAnswers, QUALITY),
    (LanguageAnswers, {"figures": [], "pairs": {}}),
    (PretrainPlan, PLAN),
    (HeldOut, {"valid": MEASURED, "test": MEASURED}),
    (KeptDiagnosis, DIAGNOSIS),
]


def written(folder: Path, value: object) -> Path:
    storage.write_json(folder / "x.json", value)
    return folder / "x.json"


@pytest.mark.parametrize(("kind", "value"), WHOLE, ids=lambda item: getattr(item, "__name__", ""))
def test_what_fits_comes_back_and_is_written_as_it_was(
    kind: type[Record], value: dict[str, Any], tmp_path: Path
) -> None:
    record = read_record(kind, written(tmp_path, value))
    assert read_record(kind, written(tmp_path, to_json(record))) == record
    again = storage.read_json(tmp_path / "x.json")
    assert {name: again[name] for name in value} == value


@pytest.mark.parametrize(("kind", "value"), WHOLE, ids=lambda item: getattr(item, "__name__", ""))
def test_fields_of_another_version_are_refused(
    kind: type[Record], value: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"x\.json: .*another"):
        read_record(kind, written(tmp_path, {**value, "another": 1}))


def test_a_plan_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"x\.json: parameters: expected `int` >= 1"):
        read_record(PretrainPlan, written(tmp_path, PLAN | {"parameters": 0}))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "not the test examples"),
        ([{"id": "test-1", "predicted": "a"}, {"id": "test-0", "predicted": "a"}], "not the test examples"),
        ([{"id": "test-0"}, {"id": "test-1", "predicted": "a"}], "x:1: this is no answer"),
        ([{"id": "test-0", "predicted": "a"}, {"id": "test-1", "predicted": "z"}], "x:2: this is no answer"),
    ],
)
def test_answers_to_something_else_are_refused(rows: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        check_answers(rows, TASK, Path("x"))


@pytest.mark.parametrize(
    "change", [{"name": 1}, {"label": None}, {"seconds": "1"}, {"settings": []}, {"predictions": 1}]
)
def test_baselines_that_are_none_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"x\.json: "):
        read_record(list[FittedBaseline], written(tmp_path, [BASELINE | change]))


@pytest.mark.parametrize(
    "change",
    [
        {"figures": None},
        {"figures": [{}]},
        {"pairs": {"own": SAID | {"right": ["a", "b", "c"]}}},
        {"pairs": {"own": SAID | {"method": 1}}},
        {"cloze": [{"sees": "all", "right": [1]}]},
        {"cloze": None},
    ],
)
def test_answers_without_labels_of_other_kinds_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"x\.json: "):
        read_record(LanguageAnswers, written(tmp_path, QUALITY | change))


def test_what_was_made_from_something_else_is_none_whatever_its_fields(tmp_path: Path) -> None:
    assert read_kept(KeptDiagnosis, tmp_path / "x.json", "f" * 64) is None
    path = written(tmp_path, DIAGNOSIS)
    kept = read_kept(KeptDiagnosis, path, "f" * 64)
    assert kept is not None and kept.facts == DIAGNOSIS["facts"]
    assert read_kept(KeptDiagnosis, path, "0" * 64) is None
    assert read_kept(KeptCosts, written(tmp_path, {"made_from": {"task": "a"}, "cards": 1}), {}) is None
    path = written(tmp_path, DIAGNOSIS)
    with pytest.raises(ModelError, match=r"x\.json: "):
        read_kept(KeptCosts, path, "f" * 64)
