"""What a run keeps for itself and reads again: what does not fit is named with its file."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from twinlm.compare.stages.own_records import (
    check_answers,
    read_baselines,
    read_quality,
)
from twinlm.data.labels.examples import Example
from twinlm.data.labels.task import LabelledTask
from twinlm.errors import ModelError
from twinlm.system import storage
from twinlm.system.records import read_record, to_json
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
ASKED: dict[str, Any] = {"passages": 2, "pairs": {"own": 3}, "gaps": 1}


def written(folder: Path, value: object) -> Path:
    storage.write_json(folder / "x.json", value)
    return folder / "x.json"


def test_what_fits_comes_back(tmp_path: Path) -> None:
    assert read_baselines(written(tmp_path, [BASELINE]), TASK) == [BASELINE]
    assert read_quality(written(tmp_path, QUALITY), **ASKED) == QUALITY
    bare = {"figures": [], "pairs": {}}
    assert read_quality(written(tmp_path, bare), passages=0, pairs={}, gaps=0) == bare


def test_a_plan_of_nothing_is_refused(tmp_path: Path) -> None:
    figures = dict.fromkeys(("tokens", "targets", "flops", "seconds", "corpus_passes"), 1.5)
    counts = dict.fromkeys(("steps", "memory_bytes", "parameters", "non_embedding_parameters"), 3)
    plan = PretrainPlan(family="gpt", **figures, **counts)
    assert read_record(PretrainPlan, written(tmp_path, to_json(plan))) == plan
    with pytest.raises(ModelError, match=r"x\.json: parameters: expected `int` >= 1"):
        read_record(PretrainPlan, written(tmp_path, to_json(replace(plan, parameters=0))))


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
    "change",
    [
        {"name": 1},
        {"label": None},
        {"seconds": "1"},
        {"settings": []},
        {"predictions": ["a"]},
        {"predictions": 1},
    ],
)
def test_baselines_that_are_none_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"x\.json: "):
        read_baselines(written(tmp_path, [BASELINE | change]), TASK)


@pytest.mark.parametrize(
    "change",
    [
        {"figures": None},
        {"figures": [FIGURE | {"values_E": [1.0]}]},
        {"figures": [{}]},
        {"pairs": {}},
        {"pairs": {"own": SAID | {"right": [True]}}},
        {"pairs": {"own": SAID | {"right": ["a", "b", "c"]}}},
        {"pairs": {"own": SAID | {"method": 1}}},
        {"cloze": []},
        {"cloze": [{"sees": "all", "right": [1]}]},
    ],
)
def test_what_was_not_asked_for_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"x\.json: "):
        read_quality(written(tmp_path, QUALITY | change), **ASKED)
