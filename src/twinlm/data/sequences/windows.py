"""GPT's pre-training examples: contiguous windows of the corpus, one document after another.

Radford et al. 2018, 4.1: "randomly sampled, contiguous sequences of 512 tokens". A window has no padding and
may cross document boundaries, which <start> marks. With [CLS] and [SEP] around them, windows also serve a
BERT without sentence pairs.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from twinlm import rng
from twinlm.batch import Batch
from twinlm.data.sequences import order
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import DataError


class Windows:
    """An endless order of windows of `length` tokens; every pass cuts the corpus at another offset."""

    def __init__(self, store: TokenStore, *, length: int, seed: int) -> None:
        self.store = store
        self.length = length
        self.seed = seed
        # One window less than fits, so that every offset leaves as many.
        self.per_pass = (store.token_count - length) // length
        if self.per_pass < 1:
            message = f"the text has {store.token_count:,} tokens, but training needs at least {2 * length:,}"
            raise DataError(message, file=store.folder, hint="give more text, or lower pretrain.length")

    def tokens(self, first: int, count: int) -> NDArray[np.int64]:
        """Return windows `first` .. `first + count` of the order as tokens, (B, L)."""
        return np.stack([self.window(turn, index) for turn, index in self.indices(first, count)])

    def indices(self, first: int, count: int) -> list[tuple[int, int]]:
        """Return pass and index of windows `first` .. `first + count` of the order."""
        return order.passes_and_indices(first, count, self.per_pass, self.seed, "windows")

    def window(self, turn: int, index: int) -> NDArray[np.int64]:
        """Return the tokens of one window of a pass, (L,)."""
        offset = int(rng.stream(self.seed, "window offset", turn).integers(self.length))
        begin = index * self.length + offset
        return self.store.tokens_T[begin : begin + self.length].astype(np.int64)

    def batch(self, first: int, count: int) -> Batch:
        """Return windows `first` .. `first + count` of the order as a batch."""
        return plain_batch(torch.from_numpy(self.tokens(first, count)))


def plain_batch(tokens_BL: torch.Tensor) -> Batch:
    """Return a batch without padding and with one segment."""
    is_real_BL = torch.ones_like(tokens_BL, dtype=torch.bool)
    return Batch(tokens_BL=tokens_BL, segments_BL=torch.zeros_like(tokens_BL), real_BL=is_real_BL)
