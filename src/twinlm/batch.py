"""Batches, which the data pipeline makes for models and objectives, and what a model returns for one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

IGNORE = -100
"""Target of a position that is not predicted (PyTorch's own default)."""
Counts = Mapping[str, int]
"""Numbers of rows and of targets by name: what the parts of a loss are divided by."""


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

    def counts(self) -> Counts:
        """Return the number of rows, and of the tokens that have one before them."""
        return {"rows": len(self.tokens_BL), "next_tokens": int(self.real_BL[:, 1:].sum())}

    def rows(self, begin: int, end: int) -> Self:
        """Return some rows of a batch without decisions of several rows, padded to their own longest."""
        length = int(self.real_BL[begin:end].sum(1).max())
        cut = {f.name: getattr(self, f.name)[begin:end] for f in fields(self)}
        return replace(
            self, **{n: value[:, :length] if n.endswith("_BL") else value for n, value in cut.items()}
        )


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sums of counts with the same names."""
    first, *others = counts
    return {name: sum((other[name] for other in others), first[name]) for name in first}


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

    def counts(self) -> Counts:
        """Return these, and the number of decisions with a label."""
        is_number = self.labels_G.is_floating_point()  # every number is a label, also that of `IGNORE`
        decisions = len(self.labels_G) if is_number else int((self.labels_G != IGNORE).sum())
        return {**Batch.counts(self), "decisions": decisions}


@dataclass(frozen=True, kw_only=True, slots=True)
class TaggedBatch(Batch):
    """A batch for fine-tuning with a label for each token."""

    labels_BL: Tensor
    """Tag ids; `IGNORE` where a token has none."""

    def counts(self) -> Counts:
        """Return these, and the number of labelled tokens."""
        return {**Batch.counts(self), "decisions": int((self.labels_BL != IGNORE).sum())}


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanBatch(Batch):
    """A batch for fine-tuning with an answer span in each sequence."""

    allowed_BL: Tensor
    """True where an answer may begin and end, and at the token that means "no answer here"."""
    spans_B2: Tensor
    """Positions of the answer's first and last token."""

    def counts(self) -> Counts:
        """Return these, and the number of spans to find, one a row."""
        return {**Batch.counts(self), "decisions": len(self.tokens_BL)}


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskedBatch(Batch):
    """A batch for BERT's pre-training."""

    originals_BL: Tensor
    """Original tokens at masked positions; elsewhere `IGNORE`."""
    is_random_B: Tensor
    """0 where the second segment follows the first; 1 where it is from elsewhere or, for sentence order,
    comes before the first."""

    def counts(self) -> Counts:
        """Return these, and the number of masked tokens."""
        return {**Batch.counts(self), "masked": int((self.originals_BL != IGNORE).sum())}


@dataclass(frozen=True, kw_only=True, slots=True)
class HybridBatch(Batch):
    """A batch in which some rows are causal, and the others are read from both sides with masked tokens."""

    originals_BL: Tensor
    """Tokens to predict: all tokens of causal rows, masked ones of the others; elsewhere `IGNORE`."""
    sees_all_B: Tensor
    """True for rows that are read from both sides."""

    def counts(self) -> Counts:
        """Return these, the number of masked rows, and of the targets in causal and in masked rows."""
        is_target_BT = self.originals_BL[:, 1:] != IGNORE
        return {
            **Batch.counts(self),
            "masked_rows": int(self.sees_all_B.sum()),
            "causal": int(is_target_BT[~self.sees_all_B].sum()),
            "masked": int(is_target_BT[self.sees_all_B].sum()),
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """Output of a model for a batch, the input of every task head."""

    hidden_BLD: Tensor
    """State of each token."""
    summary_BD: Tensor
    """State of the whole sequence: GPT's at the last token, BERT's pooled [CLS], or the mean of all."""


def mean_state(hidden_BLD: Tensor, real_BL: Tensor) -> Tensor:
    """Return the mean of the states at the real tokens of each row, (B, D)."""
    real_BL1 = real_BL[..., None].to(hidden_BLD.dtype)
    return (hidden_BLD * real_BL1).sum(1) / real_BL1.sum(1)
