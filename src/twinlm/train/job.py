"""All that makes up one training run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from twinlm.batch import Batch
from twinlm.objectives import Averaging, Objective

BEST, CHECKPOINTS = "best.safetensors", "checkpoints"  # names in a run's folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One training run."""

    name: str  # title of the progress bar
    module: nn.Module  # module to train, in place
    objective: Objective[Any, Any]  # loss of the module on a batch
    batches: Callable[[int], Sequence[Batch]]  # micro-batches of a step, from 0
    optimizer: torch.optim.Optimizer  # optimizer, whose learning rate is set before each step
    learning_rate: Callable[[int], float]  # learning rate of a step, from 0
    validate: Callable[[], dict[str, float]]  # the lowest first value decides which weights are kept
    flops: Callable[[Batch, int], float]  # operations of a training step on a batch with a number of targets
    steps: int  # number of optimizer steps
    validate_every: int  # steps between validations; the last step is always validated
    checkpoint_every: int  # steps between checkpoints: the most that a crash can cost
    clip_norm: float  # largest norm of the gradient
    seed: int  # seed of dropout
    precision: str  # precision of matrix products: "float32" or "bfloat16"
    folder: Path  # folder of checkpoints and metrics
    averaging: Averaging  # what a loss is a mean over, from `resuming.averaging`
    non_finite: Literal["stop", "skip", "roll_back"] = "stop"  # if a loss or gradient is not finite
    validates_first: bool = False  # whether the weights before the first step are validated, too
