"""How one labelled text becomes a model's input, and many of them a padded batch.

    decoder (Radford et al. 2018, 3.3)    <start> text <extract>
    encoder (Devlin et al. 2018, 3.2)     [CLS] text [SEP]

A text that is too long loses its end, never the token that its class is read from.
"""

from collections.abc import Sequence

import numpy as np
import torch

from twinlm.batch import Batch, LabelledBatch
from twinlm.tokenizer import SpecialIds


def pack_for_decoder(tokens: Sequence[int], specials: SpecialIds, length: int) -> list[int]:
    """Return <start> text <extract>, at most `length` tokens."""
    return [specials.start, *tokens[: length - 2], specials.extract]


def pack_for_encoder(tokens: Sequence[int], specials: SpecialIds, length: int) -> list[int]:
    """Return [CLS] text [SEP], at most `length` tokens."""
    return [specials.cls, *tokens[: length - 2], specials.sep]


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> Batch:
    """Return sequences of one segment as a batch, padded on the right to the longest."""
    lengths_B = np.array([len(row) for row in rows])
    tokens_BL = np.full((len(rows), lengths_B.max()), pad_id, np.int64)
    for number, row in enumerate(rows):
        tokens_BL[number, : len(row)] = row
    real_BL = np.arange(tokens_BL.shape[1]) < lengths_B[:, None]
    return Batch(
        tokens_BL=torch.from_numpy(tokens_BL),
        segments_BL=torch.zeros(tokens_BL.shape, dtype=torch.int64),
        real_BL=torch.from_numpy(real_BL),
    )


def label(batch: Batch, labels: Sequence[int]) -> LabelledBatch:
    """Return the batch with its class ids."""
    return LabelledBatch(
        tokens_BL=batch.tokens_BL,
        segments_BL=batch.segments_BL,
        real_BL=batch.real_BL,
        labels_B=torch.tensor(labels, dtype=torch.int64),
    )
