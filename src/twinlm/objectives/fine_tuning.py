"""L = lambda * L1 + L2: the loss of a task, plus GPT's language modelling loss as an auxiliary one
(Radford et al. 2018, equation 5). Without the auxiliary loss it is BERT's fine-tuning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from twinlm.batch import Batch, Counts, Reading
from twinlm.objectives import Loss, Objective


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """A second loss on the states that the task has already computed."""

    weight: float
    """Weight lambda of the loss: 0.5 in the paper."""
    loss: Callable[[Any, Tensor, Batch, Counts], Tensor]
    """Loss in nats from the model, its states (B, L, D), the batch and the counts of its step."""


class FineTuned(nn.Module):
    """A pre-trained model under a task head; fine-tuning trains all weights."""

    def __init__(self, model: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.head = head

    def read(self, batch: Batch) -> Reading:
        """Return the model's states and summaries."""
        reading: Reading = self.model.read(batch)  # type: ignore[operator]
        return reading

    def forward(self, batch: Batch) -> Tensor:
        """Return the head's scores, (G, C) for classification."""
        scores: Tensor = self.head(self.read(batch), batch)
        return scores


def fine_tuning(auxiliary: Auxiliary | None) -> Objective[FineTuned, Batch]:
    """Return the objective L2 + lambda * L1, or L2 alone."""

    def objective(model: FineTuned, batch: Batch, step: Counts | None = None) -> Loss:
        own = batch.counts()
        counts = step or own
        reading = model.read(batch)
        scores = model.head(reading, batch)
        share = own["decisions"] / max(1, counts["decisions"])
        task: Tensor = share * model.head.loss(scores, batch)  # type: ignore[operator]
        parts = {"task": task.detach()}
        total = task
        if auxiliary is not None:
            language = auxiliary.loss(model.model, reading.hidden_BLD, batch, counts)
            total = auxiliary.weight * language + task
            parts["causal_lm"] = language.detach()
        return Loss(total, len(scores), parts)

    return objective
