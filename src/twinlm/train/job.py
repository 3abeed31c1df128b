"""What a training run is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from twinlm.batch import Batch
from twinlm.objectives import Objective

BEST, CHECKPOINTS = "best.safetensors", "checkpoints"
"""Names in its folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One training run."""

    name: str
    """Shown beside the progress bar."""
    module: nn.Module
    """What is trained, in place."""
    objective: Objective[Any, Any]
    """Turns module and batch into a loss."""
    batches: Callable[[int], Sequence[Batch]]
    """The micro-batches of a step, from 0; their losses weigh the same."""
    optimizer: torch.optim.Optimizer
    """Its learning rate is set before each step."""
    learning_rate: Callable[[int], float]
    """Of a step, from 0."""
    validate: Callable[[], dict[str, float]]
    """Measures the module; the first value decides which weights are best: the lowest."""
    flops: Callable[[Batch, int], float]
    """Operations of a training step on a batch with so many targets."""
    steps: int
    """Optimizer steps in all."""
    validate_every: int
    """Steps from one validation to the next; the last step is always validated."""
    checkpoint_every: int
    """Steps that a crash can cost."""
    clip_norm: float
    """Largest length of the gradient."""
    seed: int
    """Of dropout."""
    precision: str
    """"float32" or "bfloat16"."""
    folder: Path
    """Where checkpoints and metrics go."""
    non_finite: Literal["stop", "skip", "roll_back"] = "stop"
    """What to do about a loss or gradient that is not finite."""
