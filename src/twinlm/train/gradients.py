"""What the training loop asks of the processes that train together, and the three ways to do it.

Each turns the gradients of a step's micro-batches into one gradient; `gradients_of` chooses. Next:
`replicated.py`, where every process holds all weights, and `sharding.py`, where each holds some rows of them.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from twinlm.batch import Batch, Counts
from twinlm.objectives import Loss, Objective
from twinlm.system.stopping import Stop
from twinlm.train.checkpoint_tensors import CheckpointTensors
from twinlm.train.ranks import Ranks
from twinlm.train.replicated import Averaged, Ordered


class Gradients(Protocol):
    """Adds up the gradients of one module; measures, saves and restores it as its weights are distributed."""

    def begin(self, count: int) -> int:
        """Start a step of `count` micro-batches; return the factor of their losses."""

    def loss(self, batch: Batch, step: Counts) -> Loss:
        """Return the loss of a micro-batch."""

    def adding(self, number: int) -> AbstractContextManager[None]:
        """Add the gradient that a block computes for the micro-batch of this number."""

    def finish(self) -> None:
        """Leave the gradient of the whole step in the weights."""

    def clip(self, max_norm: float) -> float:
        """Scale the gradient to at most this norm; return its norm before."""

    def measured(self, work: Callable[[], dict[str, float]], stop: Stop) -> dict[str, float] | None:
        """Return the figures that `work` measures on the module; None if a signal interrupted it."""

    def keep_best(self, path: Path) -> str:
        """Write the weights to one file; return its SHA-256."""

    def load_best(self, path: Path) -> None:
        """Load the weights that `keep_best` wrote."""

    def save(
        self, folder: Path, optimizer: torch.optim.Optimizer, state: Mapping[str, Any], *, every: int
    ) -> None:
        """Publish a checkpoint, see `checkpoints.save_training`."""

    def restore(self, tensors: CheckpointTensors, optimizer: torch.optim.Optimizer) -> None:
        """Take weights and averages from a checkpoint; a ModelError if they are another model's."""


def gradients_of(module: nn.Module, objective: Objective[Any, Any], ranks: Ranks) -> Gradients:
    """Return how these processes add up the gradients of a module, which is on its device already."""
    if hasattr(module, "unshard"):
        from twinlm.train.sharding import Sharded  # FSDP takes most of a second to import

        return Sharded(module, objective, ranks)
    return (Averaged if ranks.reduce == "fast" else Ordered)(module, objective, ranks)
