"""BERT's pre-training examples: [CLS] A [SEP] B [SEP], B what follows A or from another document, masked.

After Devlin et al. 2018, 3.1, Task 2 and A.2.
Documents are cut once into chunks: runs of sentences that fill a sequence, at least two sentences each, so
that every chunk can be split into A and its true continuation. Half of the time B is drawn from another
document instead. (The released code also takes a random B whenever a chunk has but one sentence, which on
short documents makes most pairs random; here it is always half. And it fills a random B up to the full
length, so that length alone tells random pairs from true ones; here it is as long as the true B would be.)
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from twinlm import rng
from twinlm.batch import MaskedBatch
from twinlm.data import order
from twinlm.data.masking import mask_tokens
from twinlm.data.token_store import TokenStore
from twinlm.errors import DataError
from twinlm.tokenizer import SpecialIds

SHORT_SHARE = 0.1
"""Share of pairs with a random shorter length, so that short inputs are seen too (A.2, and released code)."""
LEAST_USABLE_SHARE = 0.5
"""Least share of the corpus that must lie in documents of two sentences and more."""
_ADVICE = (
    "put a blank line between documents and full sentences in them, or train without next sentence "
    "prediction: pretrain.next_sentence = false"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two segments before packing."""

    first: NDArray[np.int64]
    """A, in tokens."""
    second: NDArray[np.int64]
    """B, in tokens."""
    is_random: bool
    """Whether B is from another document."""


class SentencePairs:
    """An endless order of masked pairs over a store.

    Args:
        store: the corpus.
        length: L, the longest packed pair in tokens.
        seed: decides order, pairs and masks.
        mask_share: share of tokens to guess.
        specials: ids of the special tokens.
        vocab_size: V.

    Raises:
        DataError: next sentence prediction would be degenerate on this corpus.
    """

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
        self.store = store
        self.room = length - 3  # [CLS], [SEP], [SEP]
        self.seed = seed
        self.mask_share = mask_share
        self.specials = specials
        self.vocab_size = vocab_size
        self._check_corpus()
        self.chunks_C3 = _chunks(store, self.room)

    def batch(self, first: int, count: int) -> MaskedBatch:
        """Return pairs `first` .. `first + count` of the order, masked, as a batch."""
        chance = rng.stream(self.seed, "pairs", first, count)
        places_B = order.passes(first, count, len(self.chunks_C3), self.seed, "chunks")
        draws_B8 = chance.random((count, 8))
        pairs = [self.pair(*chosen) for chosen in zip(places_B.tolist(), draws_B8, strict=True)]
        return self._pack(pairs, chance)

    def pair(self, chunk: int, draws_8: NDArray[np.float64]) -> Pair:
        """Return a pair from one chunk.

        Args:
            chunk: its number.
            draws_8: uniform draws: short or not, how short, start, split, random or not, document,
                sentence, cut.
        """
        document, begin, end = self.chunks_C3[chunk].tolist()
        room = self.room
        if draws_8[0] < SHORT_SHARE:
            room = 2 + int(draws_8[1] * (room - 1))
            begin += int(draws_8[2] * (end - begin - 1))
            end = max(begin + 2, self._fill(begin, end, room))
        split = begin + 1 + int(draws_8[3] * (end - begin - 1))
        first = self._span(begin, split)
        is_random = bool(draws_8[4] < 0.5)
        if is_random:
            other = int(draws_8[5] * (self.store.document_count - 1))
            other += other >= document
            low, high = self.store.documents_E[other : other + 2].tolist()
            start = low + int(draws_8[6] * (high - low))
            wanted = min(room - len(first), len(self._span(split, end)))
            second = self._span(start, self._fill(start, high, max(1, wanted)))
        else:
            second = self._span(split, end)
        return Pair(*_truncate(first, second, room, draws_8[7]), is_random)

    def _fill(self, begin: int, end: int, room: int) -> int:
        """Return where a run of sentences from `begin` ends that holds at least `room` tokens, or `end`."""
        sentences_S2 = self.store.sentences_S2
        after = int(np.searchsorted(sentences_S2[begin:end, 1], sentences_S2[begin, 0] + room))
        return min(end, begin + after + 1)

    def _span(self, begin: int, end: int) -> NDArray[np.int64]:
        """Return the tokens of sentences `begin` .. `end` of one document."""
        sentences_S2 = self.store.sentences_S2
        return self.store.tokens_T[sentences_S2[begin, 0] : sentences_S2[end - 1, 1]].astype(np.int64)

    def _pack(self, pairs: list[Pair], chance: np.random.Generator) -> MaskedBatch:
        ids = self.specials
        lengths_B = np.array([len(pair.first) + len(pair.second) + 3 for pair in pairs])
        tokens_BL = np.full((len(pairs), lengths_B.max()), ids.pad, np.int64)
        segments_BL = np.zeros_like(tokens_BL)
        for row, pair in enumerate(pairs):
            middle, end = len(pair.first) + 1, lengths_B[row]
            tokens_BL[row, 0] = ids.cls
            tokens_BL[row, 1:middle] = pair.first
            tokens_BL[row, middle] = ids.sep
            tokens_BL[row, middle + 1 : end - 1] = pair.second
            tokens_BL[row, end - 1] = ids.sep
            segments_BL[row, middle + 1 : end] = 1
        real_BL = np.arange(tokens_BL.shape[1]) < lengths_B[:, None]
        is_random_B = np.array([pair.is_random for pair in pairs], np.int64)
        return masked_batch(
            tokens_BL,
            segments_BL,
            real_BL,
            is_random_B,
            share=self.mask_share,
            specials=ids,
            vocab_size=self.vocab_size,
            generator=chance,
        )

    def _check_corpus(self) -> None:
        store = self.store
        sentences_E = np.diff(store.documents_E)
        ends_E = store.sentences_S2[store.documents_E[1:] - 1, 1]
        tokens_E = ends_E - store.sentences_S2[store.documents_E[:-1], 0]
        usable = float(tokens_E[sentences_E >= 2].sum() / tokens_E.sum())
        if store.document_count < 2:
            message = "the text is one document, so that no sentence can come from another document"
            raise DataError(message, file=store.folder, hint=_ADVICE)
        if usable < LEAST_USABLE_SHARE:
            message = (
                f"next sentence prediction would be degenerate: only {usable:.0%} of the text lies in "
                f"documents of two sentences or more"
            )
            raise DataError(message, file=store.folder, hint=_ADVICE)


