"""Windows for GPT-BERT: a share is masked and read in both directions, the others are read left to right.

Charpentier & Samuel 2024 give each objective its own batches. Here both kinds of rows share a batch and are
spread evenly over the order: any stretch of it has that share, to within one row.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from twinlm import rng
from twinlm.batch import IGNORE, HybridBatch
from twinlm.data.sequences.masking import Masking
from twinlm.data.sequences.windows import Windows, plain_batch


@dataclass(frozen=True, slots=True)
class HybridWindows:
    """An endless order of windows, some of them masked."""

    windows: Windows
    """Windows in the order that GPT alone reads them in."""
    masking: Masking
    """Masking of the rows that are read in both directions."""
    share: float
    """Share of the windows that are masked, from 0 to 1."""

    def batch(self, first: int, count: int) -> HybridBatch:
        """Return windows `first` .. `first + count` of the order as a batch."""
        tokens_BL = self.windows.tokens(first, count)
        # A row is masked each time the running total of `share` passes a whole number.
        totals = [math.floor(number * self.share) for number in range(first, first + count + 1)]
        sees_all_B = np.diff(totals) > 0
        real_BL = np.ones_like(tokens_BL, np.bool_)
        real_BL[:, 0] = False  # the first token has no left context to be predicted from
        chance = rng.stream(self.windows.seed, "hybrid masks", first, count)
        shown_BL, originals_BL = self.masking(tokens_BL, real_BL, chance)
        shown_BL = np.where(sees_all_B[:, None], shown_BL, tokens_BL)
        originals_BL = np.where(sees_all_B[:, None], originals_BL, tokens_BL)
        originals_BL[:, 0] = IGNORE
        plain = plain_batch(torch.from_numpy(shown_BL))
        return HybridBatch(
            tokens_BL=plain.tokens_BL,
            segments_BL=plain.segments_BL,
            real_BL=plain.real_BL,
            originals_BL=torch.from_numpy(originals_BL),
            sees_all_B=torch.from_numpy(sees_all_B),
        )
