"""What is made small. Each objective turns a model and a batch into a `Loss`."""

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from torch import Tensor, nn

from twinlm.batch import Batch

Model = TypeVar("Model", bound=nn.Module, contravariant=True)
Examples = TypeVar("Examples", bound=Batch, contravariant=True)


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss to go backward from, and what it is made of, for the log."""

    total: Tensor
    """What training makes small, in nats."""
    targets: int
    """Predictions that the loss is the mean of: tokens, masked tokens or labels."""
    parts: dict[str, Tensor] = field(default_factory=dict)
    """Each part before weighting, in nats, and shares such as accuracies; without gradients."""


class Objective(Protocol[Model, Examples]):
    """What the trainer needs to know of an objective, and all it knows of the model."""

    def __call__(self, model: Model, batch: Examples) -> Loss:
        """Return the loss of a model on a batch."""
