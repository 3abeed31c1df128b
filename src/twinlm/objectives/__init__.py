"""Training objectives. Each turns a model and a batch into a `Loss`.

A step may be cut into micro-batches. Then each part of the loss is divided by its number of targets in the
whole step, so that the micro-batches' losses and gradients add up to those of the uncut step.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from torch import Tensor, nn

from twinlm.batch import Batch, Counts

Averaging = Literal["step", "micro-batch"]
"""What the parts of a loss are means over: the targets of a whole step, however it is cut, or those of each
micro-batch, which also draws its own masks, as in runs that a version before 0.2.0 started."""
Model = TypeVar("Model", bound=nn.Module, contravariant=True)
Examples = TypeVar("Examples", bound=Batch, contravariant=True)


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss for the backward pass, and its parts for the log."""

    total: Tensor
    """Loss that training minimizes, in nats."""
    targets: int
    """Number of predictions in the batch: tokens, masked tokens or labels."""
    parts: dict[str, Tensor] = field(default_factory=dict)
    """Unweighted parts of the loss in nats, and shares such as accuracies; without gradients."""

    def values(self) -> dict[str, float]:
        """Return the total, as "loss", and all parts as numbers."""
        return {"loss": self.total.item(), **{name: part.item() for name, part in self.parts.items()}}


class Objective(Protocol[Model, Examples]):
    """All that the training loop knows of model and task."""

    def __call__(self, model: Model, batch: Examples, step: Counts | None = None) -> Loss:
        """Return what a batch adds to the loss of a step with these counts: its own by default."""


def sum_values(losses: Iterable[Loss]) -> dict[str, float]:
    """Return "loss" and each part of a step, from what its batches add to them."""
    sums: dict[str, float] = {}
    for loss in losses:
        for name, value in loss.values().items():
            sums[name] = sums.get(name, 0.0) + value
    return sums
