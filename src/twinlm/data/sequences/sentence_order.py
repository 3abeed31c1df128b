"""ALBERT's sentence order: A and B stand as in the text, or are swapped (Lan et al. 2020, 3.1).

A and B are what `data/sequences/sentence_pairs.py` cuts a chunk into when B is not random. Both orders are
about the same things, so that a topic gives nothing away.
"""

import numpy as np

from twinlm.data.sequences.chunks import Chunks, sentence_tokens, shorten
from twinlm.data.sequences.masked_examples import Row
from twinlm.data.tokens.store import TokenStore


class OrderedSentences:
    """An endless order of pairs in the text's order, or swapped: half and half.

    Args:
        store: the corpus.
        length: L, the longest packed pair in tokens.
        seed: decides order and pairs.
        short_share: share of pairs with a random shorter length.

    Raises:
        DataError: most of the text lies in documents of one sentence.
    """

    stream = "ordered pairs"

    def __init__(self, store: TokenStore, *, length: int, seed: int, short_share: float) -> None:
        self.store = store
        self.seed = seed
        self.chunks = Chunks(store, room=length - 3, short_share=short_share)

    def places(self, first: int, count: int) -> list[tuple[int, int]]:
        """Return the pass and the chunk of pairs `first` .. `first + count` of the order."""
        return self.chunks.places(first, count, self.seed)

    def row(self, turn: int, place: int, chance: np.random.Generator) -> Row:
        """Return a chunk's two halves, or the second one first, which is labelled 1."""
        draws_6 = chance.random(6)
        split = self.chunks.split(place, draws_6[:4])
        first = sentence_tokens(self.store, split.begin, split.middle)
        second = sentence_tokens(self.store, split.middle, split.end)
        both = shorten(first, second, split.room, draws_6[4])
        is_swapped = bool(draws_6[5] < 0.5)
        return Row(*(both[::-1] if is_swapped else both), int(is_swapped))
