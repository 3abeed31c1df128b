"""A training run of a few seconds on made-up tokens, for either family.

As a script (FAMILY FOLDER STEPS STEP) it waits at a step for being killed.
"""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from twinlm import rng
from twinlm.batch import IGNORE, Batch, MaskedBatch
from twinlm.core.initialize import initialize
from twinlm.families import FAMILIES
from twinlm.objectives.causal_lm import causal_lm
from twinlm.objectives.masked_lm import masked_lm_and_next_sentence
from twinlm.settings import OptimizerSettings
from twinlm.system.log import Progress, Silent
from twinlm.system.records import to_json
from twinlm.system.stopping import Stop
from twinlm.train.job import Job
from twinlm.train.loop import evaluate, train
from twinlm.train.optimizer import build_optimizer, learning_rate

V, L = 37, 10
SIZES = {"vocab_size": V, "max_length": L, "width": 16, "layers": 2, "heads": 2, "feed_forward": 32}
OBJECTIVES: dict[str, Callable[..., Any]] = {"gpt": causal_lm, "bert": masked_lm_and_next_sentence}


def batch(step: int, count: int = 8, seed: int = 3) -> MaskedBatch:
    """Return sequences that count up or down, some of them padded, with one token in five masked."""
    chance = rng.stream(seed, "made up", step)
    start_B1, way_B1 = torch.from_numpy(chance.integers([[8], [1]], [[V], [4]], (2, count)))[:, :, None]
    tokens_BL = 8 + (start_B1 + way_B1 * torch.arange(L)) % (V - 8)
    lengths_B1 = torch.from_numpy(chance.integers(L - 3, L + 1, (count, 1)))
    real_BL = torch.arange(L) < lengths_B1
    is_masked_BL = real_BL & (torch.from_numpy(chance.random((count, L))) < 0.2)
    is_masked_BL[:, 2] = True
    return MaskedBatch(
        tokens_BL=torch.where(is_masked_BL, 4, tokens_BL),
        segments_BL=torch.zeros_like(tokens_BL),
        real_BL=real_BL,
        originals_BL=torch.where(is_masked_BL, tokens_BL, IGNORE),
        is_random_B=way_B1[:, 0] % 2,
    )


def build(name: str, folder: Path, *, dropout: float = 0.1, **changes: Any) -> Job:
    """Return a run of a family; `changes` replace fields of the job."""
    family = FAMILIES[name]
    model: Any = family.model(family.config(**SIZES, dropout=dropout))
    initialize(model, seed=1, is_truncated=family.is_truncated)
    optimizer = changes.pop("settings", OptimizerSettings(learning_rate=5e-3, warmup_share=0.2))
    steps = changes.pop("steps", 12)
    held_out = [batch(number, seed=4) for number in range(2)]

    def flops(given: Batch, targets: int) -> float:
        count, length = given.tokens_BL.shape
        return family.training_flops(model.config, sequences=count, length=length, targets=targets)

    fields: dict[str, Any] = {
        "name": name,
        "module": model,
        "objective": OBJECTIVES[name],
        "batches": lambda step: [batch(step)],
        "optimizer": build_optimizer(model, optimizer),
        "learning_rate": learning_rate(optimizer, steps),
        "validate": lambda: evaluate(job, held_out),
        "flops": flops,
        "steps": steps,
        "validate_every": 5,
        "checkpoint_every": 3,
        "clip_norm": 1.0,
        "seed": 11,
        "precision": "float32",
        "folder": folder,
        "averaging": "step",
    }
    job = Job(**{**fields, **changes})
    return job


def run(job: Job, stop: Stop | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """Train; return what was spent but for seconds and memory, which no two runs share."""
    spent = to_json(train(job, progress=progress or Silent(), stop=stop or Stop()))
    return {name: value for name, value in spent.items() if name not in ("seconds", "peak_memory_bytes")}


def outcome(job: Job, spent: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a run leaves and that has to be the same in every repetition of it."""
    weights = {name: weight.numpy().tobytes() for name, weight in job.module.state_dict().items()}
    files = {name: (job.folder / name).read_bytes() for name in ("metrics.jsonl", "best.safetensors")}
    checkpoints = sorted((job.folder / "checkpoints").iterdir())
    last = {path.name: path.read_bytes() for path in checkpoints[-1].glob("*.safetensors")}
    return {"spent": dict(spent), "weights": weights, **files, "newest": checkpoints[-1].name, **last}


def wait_at(step: int) -> Callable[[int], list[MaskedBatch]]:
    """Return the batches of a run that goes no further than a step: somebody will kill it."""

    def batches(number: int) -> list[MaskedBatch]:
        if number == step:
            time.sleep(600)
        return [batch(number)]

    return batches


if __name__ == "__main__":
    torch.set_num_threads(1)
    family, place, last, step = sys.argv[1:]
    run(build(family, Path(place), steps=int(last), batches=wait_at(int(step))))
