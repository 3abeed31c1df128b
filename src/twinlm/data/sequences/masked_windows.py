"""BERT's pre-training rows without pairs: [CLS] window [SEP], masked, or read left to right as they are.

The windows are GPT's, two tokens shorter: contiguous text of full length that ignores document boundaries
(Liu et al. 2019, RoBERTa, "full-sentences").
"""

from dataclasses import dataclass

import numpy as np
import torch

from twinlm.batch import Batch
from twinlm.data.sequences.masked_examples import Row, pack
from twinlm.data.sequences.windows import Windows, plain_batch
from twinlm.data.tokens.store import TokenStore
from twinlm.tokenizer import SpecialIds


class WindowRows:
    """An endless order of windows as rows of one segment."""

    stream = "masks"

    def __init__(self, store: TokenStore, *, length: int, seed: int) -> None:
        self.windows = Windows(store, length=length - 2, seed=seed)
        self.seed = seed

    def indices(self, first: int, count: int) -> list[tuple[int, int]]:
        """Return pass and index of windows `first` .. `first + count` of the order."""
        return self.windows.indices(first, count)

    def row(self, turn: int, index: int, chance: np.random.Generator) -> Row:
        """Return a window; nothing is drawn from `chance`."""
        return Row(self.windows.window(turn, index), None, 0)


@dataclass(frozen=True, slots=True)
class PlainRows:
    """The same rows without masks: each token is predicted from those before it."""

    source: WindowRows
    """Source of the rows."""
    specials: SpecialIds
    """Ids of [CLS] and [SEP]."""

    def batch(self, first: int, count: int) -> Batch:
        """Return rows `first` .. `first + count` of the order as a batch."""
        windows = self.source.windows.tokens(first, count)
        tokens_BL, _, _ = pack([Row(window, None, 0) for window in windows], self.specials)
        return plain_batch(torch.from_numpy(tokens_BL))
