"""How texts become one input of a model, and many inputs a padded batch.

    decoder (Radford et al. 2018, 3.3)   <start> A <extract>      <start> A <delimiter> B <extract>
    encoder (Devlin et al. 2018, 3.2)    [CLS] A [SEP]            [CLS] A [SEP] B [SEP]
                               segment     0   0   0                0   0   0   1   1

What is too long loses its end, the longest text first, never a special token. (GPT-1's code cuts each of
two texts to half of the room, BERT's takes tokens off the longer one, as here for both.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from twinlm.batch import Batch
from twinlm.tokenizer import SpecialIds


@dataclass(frozen=True, slots=True)
class Packed:
    """One input of a model."""

    tokens: list[int]
    """With special tokens."""
    segments: list[int]
    """For each token 0, or 1 in the encoder's second segment."""
    starts: tuple[int, ...]
    """Where each text begins."""
    summary: int
    """Where the token stands whose state is for the whole input."""


Pack = Callable[[Sequence[Sequence[int]], SpecialIds], Packed]
"""Puts special tokens around one or more texts."""


def pack_for_decoder(texts: Sequence[Sequence[int]], specials: SpecialIds) -> Packed:
    """Return <start> A <extract>, or <start> A <delimiter> B <extract>."""
    tokens = [specials.start]
    starts = []
    for text in texts:
        starts.append(len(tokens))
        tokens += [*text, specials.delimiter]
    tokens[-1] = specials.extract
    return Packed(tokens, [0] * len(tokens), tuple(starts), len(tokens) - 1)


def pack_for_encoder(texts: Sequence[Sequence[int]], specials: SpecialIds) -> Packed:
    """Return [CLS] A [SEP], or [CLS] A [SEP] B [SEP]."""
    tokens, segments = [specials.cls], [0]
    starts = []
    for number, text in enumerate(texts):
        starts.append(len(tokens))
        tokens += [*text, specials.sep]
        segments += [min(number, 1)] * (len(text) + 1)
    return Packed(tokens, segments, tuple(starts), 0)


def room(length: int, texts: int) -> int:
    """Return how many tokens of so many texts fit into an input beside its special tokens."""
    return length - texts - 1


def fit(texts: Sequence[Sequence[int]], length: int) -> list[Sequence[int]]:
    """Return the texts cut at their ends, the longest first, to fit into an input of `length` tokens."""
    free = room(length, len(texts))
    kept = list(texts)
    by_size = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    for place, waiting in zip(by_size, range(len(texts), 0, -1), strict=True):
        kept[place] = texts[place][: free // waiting]
        free -= len(kept[place])
    return kept


def pad(rows: Sequence[Sequence[int]], pad_id: int, length: int = 0) -> Batch:
    """Return token sequences of one segment as a batch, padded on the right to the longest.

    Args:
        rows: the sequences.
        pad_id: what fills them up.
        length: pad to so many tokens at least, see `batching.few_lengths`.
    """
    lengths_B = np.array([len(row) for row in rows])
    tokens_BL = np.full((len(rows), max(length, lengths_B.max())), pad_id, np.int64)
    for number, row in enumerate(rows):
        tokens_BL[number, : len(row)] = row
    real_BL = np.arange(tokens_BL.shape[1]) < lengths_B[:, None]
    return Batch(
        tokens_BL=torch.from_numpy(tokens_BL),
        segments_BL=torch.zeros(tokens_BL.shape, dtype=torch.int64),
        real_BL=torch.from_numpy(real_BL),
    )


def pad_packed(rows: Sequence[Packed], pad_id: int, length: int = 0) -> Batch:
    """Return packed inputs as a batch, padded on the right to the longest, or to `length` if that is more."""
    segments = pad([row.segments for row in rows], 0, length)
    return replace(pad([row.tokens for row in rows], pad_id, length), segments_BL=segments.tokens_BL)
