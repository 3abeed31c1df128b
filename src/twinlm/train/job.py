"""All that makes up one training run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from twinlm.batch import Batch
from twinlm.objectives import Averaging, Objective

BEST, CHECKPOINTS = "best.safetensors", "checkpoints"
"""Names of the best weights and of the checkpoints in a run's folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One training run."""

    name: str
    """Title of the progress bar."""
    module: nn.Module
    """Module to train, in place."""
    objective: Objective[Any, Any]
    """Loss of the module on a batch."""
    batches: Callable[[int], Sequence[Batch]]
    """Micro-batches of a step, from 0."""
    optimizer: torch.optim.Optimizer
    """Optimizer, whose learning rate is set before each step."""
    learning_rate: Callable[[int], float]
    """Learning rate of a step, from 0."""
    validate: Callable[[], dict[str, float]]
    """Measurement of the module; the weights with the lowest first value are kept, of equals the last."""
    flops: Callable[[Batch, int], float]
    """Operations of a training step on a batch with a number of targets."""
    steps: int
    """Number of optimizer steps."""
    validate_every: int
    """Steps between validations; the last step is always validated."""
    checkpoint_every: int
    """Steps between checkpoints: the most that a crash can cost."""
    clip_norm: float
    """Largest norm of the gradient."""
    seed: int
    """Seed of dropout."""
    precision: str
    """Precision of matrix products: "float32" or "bfloat16"."""
    folder: Path
    """Folder of checkpoints and metrics."""
    averaging: Averaging
    """What a loss is a mean over, from `resuming.averaging`."""
    non_finite: Literal["stop", "skip", "roll_back"] = "stop"
    """Reaction to a loss or gradient that is not finite."""
