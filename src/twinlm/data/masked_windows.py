"""BERT's pre-training rows without a sentence task: [CLS] window [SEP].

The windows are GPT's, two tokens shorter: full lengths of contiguous text, whatever the documents
(as in Liu et al. 2019, RoBERTa, "full-sentences").
"""

import numpy as np

from twinlm.data.masked_examples import Row
from twinlm.data.token_store import TokenStore
from twinlm.data.windows import Windows


class WindowRows:
    """An endless order of windows over a store, as rows of one segment; arguments as for `Windows`."""

    stream = "masks"

    def __init__(self, store: TokenStore, *, length: int, seed: int) -> None:
        self.windows = Windows(store, length=length - 2, seed=seed)
        self.seed = seed

    def places(self, first: int, count: int) -> list[tuple[int, int]]:
        """Return the pass and the place in it of windows `first` .. `first + count` of the order."""
        return self.windows.places(first, count)

    def row(self, turn: int, place: int, chance: np.random.Generator) -> Row:
        """Return a window; nothing is left to chance."""
        return Row(self.windows.window(turn, place), None, 0)
