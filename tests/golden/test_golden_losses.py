"""The losses of 20 steps are those that were recorded: see `record.py`, which also writes them anew.

In float32 on one thread of a CPU; other processors and versions of PyTorch round differently, hence 2e-4.
"""

import runpy
from pathlib import Path

import pytest
import torch

from twinlm.families import FAMILIES

RECORD = runpy.run_path(str(Path(__file__).with_name("record.py")))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_losses_are_the_recorded_ones(name: str) -> None:
    wanted = [float(line) for line in RECORD["place"](name).read_text().split()]
    assert len(wanted) == RECORD["STEPS"]
    torch.testing.assert_close(RECORD["losses"](name), wanted, atol=2e-4, rtol=0)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_recorded_losses_fall(name: str) -> None:
    wanted = [float(line) for line in RECORD["place"](name).read_text().split()]
    assert sum(wanted[-5:]) < sum(wanted[:5]) - 1
