"""What passes between the data pipeline, the models and the objectives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

IGNORE = -100
"""The target of a position that is not to be predicted (PyTorch's own default)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Token sequences of one length, padded on the right."""

    tokens_BL: Tensor
    """Token ids."""
    segments_BL: Tensor
    """0 in the first segment and in padding, 1 in the second segment."""
    real_BL: Tensor
    """False at padding."""

    def to(self, device: torch.device) -> Self:
        """Return the batch on another device."""
        moved = {f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)}
        return replace(self, **moved)


class MadeWhenAsked(Sequence[Batch]):
    """Batches that are made when they are asked for: a process that takes some of them makes no others.

    Args:
        make: returns the batch of a number, from 0.
        count: how many there are.
    """

    def __init__(self, make: Callable[[int], Batch], count: int) -> None:
        self._make = make
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < self._count:
            raise IndexError(number)
        return self._make(number)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledBatch(Batch):
    """A batch for fine-tuning: G decisions, each on one sequence or on several that belong together."""

    owners_B: Tensor
    """For each sequence the number of its decision, from 0 to G - 1, in order."""
    labels_G: Tensor
    """Class ids, places of the right choice, or numbers to predict; `IGNORE` for an unknown class."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaggedBatch(Batch):
    """A batch for fine-tuning in which tokens have labels."""

    labels_BL: Tensor
    """Ids of tags; `IGNORE` where a token has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanBatch(Batch):
    """A batch for fine-tuning in which a stretch of tokens is to be found."""

    allowed_BL: Tensor
    """True where an answer may begin and end, and at the token that stands for "no answer here"."""
    spans_B2: Tensor
    """First and last token of the answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskedBatch(Batch):
    """A batch for BERT's pre-training."""

    originals_BL: Tensor
    """At a masked position the token that was there; elsewhere `IGNORE`."""
    is_random_B: Tensor
    """0 where the second segment follows the first, 1 where it is from elsewhere, or (sentence order) goes
    before the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HybridBatch(Batch):
    """A batch in which some rows are read left to right, the others from both sides with masked tokens."""

    originals_BL: Tensor
    """The token to predict at each position, which for a row read left to right is the one that stands there;
    elsewhere `IGNORE`."""
    sees_all_B: Tensor
    """True for a row that is read from both sides."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model makes of a batch, in the form that every task head takes it."""

    hidden_BLD: Tensor
    """One state for each token."""
    summary_BD: Tensor
    """One state for the whole sequence: GPT's at the last token, BERT's pooled [CLS]."""
