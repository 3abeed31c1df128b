"""The short form of `make torture`: killed or stopped at random instants is never killed, never stopped."""

import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def killing(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """Return `killing.py`."""
    return load_helper(Path(__file__).with_name("killing.py"))


@pytest.mark.parametrize(
    "kind", [*(pytest.param(kind, marks=pytest.mark.slow) for kind in ("gpt", "bert")), "fine-tuning"]
)
def test_killed_at_random_instants_is_never_killed(kind: str, killing: ModuleType, tmp_path: Path) -> None:
    killing.write_project(tmp_path)
    wanted, chance = killing.straight(kind, tmp_path), random.Random(1)
    kills = [killing.kill_until_done(kind, tmp_path, f"killed {n}", wanted, chance) for n in range(2)]
    assert sum(kills) >= 1


def test_stopped_at_a_random_instant_exits_with_75_and_goes_on(killing: ModuleType, tmp_path: Path) -> None:
    killing.write_project(tmp_path)
    wanted, chance = killing.straight("bert", tmp_path), random.Random(2)
    for number in range(3):
        taken_s = killing.stop_once("bert", tmp_path, f"stopped {number}", wanted, chance)
        if taken_s is not None:
            break
    assert taken_s is not None and taken_s < 10
