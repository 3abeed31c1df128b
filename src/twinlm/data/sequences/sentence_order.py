"""ALBERT's sentence order: A and B are in the order of the text, or swapped (Lan et al. 2020, 3.1).

A and B are the two parts of a chunk, as for pairs that are not random. Both orders have the same topic, so
the topic gives nothing away.
"""

import numpy as np

from twinlm.data.sequences.chunks import Chunks, sentence_tokens, shorten
from twinlm.data.sequences.masked_examples import Row
from twinlm.data.tokens.store import TokenStore


class OrderedSentences:
    """An endless order of pairs, half of them swapped; arguments as for `SentencePairs`."""

    stream = "ordered pairs"

    def __init__(self, store: TokenStore, *, length: int, seed: int, short_share: float) -> None:
        self.store = store
        self.seed = seed
        self.chunks = Chunks(store, room=length - 3, short_share=short_share)

    def indices(self, first: int, count: int) -> list[tuple[int, int]]:
        """Return pass and chunk of pairs `first` .. `first + count` of the order."""
        return self.chunks.indices(first, count, self.seed)

    def row(self, turn: int, index: int, chance: np.random.Generator) -> Row:
        """Return a chunk's two parts, or the second one first, which is labelled 1."""
        draws_6 = chance.random(6)
        split = self.chunks.split(index, draws_6[:4])
        first = sentence_tokens(self.store, split.begin, split.middle)
        second = sentence_tokens(self.store, split.middle, split.end)
        both = shorten(first, second, split.room, lambda cut: int(draws_6[4] * (cut + 1)))
        is_swapped = bool(draws_6[5] < 0.5)
        return Row(*(both[::-1] if is_swapped else both), int(is_swapped))
