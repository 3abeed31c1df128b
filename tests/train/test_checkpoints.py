"""Which checkpoints are kept, and going back to one. For damage see `test_resume.py` and `tests/faults`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from twinlm import tensor_files
from twinlm.core.initialize import initialize
from twinlm.errors import ModelError
from twinlm.system import storage
from twinlm.train.checkpoint_tensors import CheckpointTensors
from twinlm.train.checkpoints import (
    averages,
    load_training,
    publish_parts,
    remove_loose_parts,
    restore,
    roll_back,
    save_part,
    save_training,
)

AVERAGES = ("exp_avg", "exp_avg_sq", "step")


def trained(seed: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    module = torch.nn.Linear(2, 3)
    initialize(module, seed=seed, is_truncated=False)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    module(torch.ones(2)).sum().backward()
    optimizer.step()
    return module, optimizer


def taking(module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> partial[None]:
    return partial(restore, module=module, optimizer=optimizer)


def save_parts(folder: Path, step: int, heights: list[int]) -> None:
    """Save what `trained` gives as so many processes would that have so many rows each."""
    module, optimizer = trained(step)
    tensors = {"model": module.state_dict(), "optimizer": averages(optimizer)}
    begin = 0
    for number, height in enumerate(heights):
        rows = {
            kind: {
                name: value[begin : begin + height] if value.dim() else value for name, value in of.items()
            }
            for kind, of in tensors.items()
        }
        save_part(folder, step, number, rows)
        begin += height
    publish_parts(folder, {"step": step}, len(heights), every=3)


def is_as_trained(seed: int, found: torch.nn.Module, of_found: torch.optim.Optimizer) -> bool:
    wanted, of_wanted = trained(seed)
    moments, of_moments = averages(of_wanted), averages(of_found)
    return (
        all(map(torch.equal, found.parameters(), wanted.parameters()))
        and moments.keys() == of_moments.keys()
        and all(torch.equal(of_moments[name], value) for name, value in moments.items())
    )


def kept_after(folder: Path, steps: list[int], every: int) -> list[int]:
    for step in steps:
        save_training(folder, step, *trained(step), {}, every=every)
    return [int(path.name.removeprefix("step-")) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize(
    ("steps", "kept"),
    [([3], [3]), ([3, 6, 9], [6, 9]), ([3, 6, 7], [6, 7]), ([3, 6, 7, 8], [6, 7, 8]), ([6, 7, 8, 9], [8, 9])],
)
def test_the_newest_ones_and_the_newest_regular_one_are_kept(
    steps: list[int], kept: list[int], tmp_path: Path
) -> None:
    assert kept_after(tmp_path, steps, every=3) == kept


def test_weights_and_averages_go_back_to_a_step(tmp_path: Path) -> None:
    kept_after(tmp_path, [3, 4], every=3)
    found = trained(9)
    roll_back(tmp_path, 3, taking(*found))
    assert is_as_trained(3, *found)


def test_nothing_goes_back_to_a_step_that_is_missing_or_damaged(tmp_path: Path) -> None:
    kept_after(tmp_path, [3], every=3)
    with pytest.raises(ModelError, match="missing"):
        roll_back(tmp_path, 6, taking(*trained(1)))
    (tmp_path / "step-000000003" / "state.json").write_bytes(b"{}")
    with pytest.raises(ModelError, match="bytes"):
        roll_back(tmp_path, 3, taking(*trained(1)))


def test_what_does_not_fit_beside_a_checkpoint_makes_it_be_passed_over(tmp_path: Path) -> None:
    kept_after(tmp_path, [3, 6], every=3)
    passed: list[str] = []

    def check(state: Mapping[str, Any], path: Path) -> None:
        if state["step"] == 6:
            raise ModelError("no such log", file=tmp_path)

    state = load_training(
        tmp_path, taking(*trained(1)), check=check, pass_over=lambda error: passed.append(error.message)
    )
    assert (state, passed) == ({"step": 3}, ["no such log"])
    storage.remove(tmp_path / "step-000000003")
    with pytest.raises(ModelError, match="no such log"):
        load_training(
            tmp_path, taking(*trained(1)), check=check, pass_over=lambda error: passed.append(error.message)
        )


@pytest.mark.parametrize("heights", [[3], [2, 1], [1, 1, 1], [2, 1, 0, 0]])
def test_parts_of_any_number_of_processes_are_taken_as_one(heights: list[int], tmp_path: Path) -> None:
    save_parts(tmp_path, 3, heights)
    found = trained(9)
    state = load_training(tmp_path, taking(*found), check=lambda state, path: None, pass_over=fail)
    assert state == {"step": 3}
    assert is_as_trained(3, *found)


def test_rows_are_read_from_the_parts_that_hold_them(tmp_path: Path) -> None:
    save_parts(tmp_path, 3, [2, 1])
    weight = trained(3)[0].state_dict()["weight"]

    def look(tensors: CheckpointTensors) -> None:
        assert tensors.shape("model", "weight") == (3, 2)
        assert tensors.shape("optimizer", "0.step") == ()
        for begin in range(4):
            for end in range(begin, 4):
                assert torch.equal(tensors.rows("model", "weight", begin, end), weight[begin:end])

    roll_back(tmp_path, 3, look)


def test_parts_go_when_their_checkpoint_goes(tmp_path: Path) -> None:
    for step in (3, 6, 7, 8):
        save_parts(tmp_path, step, [2, 1])
    steps = [f"{step:09d}" for step in (6, 7, 8)]
    names = [path.name for path in sorted(tmp_path.iterdir())]
    assert names == [*(f"parts-{step}" for step in steps), *(f"step-{step}" for step in steps)]
    storage.remove(tmp_path / "step-000000007")
    remove_loose_parts(tmp_path)
    assert not (tmp_path / "parts-000000007").exists()
    save_training(tmp_path, 9, *trained(9), {}, every=3)
    save_training(tmp_path, 10, *trained(10), {}, every=3)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-000000009", "step-000000010"]


def test_a_part_that_is_damaged_or_of_another_time_makes_its_checkpoint_be_passed_over(
    tmp_path: Path,
) -> None:
    for step in (3, 6):
        save_parts(tmp_path, step, [2, 1])
    found = trained(9)
    passed: list[str] = []

    def load() -> Any:
        return load_training(
            tmp_path,
            taking(*found),
            check=lambda state, path: None,
            pass_over=lambda error: passed.append(error.message),
        )

    (tmp_path / "parts-000000006" / "00001" / "model.safetensors").write_bytes(b"x")
    assert load() == {"step": 3}
    assert is_as_trained(3, *found)
    save_part(tmp_path, 6, 1, {"model": trained(1)[0].state_dict(), "optimizer": {}})
    assert load() == {"step": 3}
    storage.remove(tmp_path / "parts-000000006")
    assert load() == {"step": 3}
    assert [message[:20] for message in passed] == [
        "the file has 1 bytes",
        "this part was not sa",
        "the file is missing",
    ]


@pytest.mark.parametrize(
    ("name", "tensors", "words"),
    [
        ("state.json", {"format": 1}, "KeyError: 'step'"),
        ("state.json", {"format": 1, "step": 9}, "it is of step 9"),
        ("state.json", {"format": "1", "step": 3}, "TypeError"),
        ("state.json", [], "TypeError"),
        ("optimizer.safetensors", {"step": torch.ones(1)}, "ValueError"),
        ("optimizer.safetensors", {"0.step": torch.ones(())}, "KeyError: 'exp_avg"),
        ("optimizer.safetensors", {f"7.{name}": torch.ones(()) for name in AVERAGES}, "IndexError"),
        (
            "optimizer.safetensors",
            {f"0.{name}": torch.ones(()) for name in AVERAGES},
            "0.exp_avg is no average",
        ),
        (
            "optimizer.safetensors",
            {f"0.{name}": torch.full((3, 2) if "_" in name else (), torch.inf) for name in AVERAGES},
            "values that are not finite",
        ),
    ],
)
def test_a_checkpoint_of_sound_hashes_that_holds_something_else_is_refused(
    name: str, tensors: Any, words: str, tmp_path: Path
) -> None:
    kept_after(tmp_path, [3], every=3)
    place = tmp_path / "step-000000003"
    files = {path.name: path.read_bytes() for path in place.iterdir() if path.name != storage.MANIFEST}
    is_json = name.endswith("json")
    files[name] = storage.json_bytes(tensors) if is_json else tensor_files.tensor_bytes(tensors)
    storage.publish_folder(place, files)
    with pytest.raises(ModelError, match=words):
        load_training(tmp_path, taking(*trained(1)), check=lambda state, path: None, pass_over=fail)


def fail(damage: ModelError) -> None:
    raise AssertionError("a checkpoint is damaged") from damage
