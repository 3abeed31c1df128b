"""Sentence pairs exactly as BERT's released code makes them, quirks included (google-research/bert,
create_pretraining_data.py).

Each pass walks through every document once. Sentences are gathered up to a target length, shorter in one
document of ten, and cut in two. B is random in half of the cases AND whenever the chunk has one sentence, so
more than half of the pairs are random: 55 % in documents of 50 sentences, 64 % with 3, 67 % with 2, all with
1. A random B fills the full target length, and the sentences that it replaced are used again.
"""

from collections.abc import Iterator
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from twinlm import rng
from twinlm.data.sequences import order
from twinlm.data.sequences.chunks import sentence_tokens, shorten
from twinlm.data.sequences.masked_examples import Row
from twinlm.data.tokens.store import TokenStore

_TRIES = 10
_PASSES_KEPT = 2


class GooglePairs:
    """An endless order of such pairs over a store.

    A pass is laid out in memory, 40 bytes a pair, because each document's pairs depend on the draws for those
    before it; so passes differ a little in size. The last two are kept. A corpus of 10^8 pairs takes 8 GB,
    where `data/sequences/sentence_pairs.py` takes 32 MB. A share `short_share` of the documents has a shorter
    target length (0.1 in the released code); `variants` passes differ, all if it is 0.
    """

    stream = "released pairs"

    def __init__(
        self, store: TokenStore, *, length: int, seed: int, short_share: float, variants: int
    ) -> None:
        self.store = store
        self.room = length - 3
        self.seed = seed
        self.short_share = short_share
        self.variants = variants
        self._sizes: list[int] = []
        self._newest: dict[int, NDArray[np.int64]] = {}

    def indices(self, first: int, count: int) -> list[tuple[int, int]]:
        """Return pass and index of pairs `first` .. `first + count` of the order."""
        indices: list[tuple[int, int]] = []
        turn = begin = 0
        while len(indices) < count:
            size = self._size(turn)
            low, high = max(first - begin, 0), min(first + count - begin, size)
            if low < high:
                permuted_N = order.permute(np.arange(low, high), size, self.seed, self.stream, turn)
                indices += [(turn, index) for index in permuted_N.tolist()]
            turn, begin = turn + 1, begin + size
        return indices

    def row(self, turn: int, index: int, chance: np.random.Generator) -> Row:
        """Return a pair; `chance` decides how much of a cut is at the front."""
        *bounds, is_random = self.layout(turn)[index].tolist()
        first, second = sentence_tokens(self.store, *bounds[:2]), sentence_tokens(self.store, *bounds[2:])
        return Row(*shorten(first, second, self.room, lambda cut: int(chance.binomial(cut, 0.5))), is_random)

    def layout(self, turn: int) -> NDArray[np.int64]:
        """Return all pairs of a pass in the order of the text: begin and end of A and of B, and is_random."""
        variant = self._variant(turn)
        if variant not in self._newest:
            chance = rng.stream(self.seed, self.stream, "layout", variant)
            documents = enumerate(pairwise(map(int, self.store.documents_E)))
            rows = (row for number, bounds in documents for row in self._walk(number, *bounds, chance))
            layout_P5 = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 5)
            kept = dict(list(self._newest.items())[1 - _PASSES_KEPT :])
            self._newest = {**kept, variant: layout_P5}
        return self._newest[variant]

    def _variant(self, turn: int) -> int:
        return turn % self.variants if self.variants else turn

    def _size(self, turn: int) -> int:
        """Return the number of pairs of a pass, which has to be laid out for this."""
        variant = self._variant(turn)
        while len(self._sizes) <= variant:
            self._sizes.append(len(self.layout(len(self._sizes))))
        return self._sizes[variant]

    def _walk(
        self, document: int, begin: int, after: int, chance: np.random.Generator
    ) -> Iterator[tuple[int, ...]]:
        """Yield the pairs of a document with sentences `begin` .. `after`, as rows of a layout."""
        ends_S2 = self.store.sentences_S2
        target = self.room
        if chance.random() < self.short_share:
            target = int(chance.integers(2, self.room, endpoint=True))
        while begin < after:
            end = begin + 1
            while end < after and ends_S2[end - 1, 1] - ends_S2[begin, 0] < target:
                end += 1
            middle = begin + int(chance.integers(1, max(1, end - begin - 1), endpoint=True))
            if end - begin == 1 or chance.random() < 0.5:
                first = int(ends_S2[middle - 1, 1] - ends_S2[begin, 0])
                yield begin, middle, *self._elsewhere(document, target - first, chance), 1
                begin = middle
            else:
                yield begin, middle, middle, end, 0
                begin = end

    def _elsewhere(self, document: int, room: int, chance: np.random.Generator) -> tuple[int, int]:
        """Return begin and end of sentences of a random document that fill `room` tokens, or one sentence."""
        other = document
        # After ten tries the released code accepts the same document.
        for _ in range(_TRIES):
            other = int(chance.integers(self.store.document_count))
            if other != document:
                break
        low, high = self.store.documents_E[other : other + 2].tolist()
        begin = int(chance.integers(low, high))
        sentences_S2 = self.store.sentences_S2[begin:high]
        after = int(np.searchsorted(sentences_S2[:, 1], sentences_S2[0, 0] + max(1, room)))
        return begin, min(high, begin + after + 1)