def masked_batch(
    tokens_BL: NDArray[np.int64],
    segments_BL: NDArray[np.int64],
    real_BL: NDArray[np.bool_],
    is_random_B: NDArray[np.int64],
    *,
    share: float,
    specials: SpecialIds,
    vocab_size: int,
    generator: np.random.Generator,
) -> MaskedBatch:
    """Mask packed sequences and return them as tensors; the special tokens are ids 0 .. `extract`."""
    ordinary = (specials.extract + 1, vocab_size)
    shown_BL, originals_BL = mask_tokens(
        tokens_BL,
        real_BL & (tokens_BL > specials.extract),
        real_BL.sum(1),
        share=share,
        mask_id=specials.mask,
        ordinary=ordinary,
        generator=generator,
    )
    return MaskedBatch(
        tokens_BL=torch.from_numpy(shown_BL),
        segments_BL=torch.from_numpy(segments_BL),
        real_BL=torch.from_numpy(real_BL),
        originals_BL=torch.from_numpy(originals_BL),
        is_random_B=torch.from_numpy(is_random_B),
    )


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


def _truncate(
    first: NDArray[np.int64], second: NDArray[np.int64], room: int, draw: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Shorten the longer segment, then both alike, until they fit; a random part of a cut is at the front."""
    excess = max(0, len(first) + len(second) - room)
    longer = min(excess, abs(len(first) - len(second)))
    cuts = [(excess - longer) // 2, excess - longer - (excess - longer) // 2]
    cuts[int(len(second) > len(first))] += longer
    shortened = []
    for tokens, cut in zip((first, second), cuts, strict=True):
        front = int(draw * (cut + 1))
        shortened.append(tokens[front : len(tokens) - (cut - front)])
    return shortened[0], shortened[1]
