"""BERT's sentence pairs: B follows A, or comes from another document (Devlin et al. 2018, 3.1, A.2).

Exactly half of the pairs are random, and a random B is as long as the true one would be. The released code
departs from both: B is also random whenever a chunk has one sentence, which makes most pairs of short
documents random, and a random B fills the full length, so that length alone gives it away.
`data/sequences/google_pairs.py` reproduces that. Read next: data/sequences/masked_examples.py.
"""

import numpy as np
from numpy.typing import NDArray

from twinlm.data.sequences.chunks import ADVICE, Chunks, sentence_tokens, shorten
from twinlm.data.sequences.masked_examples import Row
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import DataError


class SentencePairs:
    """An endless order of pairs of at most `length` tokens, exactly half of them random in the long run.

    A share `short_share` has a random shorter length. A `DataError` if the corpus is one document, or most of
    it is in documents of one sentence.
    """

    stream = "pairs"

    def __init__(self, store: TokenStore, *, length: int, seed: int, short_share: float) -> None:
        self.store = store
        self.seed = seed
        if store.document_count < 2:
            message = "the text is one document, so no sentence can come from another document"
            raise DataError(message, file=store.folder, hint=ADVICE)
        self.chunks = Chunks(store, room=length - 3, short_share=short_share)  # [CLS], [SEP], [SEP]

    def indices(self, first: int, count: int) -> list[tuple[int, int]]:
        """Return pass and chunk of pairs `first` .. `first + count` of the order."""
        return self.chunks.indices(first, count, self.seed)

    def row(self, turn: int, index: int, chance: np.random.Generator) -> Row:
        """Return a pair from one chunk."""
        return self.pair(index, chance.random(8))

    def pair(self, chunk: int, draws_8: NDArray[np.float64]) -> Row:
        """Return a pair from one chunk.

        The draws are uniform: short or not, how short, start, split, random or not, document, sentence, cut.
        """
        split = self.chunks.split(chunk, draws_8[:4])
        first = sentence_tokens(self.store, split.begin, split.middle)
        second = sentence_tokens(self.store, split.middle, split.end)
        is_random = bool(draws_8[4] < 0.5)
        if is_random:
            room = max(1, min(split.room - len(first), len(second)))
            second = self._elsewhere(split.document, room, draws_8[5:7])
        return Row(
            *shorten(first, second, split.room, lambda cut: int(draws_8[7] * (cut + 1))), int(is_random)
        )

    def _elsewhere(self, document: int, room: int, draws_2: NDArray[np.float64]) -> NDArray[np.int64]:
        other = int(draws_2[0] * (self.store.document_count - 1))
        other += other >= document
        low, high = self.store.documents_E[other : other + 2].tolist()
        start = low + int(draws_2[1] * (high - low))
        return sentence_tokens(self.store, start, self.chunks.fill(start, high, room))
