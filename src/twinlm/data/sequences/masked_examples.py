"""BERT's batches: rows of pairs or windows, packed, padded and masked.

    [CLS] A [SEP] B [SEP] [PAD] ...        segments 0 0 0 1 1 0

`Dynamic` draws new masks each time a row comes. `Static` gives each row a fixed number of variants that
repeat: the released code writes each text 10 times, then trains for 40 passes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from twinlm import rng
from twinlm.batch import IGNORE, MaskedBatch
from twinlm.data.sequences.masking import Masking
from twinlm.tokenizer import SpecialIds


class Row(NamedTuple):
    """Tokens of A and B before packing, and the target of the sentence task: 1 if B does not follow A."""

    first: NDArray[np.int64]
    second: NDArray[np.int64] | None  # None if there is only A
    label: int


class Source(Protocol):
    """An endless order of rows."""

    stream: str
    """Name of the random stream."""
    seed: int
    """Seed of order and rows."""

    def indices(self, first: int, count: int) -> Sequence[tuple[int, int]]:
        """Return pass and index of rows `first` .. `first + count` of the order."""

    def row(self, turn: int, index: int, chance: np.random.Generator) -> Row:
        """Return one row of a pass; whatever is random is drawn from `chance`."""


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Rows and masks drawn anew in each pass."""

    source: Source
    """Source of the rows."""
    masking: Masking
    """Masking of the rows."""
    specials: SpecialIds
    """Ids of the special tokens to pack with."""

    def batch(self, first: int, count: int) -> MaskedBatch:
        """Return rows `first` .. `first + count` of the order, masked, as a batch."""
        chance = rng.stream(self.source.seed, self.source.stream, first, count)
        indices = self.source.indices(first, count)
        rows = [self.source.row(turn, index, chance) for turn, index in indices]
        tokens_BL, segments_BL, real_BL = pack(rows, self.specials)
        shown_BL, originals_BL = self.masking(tokens_BL, real_BL, chance)
        return _batch(
            rows, tokens_BL=shown_BL, segments_BL=segments_BL, real_BL=real_BL, originals_BL=originals_BL
        )


@dataclass(frozen=True, slots=True)
class Static:
    """Rows and masks that depend only on the index and on the pass modulo the number of variants."""

    source: Source
    """Source of the rows."""
    masking: Masking
    """Masking of the rows."""
    specials: SpecialIds
    """Ids of the special tokens to pack with."""
    variants: int
    """Number of passes that differ; then they repeat in another order."""

    def batch(self, first: int, count: int) -> MaskedBatch:
        """Return rows `first` .. `first + count` of the order, masked, as a batch."""
        rows, masked = [], []
        for turn, index in self.source.indices(first, count):
            variant = turn % self.variants
            chance = rng.stream(self.source.seed, self.source.stream, "variant", variant, index)
            rows.append(self.source.row(variant, index, chance))
            # Without padding, so that the draws don't depend on the other rows of the batch.
            tokens_1L, _, real_1L = pack(rows[-1:], self.specials)
            masked.append(self.masking(tokens_1L, real_1L, chance))
        tokens_BL, segments_BL, real_BL = pack(rows, self.specials)
        originals_BL = np.full_like(tokens_BL, IGNORE)
        for row, (shown_1L, originals_1L) in enumerate(masked):
            tokens_BL[row, : shown_1L.shape[1]] = shown_1L[0]
            originals_BL[row, : shown_1L.shape[1]] = originals_1L[0]
        return _batch(
            rows, tokens_BL=tokens_BL, segments_BL=segments_BL, real_BL=real_BL, originals_BL=originals_BL
        )


def pack(
    rows: Sequence[Row], ids: SpecialIds
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return tokens with special tokens and padding, segments, and what is not padding, all (B, L)."""
    packed = [_packed(row, ids) for row in rows]
    lengths_B = np.array([len(tokens) for tokens in packed])
    tokens_BL = np.full((len(rows), lengths_B.max()), ids.pad, np.int64)
    segments_BL = np.zeros_like(tokens_BL)
    for number, (row, tokens) in enumerate(zip(rows, packed, strict=True)):
        tokens_BL[number, : len(tokens)] = tokens
        segments_BL[number, len(row.first) + 2 : len(tokens)] = 1
    return tokens_BL, segments_BL, np.arange(tokens_BL.shape[1]) < lengths_B[:, None]


def _packed(row: Row, ids: SpecialIds) -> NDArray[np.int64]:
    sep_1 = np.array([ids.sep])
    seconds = [] if row.second is None else [row.second, sep_1]
    return np.concatenate([np.array([ids.cls]), row.first, sep_1, *seconds])


def _batch(rows: Sequence[Row], **arrays: NDArray[Any]) -> MaskedBatch:
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return MaskedBatch(**tensors, is_random_B=torch.tensor([row.label for row in rows]))
