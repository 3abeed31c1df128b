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


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what the same two processes leave, by how they add up gradients."""
    folder = tmp_path_factory.mktemp("two")
    fast = [f"fast/{name}" for name in ("gpt-4", "bert-4")]
    parts = [f"parts/{name}" for name in ("bert-4-wrong-8", "bert-4-muon")]
    play(2, folder, *(f"ordered/{name}" for name in SCENARIOS), *fast, *parts)
    return folder


def play(count: int, folder: Path, *scenarios: str) -> None:
    """Play scenarios with so many processes."""
    assert launch([sys.executable, str(SCRIPT), str(folder), *scenarios], count) == 0


def hashes(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_leave_the_bytes_that_one_leaves(alone: Path, two: Path) -> None:
    """Weights, Adam's averages and metrics, with dropout; blocks of 3 are no whole branches of the tree."""
    for name in SCENARIOS:
        assert hashes(two / "ordered" / name) == hashes(alone / name), name


@pytest.mark.slow
def test_four_processes_leave_the_bytes_that_one_leaves(alone: Path, tmp_path: Path) -> None:
    play(4, tmp_path, *(f"ordered/{name}" for name in SCENARIOS))
    for name in SCENARIOS:
        assert hashes(tmp_path / "ordered" / name) == hashes(alone / name), name


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(
    alone: Path, tmp_path: Path, scenarios: ModuleType
) -> None:
    """One process stops after step 2, the last of two is asked to after step 5, four come to the end."""
    folder = tmp_path / "ordered" / "bert-4"
    scenarios.play("bert-4-until-2", folder)
    play(2, tmp_path, "ordered/bert-4-until-3")
    assert max(row["step"] for row in records(folder)) == 5
    play(4, tmp_path, "ordered/bert-4")
    assert hashes(folder) == hashes(alone / "bert-4")


def test_fast_reduction_agrees_up_to_rounding(alone: Path, two: Path) -> None:
    """Each loss within 1e-5 of itself, weights within 1e-4 after 8 steps of Adam at a rate of 0.005."""
    for name in ("gpt-4", "bert-4"):
        ours, theirs = records(two / "fast" / name), records(alone / name)
        assert [row["step"] for row in ours] == [row["step"] for row in theirs]
        for row, other in zip(ours, theirs, strict=True):
            assert row == pytest.approx(other, rel=1e-5)
        weights = [load_file(place / name / FILES[2]) for place in (two / "fast", alone)]
        for key, weight in weights[0].items():
            torch.testing.assert_close(weight, weights[1][key], atol=1e-4, rtol=0)


def test_a_model_in_parts_rolls_back_like_one_in_one_piece(
    scenarios: ModuleType, alone: Path, two: Path, tmp_path: Path
) -> None:
    """The loss of step 8 is not finite: the weights of step 6 come back."""
    scenarios.play("bert-4-wrong-8", tmp_path)
    assert [row["lost"] for row in records(tmp_path) if "lost" in row] == [2]
    for name, whole in [("bert-4-wrong-8", tmp_path), ("bert-4-muon", alone / "bert-4-muon")]:
        ours, theirs = records(two / "parts" / name), records(whole)
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
