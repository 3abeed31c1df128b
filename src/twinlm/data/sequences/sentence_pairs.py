"""BERT's sentence pairs: B is what follows A, or from another document (Devlin et al. 2018, 3.1, A.2).

Half of the time B is drawn from another document. (The released code also takes a random B whenever a chunk
has but one sentence, which on short documents makes most pairs random; here it is always half. And it fills
a random B up to the full length, so that length alone tells random pairs from true ones; here it is as long
as the true B would be. `data/sequences/google_pairs.py` does as the released code does.) Next:
`data/sequences/masked_examples.py`.
"""

import numpy as np
from numpy.typing import NDArray

from twinlm.data.sequences.chunks import ADVICE, Chunks, sentence_tokens, shorten
from twinlm.data.sequences.masked_examples import Row
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import DataError


class SentencePairs:
    """An endless order of pairs over a store, of which exactly half are random in the long run.

    Args:
        store: the corpus.
        length: L, the longest packed pair in tokens.
        seed: decides order and pairs.
        short_share: share of pairs with a random shorter length.

    Raises:
        DataError: next sentence prediction would be degenerate on this corpus.
    """

    stream = "pairs"

    def __init__(self, store: TokenStore, *, length: int, seed: int, short_share: float) -> None:
        self.store = store
        self.seed = seed
        if store.document_count < 2:
            message = "the text is one document, so that no sentence can come from another document"
            raise DataError(message, file=store.folder, hint=ADVICE)
        self.chunks = Chunks(store, room=length - 3, short_share=short_share)  # [CLS], [SEP], [SEP]

    def places(self, first: int, count: int) -> list[tuple[int, int]]:
        """Return the pass and the chunk of pairs `first` .. `first + count` of the order."""
        return self.chunks.places(first, count, self.seed)

    def row(self, turn: int, place: int, chance: np.random.Generator) -> Row:
        """Return a pair from one chunk."""
        return self.pair(place, chance.random(8))

    def pair(self, chunk: int, draws_8: NDArray[np.float64]) -> Row:
        """Return a pair from one chunk.

        Args:
            chunk: its number.
            draws_8: uniform draws: short or not, how short, start, split, random or not, document,
                sentence, cut.
        """
        split = self.chunks.split(chunk, draws_8[:4])
        first = sentence_tokens(self.store, split.begin, split.middle)
        second = sentence_tokens(self.store, split.middle, split.end)
        is_random = bool(draws_8[4] < 0.5)
        if is_random:
            room = max(1, min(split.room - len(first), len(second)))
            second = self._elsewhere(split.document, room, draws_8[5:7])
        return Row(*shorten(first, second, split.room, draws_8[7]), int(is_random))

    def _elsewhere(self, document: int, room: int, draws_2: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return sentences of another document that fill some room."""
        other = int(draws_2[0] * (self.store.document_count - 1))
        other += other >= document
        low, high = self.store.documents_E[other : other + 2].tolist()
        start = low + int(draws_2[1] * (high - low))
        return sentence_tokens(self.store, start, self.chunks.fill(start, high, room))
