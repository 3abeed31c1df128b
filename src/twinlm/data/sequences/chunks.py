"""Chunks: runs of sentences of one document that fill a sequence, from which sentence pairs are cut.

A document is cut from its start into runs of at least two sentences that fill `room` tokens, so that each run
can be split into A and its true continuation. A single sentence left at the end joins the sentence before it.
Documents of one sentence give no chunk.
"""

from array import array
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twinlm.data.sequences import order
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import DataError

LEAST_USABLE_SHARE = 0.5  # of the corpus's tokens, in documents of two or more sentences
ADVICE = (
    "put a blank line between documents and full sentences in them, or train without a sentence task: "
    'pretrain.sentence_task = "none"'
)
MOST_MARKS = 1 << 22  # most chunk beginnings kept in memory (32 MB); of a billion chunks, every 256th

_BLOCK_SENTENCES = 1 << 16
_SENTENCES_AFTER_A_MARK = 1 << 11
_DOCUMENTS_AT_ONCE = 1 << 16


class Split(NamedTuple):
    """A chunk of a document cut in two: A has the sentences `begin` .. `middle`, B has `middle` .. `end`."""

    document: int
    begin: int
    middle: int
    end: int
    room: int  # most tokens of A and B together


class Chunks:
    """The chunks of a store; a `DataError` if most of the text is in documents of one sentence.

    `room` is the most tokens of a pair. A share `short_share` of the pairs has a random shorter length, so
    that the model also sees short inputs (Devlin et al. 2018, A.2, and the released code).
    """

    def __init__(self, store: TokenStore, *, room: int, short_share: float) -> None:
        self.store = store
        self.room = room
        self.short_share = short_share
        _check_usable(store)
        # Only every `_stride`-th beginning is kept, so memory is bounded; the others are found from there.
        self._marks = array("q")
        self._stride = 1
        self.count = self._count()

    def indices(self, first: int, count: int, seed: int) -> list[tuple[int, int]]:
        """Return pass and chunk of items `first` .. `first + count` of an endless order."""
        return order.passes_and_indices(first, count, self.count, seed, "chunks")

    def bounds(self, chunk: int) -> tuple[int, int, int]:
        """Return a chunk's document, its first sentence, and the sentence after its last."""
        mark, steps = divmod(chunk, self._stride)
        begin = self._marks[mark]
        if steps:
            begin = next(islice(self._starts(begin, _SENTENCES_AFTER_A_MARK), steps, None))
        documents_E = self.store.documents_E
        document = int(np.searchsorted(documents_E, begin, side="right")) - 1
        return document, begin, max(begin + 2, self.fill(begin, int(documents_E[document + 1]), self.room))

    def split(self, chunk: int, draws_4: NDArray[np.float64]) -> Split:
        """Return where a chunk, or a part of it, is cut in two between sentences.

        The draws are uniform: short or not, how short, start, split.
        """
        document, begin, end = self.bounds(chunk)
        room = self.room
        if draws_4[0] < self.short_share:
            room = 2 + int(draws_4[1] * (room - 1))
            begin += int(draws_4[2] * (end - begin - 1))
            end = max(begin + 2, self.fill(begin, end, room))
        return Split(document, begin, begin + 1 + int(draws_4[3] * (end - begin - 1)), end, room)

    def fill(self, begin: int, end: int, room: int) -> int:
        """Return the end of the run of sentences from `begin` that first holds `room` tokens, or `end`."""
        sentences_S2 = self.store.sentences_S2
        after = int(np.searchsorted(sentences_S2[begin:end, 1], sentences_S2[begin, 0] + room))
        return min(end, begin + after + 1)

    def _count(self) -> int:
        count = 0
        for begin in self._starts(0, _BLOCK_SENTENCES):
            if count == MOST_MARKS * self._stride:
                self._marks = self._marks[::2]
                self._stride *= 2
            if count % self._stride == 0:
                self._marks.append(begin)
            count += 1
        return count

    def _starts(self, begin: int, at_once: int) -> Iterator[int]:
        """Yield the first sentence of each chunk from the one that begins at `begin`."""
        total = len(self.store.sentences_S2)
        while begin < total:
            block, block_end = begin, min(total, begin + at_once)
            following = self._following(block, block_end).tolist()
            while begin < block_end:
                after = following[begin - block]
                if after > 0:
                    yield begin
                begin = abs(after)

    def _following(self, begin: int, end: int) -> NDArray[np.int64]:
        """Return for each sentence of a block where the next chunk begins; negative if none begins here."""
        reach = end + self.room + 1  # a chunk has no more sentences than tokens
        sentences_S2 = self.store.sentences_S2[begin:reach]
        numbers_S = np.arange(begin, end)
        documents_E = self.store.documents_E
        first, after = np.searchsorted(documents_E, [begin, end - 1], side="right")
        bounds_E = documents_E[first - 1 : after + 1]
        owners_S = np.searchsorted(bounds_E, numbers_S, side="right")
        lasts_S = bounds_E[owners_S]
        filled_S = begin + 1 + np.searchsorted(sentences_S2[:, 1], sentences_S2[: end - begin, 0] + self.room)
        ends_S = np.minimum(np.maximum(filled_S, numbers_S + 2), lasts_S)
        is_single_S = lasts_S - bounds_E[owners_S - 1] == 1
        following_S = np.where(ends_S < lasts_S, np.minimum(ends_S, lasts_S - 2), ends_S)
        return np.where(is_single_S, -lasts_S, following_S)


def sentence_tokens(store: TokenStore, begin: int, end: int) -> NDArray[np.int64]:
    """Return the tokens of sentences `begin` .. `end` of one document."""
    sentences_S2 = store.sentences_S2
    return store.tokens_T[sentences_S2[begin, 0] : sentences_S2[end - 1, 1]].astype(np.int64)


def shorten(
    first: NDArray[np.int64], second: NDArray[np.int64], room: int, front_of: Callable[[int], int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut two segments to fit; `front_of` decides how much of a cut is at the front."""
    shortened = []
    for tokens, cut in zip((first, second), cuts(len(first), len(second), room), strict=True):
        front = front_of(cut)
        shortened.append(tokens[front : len(tokens) - (cut - front)])
    return shortened[0], shortened[1]


def cuts(first: int, second: int, room: int) -> tuple[int, int]:
    """Return how many tokens two segments lose: the longer one first; at equal length, both in turn."""
    excess = max(0, first + second - room)
    longer = min(excess, abs(first - second))
    both = [(excess - longer) // 2, excess - longer - (excess - longer) // 2]
    both[int(second > first)] += longer
    return both[0], both[1]


def _check_usable(store: TokenStore) -> None:
    usable = tokens = 0
    for first in range(0, store.document_count, _DOCUMENTS_AT_ONCE):
        bounds_E = store.documents_E[first : first + _DOCUMENTS_AT_ONCE + 1]
        tokens_E = store.sentences_S2[bounds_E[1:] - 1, 1] - store.sentences_S2[bounds_E[:-1], 0]
        usable += int(tokens_E[np.diff(bounds_E) >= 2].sum())
        tokens += int(tokens_E.sum())
    share = usable / tokens
    if share < LEAST_USABLE_SHARE:
        message = f"only {100 * share:.0f} % of the text is in documents of two or more sentences"
        needed = f"a sentence task needs {100 * LEAST_USABLE_SHARE:.0f} %"
        raise DataError(f"{message}; {needed}", file=store.folder, hint=ADVICE)
