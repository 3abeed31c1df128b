"""Trainings that processes do together, as a script that `launch` starts: FOLDER REDUCE SCENARIO...

A scenario is FAMILY-MICRO_BATCHES[-until-STEP]. What each leaves is the same as when one process does it.
"""

import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from twinlm.errors import StoppedError
from twinlm.launch import leave
from twinlm.log import Silent
from twinlm.stopping import Stop
from twinlm.train.loop import train
from twinlm.train.ranks import ALONE, Ranks, join

TINY = Path(__file__).parents[1] / "train" / "tiny_job.py"


def tiny() -> Any:
    specification = importlib.util.spec_from_file_location("tiny_job", TINY)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["tiny_job"] = module
    specification.loader.exec_module(module)
    return module


class StopAt(Stop):
    """Asked to stop at a step, as if by a signal to one process."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.left = step + 1  # it is looked at once before the first step

    @property
    def asked(self) -> bool:
        self.left -= 1
        return self.left == 0

    @asked.setter
    def asked(self, value: bool) -> None:
        pass


def play(scenario: str, folder: Path, ranks: Ranks = ALONE) -> Any:
    """Train; return the job."""
    family, count, *rest = scenario.split("-")
    jobs = tiny()

    def batches(step: int) -> list[Any]:
        return [jobs.batch(int(count) * step + number, count=4) for number in range(int(count))]

    job = jobs.build(family, folder, batches=batches, steps=8)
    stop = StopAt(int(rest[1])) if rest and ranks.number == ranks.count - 1 else Stop()
    try:
        train(job, progress=Silent(), stop=stop, ranks=ranks)
    except StoppedError:
        assert rest
    return job


if __name__ == "__main__":
    torch.set_num_threads(1)
    place, reduce, *scenarios = sys.argv[1:]
    together = join(reduce=reduce, is_sharded=False, timeout_s=30)
    for name in scenarios:
        if name.startswith("die"):
            if together.number == int(name[3:]):
                os.kill(os.getpid(), signal.SIGKILL)
        else:
            play(name, Path(place, name.split("-until")[0]), together)
    together.close()
    leave(0)
