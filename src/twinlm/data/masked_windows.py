"""BERT's pre-training examples without next sentence prediction: [CLS] window [SEP], masked.

The windows are GPT's, two tokens shorter: full lengths of contiguous text, whatever the documents
(as in Liu et al. 2019, RoBERTa, "full-sentences").
"""

import numpy as np

from twinlm import rng
from twinlm.batch import MaskedBatch
from twinlm.data.sentence_pairs import masked_batch
from twinlm.data.token_store import TokenStore
from twinlm.data.windows import Windows
from twinlm.tokenizer import SpecialIds


class MaskedWindows:
    """An endless order of masked windows over a store; the arguments are those of `SentencePairs`."""

    def __init__(
        self,
        store: TokenStore,
        *,
        length: int,
        seed: int,
        mask_share: float,
        specials: SpecialIds,
        vocab_size: int,
    ) -> None:
        self.windows = Windows(store, length=length - 2, seed=seed)
        self.mask_share = mask_share
        self.specials = specials
        self.vocab_size = vocab_size

    def batch(self, first: int, count: int) -> MaskedBatch:
        """Return windows `first` .. `first + count` of the order, masked, as a batch."""
        window_BL = self.windows.tokens(first, count)
        edge_B1 = np.ones((count, 1), np.int64)
        tokens_BL = np.concatenate(
            [self.specials.cls * edge_B1, window_BL, self.specials.sep * edge_B1], axis=1
        )
        return masked_batch(
            tokens_BL,
            np.zeros_like(tokens_BL),
            np.ones_like(tokens_BL, np.bool_),
            np.zeros(count, np.int64),
            share=self.mask_share,
            specials=self.specials,
            vocab_size=self.vocab_size,
            generator=rng.stream(self.windows.seed, "masks", first, count),
        )
