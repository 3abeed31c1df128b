"""Training objectives. Each turns a model and a batch into a `Loss`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from torch import Tensor, nn

from twinlm.batch import Batch

Model = TypeVar("Model", bound=nn.Module, contravariant=True)
Examples = TypeVar("Examples", bound=Batch, contravariant=True)


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss for the backward pass, and its parts for the log."""

    total: Tensor
    """Loss that training minimizes, in nats."""
    targets: int
    """Number of predictions that the loss averages: tokens, masked tokens or labels."""
    parts: dict[str, Tensor] = field(default_factory=dict)
    """Unweighted parts of the loss in nats, and shares such as accuracies; without gradients."""

    def values(self) -> dict[str, float]:
        """Return the total, as "loss", and all parts as numbers."""
        return {"loss": self.total.item(), **{name: part.item() for name, part in self.parts.items()}}


class Objective(Protocol[Model, Examples]):
    """All that the training loop knows of model and task."""

    def __call__(self, model: Model, batch: Examples) -> Loss:
        """Return the loss of a model on a batch."""


def mean_values(losses: Iterable[Loss]) -> dict[str, float]:
    """Return the means of "loss" and of each part over batches, weighted by their targets."""
    sums: dict[str, float] = {}
    targets = 0
    for loss in losses:
        for name, value in loss.values().items():
            sums[name] = sums.get(name, 0.0) + value * loss.targets
        targets += loss.targets
    return {name: value / targets for name, value in sums.items()}
