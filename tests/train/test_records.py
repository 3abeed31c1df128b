"""What a training run writes of itself and reads again: what does not fit is named with its file."""

from pathlib import Path
from typing import Any

import pytest

from twinlm.errors import ModelError
from twinlm.system import storage
from twinlm.system.records import as_record, to_json
from twinlm.train.records import Mark, Spent, TrainingState, TuningSpent, fresh_state, read_result

SPENT = {
    **{"step": 3, "tokens": 9, "targets": 9, "flops": 1e9, "seconds": 1.5, "peak_memory_bytes": 10},
    **{"non_finite_steps": 0, "lost_steps": 0, "best": 0.5, "best_step": 3, "best_sha256": "f"},
}
TUNED = {**SPENT, "counts": {"cut": 1}, "validation": {"accuracy": 0.5}, "one_answer": False}


def written(folder: Path, value: object) -> Path:
    storage.write_json(folder / "x.json", value)
    return folder / "x.json"


def test_a_result_comes_back_and_would_be_written_with_the_same_bytes(tmp_path: Path) -> None:
    for kind, values in ((Spent, SPENT), (TuningSpent, TUNED)):
        path = written(tmp_path, values)
        assert storage.json_bytes(to_json(read_result(kind, path))) == path.read_bytes()


def test_a_result_of_an_early_version_is_read(tmp_path: Path) -> None:
    later = {"non_finite_steps", "lost_steps", "best_sha256"}
    early = {name: value for name, value in SPENT.items() if name not in later}
    assert read_result(Spent, written(tmp_path, early)).lost_steps == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": 0}, "step is 0, which can't be"),
        ({"step": None}, "step: expected `int`, got `null`"),
        ({"seconds": "1"}, "expected `float`"),
        ({"seconds": 0.0}, "seconds is 0.0, which can't be"),
        ({"flops": -1.0}, "flops: expected `float` >= 0"),
        ({"tokens": True}, "expected `int`"),
        ({"best_step": 1.5}, "expected `int`"),
        ({"best_step": None}, "expected `int`"),
        ({"validation": {}}, "validation: expected"),
        ({"validation": {"accuracy": "high"}}, "expected `float`, got `str`"),
        ({"counts": [1]}, "expected `object`"),
        ({"one_answer": 1}, "expected `bool`"),
        ({"more": 1}, "unknown field `more`"),
    ],
)
def test_a_result_of_other_values_is_refused(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"x\.json: .*{words}"):
        read_result(TuningSpent, written(tmp_path, TUNED | change))


@pytest.mark.parametrize("name", ["step", "best_step", "best", "validation"])
def test_a_result_that_lacks_a_value_is_refused(name: str, tmp_path: Path) -> None:
    values = {key: value for key, value in TUNED.items() if key != name}
    with pytest.raises(ModelError, match=f"missing field `{name}`"):
        read_result(TuningSpent, written(tmp_path, values))


def test_the_state_of_a_run_holds_what_it_spent_first() -> None:
    state = fresh_state("step")
    state.metrics = Mark(bytes=3, sha256="f")
    assert list(to_json(state)) == [*SPENT, "is_validation_due", "averaging", "metrics"]
    assert as_record(TrainingState, to_json(state)) == state
    assert list(to_json(state.spent())) == list(SPENT)
