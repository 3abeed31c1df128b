"""Which checkpoints are kept, and going back to one. For damage see `test_resume.py` and `tests/faults`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from twinlm import checkpoint, storage
from twinlm.core.initialize import initialize
from twinlm.errors import ModelError
from twinlm.train.checkpoints import load_training, roll_back, save_training

AVERAGES = ("exp_avg", "exp_avg_sq", "step")


def trained(seed: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    module = torch.nn.Linear(2, 3)
    initialize(module, seed=seed, is_truncated=False)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    module(torch.ones(2)).sum().backward()
    optimizer.step()
    return module, optimizer


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
    (wanted, of_wanted), (found, of_found) = trained(3), trained(9)
    roll_back(tmp_path, 3, found, of_found)
    assert all(map(torch.equal, found.parameters(), wanted.parameters()))
    for number, values in of_wanted.state_dict()["state"].items():
        for name, value in values.items():
            assert torch.equal(of_found.state_dict()["state"][number][name], value)


def test_nothing_goes_back_to_a_step_that_is_missing_or_damaged(tmp_path: Path) -> None:
    kept_after(tmp_path, [3], every=3)
    with pytest.raises(ModelError, match="missing"):
        roll_back(tmp_path, 6, *trained(1))
    (tmp_path / "step-000000003" / "state.json").write_bytes(b"{}")
    with pytest.raises(ModelError, match="bytes"):
        roll_back(tmp_path, 3, *trained(1))


def test_what_does_not_fit_beside_a_checkpoint_makes_it_be_passed_over(tmp_path: Path) -> None:
    kept_after(tmp_path, [3, 6], every=3)
    passed: list[str] = []

    def check(state: Mapping[str, Any]) -> None:
        if state["step"] == 6:
            raise ModelError("no such log", file=tmp_path)

    state = load_training(
        tmp_path, *trained(1), check=check, pass_over=lambda error: passed.append(error.message)
    )
    assert (state, passed) == ({"step": 3}, ["no such log"])
    storage.remove(tmp_path / "step-000000003")
    with pytest.raises(ModelError, match="no such log"):
        load_training(
            tmp_path, *trained(1), check=check, pass_over=lambda error: passed.append(error.message)
        )


@pytest.mark.parametrize(
    ("name", "tensors", "words"),
    [
        ("state.json", {"format": 1}, "KeyError: 'step'"),
        ("state.json", {"format": 1, "step": 9}, "it is of step 9"),
        ("state.json", {"format": "1", "step": 3}, "TypeError"),
        ("state.json", [], "TypeError"),
        ("optimizer.safetensors", {"step": torch.ones(1)}, "ValueError"),
        ("optimizer.safetensors", {"0.step": torch.ones(())}, "KeyError: 'exp_avg"),
        ("optimizer.safetensors", {f"7.{name}": torch.ones(()) for name in AVERAGES}, "KeyError: 7"),
        (
            "optimizer.safetensors",
            {f"0.{name}": torch.ones(()) for name in AVERAGES},
            "0.exp_avg is no average",
        ),
        (
            "optimizer.safetensors",
            {f"0.{name}": torch.full((3, 2) if "_" in name else (), torch.inf) for name in AVERAGES},
            "is no average of its weight",
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
    files[name] = storage.json_bytes(tensors) if is_json else checkpoint.tensor_bytes(tensors)
    storage.publish_folder(place, files)
    with pytest.raises(ModelError, match=f"not what was written: .*{words}"):
        load_training(tmp_path, *trained(1), check=lambda state: None, pass_over=lambda error: None)
