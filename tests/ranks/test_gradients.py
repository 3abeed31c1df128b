"""Gradients are added to the same bits by any number of processes."""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from twinlm.system.launch import launch
from twinlm.train.ranks import share_of
from twinlm.train.replicated import TreeSum, nodes_of

SCRIPT = Path(__file__).with_name("scenarios.py")
SCENARIOS = ["gpt-4", "bert-4", "bert-12", "bert-4-muon"]
FILES = ["metrics.jsonl", "best.safetensors"]
FILES += [f"checkpoints/step-000000008/{part}.safetensors" for part in ("model", "optimizer")]


@pytest.fixture(scope="session")
def scenarios() -> ModuleType:
    specification = importlib.util.spec_from_file_location("scenarios", SCRIPT)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory, scenarios: ModuleType) -> Path:
    """The folder of what one process leaves."""
    folder = tmp_path_factory.mktemp("alone")
    for name in SCENARIOS:
        scenarios.play(name, folder / name)
    return folder


def play(count: int, folder: Path, *names: str, reduce: str = "ordered") -> None:
    """Play scenarios with so many processes."""
    assert launch([sys.executable, str(SCRIPT), str(folder), reduce, *names], count) == 0


def hashes(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_two_and_four_processes_leave_the_bytes_that_one_leaves(
    count: int, alone: Path, tmp_path: Path
) -> None:
    """Weights, Adam's averages and metrics, with dropout; blocks of 3 are no whole branches of the tree."""
    play(count, tmp_path, *SCENARIOS)
    for name in SCENARIOS:
        assert hashes(tmp_path / name) == hashes(alone / name), name


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(
    alone: Path, tmp_path: Path, scenarios: ModuleType
) -> None:
    """One process stops after step 2, the last of two is asked to after step 5, four come to the end."""
    scenarios.play("bert-4-until-2", tmp_path / "bert-4")
    play(2, tmp_path, "bert-4-until-3")
    assert max(row["step"] for row in records(tmp_path / "bert-4")) == 5
    play(4, tmp_path, "bert-4")
    assert hashes(tmp_path / "bert-4") == hashes(alone / "bert-4")


def test_fast_reduction_agrees_up_to_rounding(alone: Path, tmp_path: Path) -> None:
    """Each loss within 1e-5 of itself, weights within 1e-4 after 8 steps of Adam at a rate of 0.005."""
    play(2, tmp_path, "gpt-4", "bert-4", reduce="fast")
    for name in ("gpt-4", "bert-4"):
        ours, theirs = records(tmp_path / name), records(alone / name)
        assert [row["step"] for row in ours] == [row["step"] for row in theirs]
        for row, other in zip(ours, theirs, strict=True):
            assert row == pytest.approx(other, rel=1e-5)
        weights = [load_file(place / name / FILES[2]) for place in (tmp_path, alone)]
        for key, weight in weights[0].items():
            torch.testing.assert_close(weight, weights[1][key], atol=1e-4, rtol=0)


def test_a_model_in_parts_rolls_back_like_one_in_one_piece(scenarios: ModuleType, tmp_path: Path) -> None:
    """The loss of step 8 is not finite: the weights of step 6 come back."""
    scenarios.play("bert-4-wrong-8", tmp_path / "alone")
    scenarios.play("bert-4-muon", tmp_path / "alone with muon")
    play(2, tmp_path, "bert-4-wrong-8", "bert-4-muon", reduce="parts")
    assert [row["lost"] for row in records(tmp_path / "alone") if "lost" in row] == [2]
    for in_parts, alone in [("bert-4-wrong-8", "alone"), ("bert-4-muon", "alone with muon")]:
        ours, theirs = records(tmp_path / in_parts), records(tmp_path / alone)
        for row, other in zip(ours, theirs, strict=True):
            assert row == pytest.approx(other, rel=1e-4)


@given(st.integers(1, 64), st.data())
def test_a_tree_gives_one_sum_whoever_adds_which_part(count: int, data: st.DataObject) -> None:
    """Parts come in any order, or as sums that some process added up."""

    def together(first: str, second: str) -> str:
        return f"({min(first, second)}+{max(first, second)})"

    whole = TreeSum(count, together)
    for number in range(count):
        whole.put((0, number), f"{number:02}")
    processes = data.draw(st.sampled_from([n for n in range(1, count + 1) if count % n == 0]))
    joined, parts = TreeSum(count, together), []
    for process in range(processes):
        tree, share = TreeSum(count, together), share_of(process, processes, count)
        for number in data.draw(st.permutations(share)):
            tree.put((0, number), f"{number:02}")
        assert sorted(tree.nodes) == nodes_of(share, count)
        parts += list(tree.nodes.items())
    for node, part in data.draw(st.permutations(parts)):
        joined.put(node, part)
    assert list(joined.nodes.values()) == list(whole.nodes.values())


def test_two_micro_batches_are_added_as_before() -> None:
    tree = TreeSum[str](6, lambda first, second: f"({first}+{second})")
    for number in range(6):
        tree.put((0, number), str(number))
    assert list(tree.nodes.values()) == ["(((0+1)+(2+3))+(4+5))"]
