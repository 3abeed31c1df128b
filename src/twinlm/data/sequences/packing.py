"""How texts become one input of a model, and many inputs a padded batch.

decoder (Radford et al. 2018, 3.3)   <start> A <extract>      <start> A <delimiter> B <extract>
encoder (Devlin et al. 2018, 3.2)    [CLS] A [SEP]            [CLS] A [SEP] B [SEP]
                           segment     0   0   0                0   0   0   1   1
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from twinlm.batch import Batch
from twinlm.tokenizer import SpecialIds

TOKENS_AT_ONCE = 8192  # padding included; at width 768 the widest states of so many tokens take 100 MB
# A CPU compiles and keeps matrix kernels for each shape: fine-tuning MiniLM on MRPC took 2.3 GB with exact
# lengths, 1.85 GB with this step, and no more time (2026-11, 2 cores).
LENGTHS_APART = 8


class Packed(NamedTuple):
    """One input of a model."""

    tokens: list[int]
    segments: list[int]  # 1 in the encoder's second segment, else 0
    starts: tuple[int, ...]  # of each text's first token
    summary: int  # index of the token whose state represents the whole input


Pack = Callable[[Sequence[Sequence[int]], SpecialIds], Packed]
"""Function that puts special tokens around one or more texts."""


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
    """Return how many tokens remain for `texts` texts in an input of `length` tokens."""
    return length - texts - 1


def fit(texts: Sequence[Sequence[int]], length: int) -> list[Sequence[int]]:
    """Return the texts, cut at their ends, the longest first, to fit into an input of `length` tokens."""
    # BERT's rule for both models: the longer text is shortened. (GPT-1's code cuts each to half the room.)
    free = room(length, len(texts))
    kept = list(texts)
    by_size = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    for number, waiting in zip(by_size, range(len(texts), 0, -1), strict=True):
        kept[number] = texts[number][: free // waiting]
        free -= len(kept[number])
    return kept


def by_length(lengths: Sequence[int], tokens_at_once: int = TOKENS_AT_ONCE) -> list[list[int]]:
    """Return the numbers of sequences in groups to read together, the shortest first, equal ones in order.

    A group, padded to its longest sequence, has at most `tokens_at_once` tokens, or is a single sequence.
    """
    groups: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda number: lengths[number]):
        if groups and (len(groups[-1]) + 1) * lengths[number] <= tokens_at_once:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def few_lengths(longest: int, most: int) -> int:
    """Return the padded length of a batch: `longest` rounded up to `LENGTHS_APART`, but at most `most`."""
    return min(most, longest + -longest % LENGTHS_APART)


def pad(rows: Sequence[Sequence[int]], pad_id: int, length: int = 0) -> Batch:
    """Return token sequences of one segment as a batch, padded right to the longest, or to `length`."""
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
    """Return packed inputs as a batch, padded right to the longest, or to `length` if that is more."""
    segments = pad([row.segments for row in rows], 0, length)
    return replace(pad([row.tokens for row in rows], pad_id, length), segments_BL=segments.tokens_BL)
