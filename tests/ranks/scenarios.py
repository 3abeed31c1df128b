"""Trainings that processes do together, as a script that `launch` starts: FOLDER REDUCE/SCENARIO...

A scenario is FAMILY-MICRO_BATCHES, perhaps followed by -until-STEP, -muon, or -wrong-STEP: its loss is not
finite then, so that it rolls back. What each leaves is the same as when one process does it. REDUCE may be
"parts".
"""

import importlib.util
import math
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from twinlm.errors import StoppedError
from twinlm.settings import OptimizerSettings
from twinlm.system.launch import leave
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.train.loop import train
from twinlm.train.optimizer import build_optimizer
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
    what, at = rest[0] if rest else "", int(rest[1]) if len(rest) > 1 else 0
    jobs, now = tiny(), [0]

    def batches(step: int) -> list[Any]:
        now[0] = step + 1
        return [jobs.batch(int(count) * step + number, count=4) for number in range(int(count))]

    def objective(model: Any, batch: Any, step: Any = None) -> Any:
        loss = jobs.OBJECTIVES[family](model, batch, step)
        is_wrong = what == "wrong" and model.training and now[0] == at
        return replace(loss, total=loss.total * math.nan) if is_wrong else loss

    method: Any = "muon" if what == "muon" else "adamw"
    settings = OptimizerSettings(method=method, learning_rate=5e-3, warmup_share=0.2)
    job = jobs.build(family, folder, batches=batches, steps=8, objective=objective, settings=settings)
    if what == "wrong":
        job = replace(job, non_finite="roll_back")
    if ranks.is_sharded:
        from twinlm.train.sharding import shard

        shard(job.module, ranks)
        job = replace(job, optimizer=build_optimizer(job.module, settings))
    stop = StopAt(at) if what == "until" and ranks.number == ranks.count - 1 else Stop()
    try:
        train(job, progress=Silent(), stop=stop, ranks=ranks)
    except StoppedError:
        assert what == "until"
    return job


if __name__ == "__main__":
    torch.set_num_threads(1)
    place, *scenarios = sys.argv[1:]
    together: Any = join(reduce="ordered", is_sharded=False, timeout_s=30)
    for scenario in scenarios:
        reduce, name = scenario.split("/")
        if name.startswith("die"):
            if together.number == int(name[3:]):
                os.kill(os.getpid(), signal.SIGKILL)
        else:
            together.is_sharded = reduce == "parts"
            together.reduce = "fast" if together.is_sharded else reduce
            play(name, Path(place, reduce, name.split("-until")[0]), together)
    together.close()
    leave(0)
