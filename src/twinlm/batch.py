"""Batches, which the data pipeline makes for models and objectives, and what a model returns for one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

IGNORE = -100
"""Target of a position that is not predicted (PyTorch's own default)."""


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


class LazyBatches(Sequence[Batch]):
    """A sequence of `count` batches, each made by `make` when it is indexed: a process makes only its own."""

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
    """Number of each sequence's decision, from 0 to G - 1, in order."""
    labels_G: Tensor
    """Class ids, indices of the right choices, or numbers to predict; `IGNORE` for an unknown class."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaggedBatch(Batch):
    """A batch for fine-tuning with a label for each token."""

    labels_BL: Tensor
    """Tag ids; `IGNORE` where a token has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanBatch(Batch):
    """A batch for fine-tuning with an answer span in each sequence."""

    allowed_BL: Tensor
    """True where an answer may begin and end, and at the token that means "no answer here"."""
    spans_B2: Tensor
    """Positions of the answer's first and last token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskedBatch(Batch):
    """A batch for BERT's pre-training."""

    originals_BL: Tensor
    """Original tokens at masked positions; elsewhere `IGNORE`."""
    is_random_B: Tensor
    """0 where the second segment follows the first; 1 where it is from elsewhere or, for sentence order,
    comes before the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HybridBatch(Batch):
    """A batch in which some rows are causal, and the others are read from both sides with masked tokens."""

    originals_BL: Tensor
    """Tokens to predict: all tokens of causal rows, masked ones of the others; elsewhere `IGNORE`."""
    sees_all_B: Tensor
    """True for rows that are read from both sides."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Output of a model for a batch, the input of every task head."""

    hidden_BLD: Tensor
    """State of each token."""
    summary_BD: Tensor
    """State of the whole sequence: GPT's at the last token, BERT's pooled [CLS]."""
