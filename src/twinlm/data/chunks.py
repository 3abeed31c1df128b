"""Runs of sentences of one document that fill a sequence: what pairs of segments are cut from.

Every chunk has at least two sentences, so that it can be split into A and its true continuation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlm.data import order
from twinlm.data.token_store import TokenStore
from twinlm.errors import DataError

LEAST_USABLE_SHARE = 0.5
"""Least share of the corpus that must lie in documents of two sentences and more."""
ADVICE = (
    "put a blank line between documents and full sentences in them, or train without a sentence task: "
    'pretrain.sentence_task = "none"'
)


@dataclass(frozen=True, slots=True)
class Split:
    """Where a chunk is cut in two."""

    begin: int
    """First sentence of A."""
    middle: int
    """First sentence of B."""
    end: int
    """Behind the last sentence of B."""
    room: int
    """Tokens that A and B may have together."""


class Chunks:
    """A store's documents, cut once into chunks.

    Args:
        store: the corpus.
        room: tokens that a pair may have.
        short_share: share of pairs with a random shorter length, so that short inputs are seen too (Devlin et
            al. 2018, A.2, and the released code).

    Raises:
        DataError: most of the text lies in documents of one sentence.
    """

    def __init__(self, store: TokenStore, *, room: int, short_share: float) -> None:
        self.store = store
        self.room = room
        self.short_share = short_share
        _check_usable(store)
        self.chunks_C3 = _chunks(store, room)

    def places(self, first: int, count: int, seed: int) -> list[tuple[int, int]]:
        """Return the pass and the chunk of places `first` .. `first + count` of an endless order."""
        return order.places(first, count, len(self.chunks_C3), seed, "chunks")

    def split(self, chunk: int, draws_4: NDArray[np.float64]) -> Split:
        """Return where a chunk, or a part of it, is cut in two, between sentences.

        Args:
            chunk: its number.
            draws_4: uniform draws: short or not, how short, start, split.
        """
        _, begin, end = self.chunks_C3[chunk].tolist()
        room = self.room
        if draws_4[0] < self.short_share:
            room = 2 + int(draws_4[1] * (room - 1))
            begin += int(draws_4[2] * (end - begin - 1))
            end = max(begin + 2, self.fill(begin, end, room))
        return Split(begin, begin + 1 + int(draws_4[3] * (end - begin - 1)), end, room)

    def fill(self, begin: int, end: int, room: int) -> int:
        """Return where a run of sentences from `begin` ends that holds at least `room` tokens, or `end`."""
        sentences_S2 = self.store.sentences_S2
        after = int(np.searchsorted(sentences_S2[begin:end, 1], sentences_S2[begin, 0] + room))
        return min(end, begin + after + 1)


def sentence_tokens(store: TokenStore, begin: int, end: int) -> NDArray[np.int64]:
    """Return the tokens of sentences `begin` .. `end` of one document."""
    sentences_S2 = store.sentences_S2
    return store.tokens_T[sentences_S2[begin, 0] : sentences_S2[end - 1, 1]].astype(np.int64)


def shorten(
    first: NDArray[np.int64], second: NDArray[np.int64], room: int, draw: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Shorten two segments until they fit; a random part of a cut is at the front."""
    shortened = []
    for tokens, cut in zip((first, second), cuts(len(first), len(second), room), strict=True):
        front = int(draw * (cut + 1))
        shortened.append(tokens[front : len(tokens) - (cut - front)])
    return shortened[0], shortened[1]


def cuts(first: int, second: int, room: int) -> tuple[int, int]:
    """Return how many tokens two segments lose: the longer one first, then, equally long, both in turn."""
    excess = max(0, first + second - room)
    longer = min(excess, abs(first - second))
    both = [(excess - longer) // 2, excess - longer - (excess - longer) // 2]
    both[int(second > first)] += longer
    return both[0], both[1]


def _check_usable(store: TokenStore) -> None:
    sentences_E = np.diff(store.documents_E)
    ends_E = store.sentences_S2[store.documents_E[1:] - 1, 1]
    tokens_E = ends_E - store.sentences_S2[store.documents_E[:-1], 0]
    usable = float(tokens_E[sentences_E >= 2].sum() / tokens_E.sum())
    if usable < LEAST_USABLE_SHARE:
        message = (
            f"a sentence task would be degenerate: only {usable:.0%} of the text lies in documents of two "
            f"sentences or more"
        )
        raise DataError(message, file=store.folder, hint=ADVICE)


def _chunks(store: TokenStore, room: int) -> NDArray[np.int64]:
    """Cut documents into runs of at least two sentences that fill `room` tokens.

    Returns rows of document, begin, end. What is left at the end of a document with only one sentence takes
    the sentence before it along.
    """
    rows = []
    bounds_E, ends_S = store.documents_E.tolist(), store.sentences_S2[:, 1].tolist()
    begins_S = store.sentences_S2[:, 0].tolist()
    for document in range(store.document_count):
        begin, last = bounds_E[document], bounds_E[document + 1]
        start = begin
        while start < last and last - begin >= 2:
            start = min(start, last - 2)
            end = start + 2
            while end < last and ends_S[end - 1] - begins_S[start] < room:
                end += 1
            rows.append((document, start, end))
            start = end
    return np.array(rows, np.int64).reshape(-1, 3)
