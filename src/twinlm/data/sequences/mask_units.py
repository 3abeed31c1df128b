"""Units of masking: single tokens, whole words, or spans of words.

    tokens       the phil ##har ##monic plays       each by itself (Devlin et al. 2018, 3.1)
    whole words  the [phil ##har ##monic] plays     the pieces of a word together (BERT's code, May 2019)
    spans        the [phil ##har ##monic plays]     words in a row, all masked alike (Joshi et al. 2020, 3.1)

`data/sequences/masking.py` decides how many tokens are wanted and what is shown in their place.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOT_CHOSEN = -1
SPAN_STOP = 0.2  # p of the geometric distribution of span lengths (Joshi et al. 2020, 3.1)
LONGEST_SPAN = 10
"""Longest span in words. Longer draws are repeated, which gives the paper's mean of 3.8 words."""


Chooser = Callable[
    [NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64], np.random.Generator], NDArray[np.int64]
]
"""Function from tokens (B, L), which are maskable (B, L), how many are wanted at most (B,) and a generator to
each token's leader (B, L): the position whose fate it shares, or `NOT_CHOSEN`."""


def choose_tokens(
    tokens_BL: NDArray[np.int64],
    maskable_BL: NDArray[np.bool_],
    wanted_B: NDArray[np.int64],
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Choose exactly as many tokens as are wanted, those with the lowest draws. A `Chooser`."""
    draws_BL = np.where(maskable_BL, generator.random(tokens_BL.shape), 2.0)
    ranks_BL = draws_BL.argsort(1).argsort(1)
    return np.where(ranks_BL < wanted_B[:, None], np.arange(tokens_BL.shape[1]), NOT_CHOSEN)


Stretches = Callable[
    [NDArray[np.int64], NDArray[np.int64], int, np.random.Generator], Iterator[tuple[int, int]]
]
"""Function from a row's words (W, 2), its leaders so far (L,), the number of tokens wanted and a generator to
begin and end of each stretch to choose."""


@dataclass(frozen=True, slots=True, eq=False)
class ByWord:
    """Chooses whole words, row by row. A `Chooser`; made by `whole_words` and `spans`."""

    begins_word_V: NDArray[np.bool_]
    """Whether each token of the vocabulary begins a word."""
    stretches: Stretches
    """Function that chooses the stretches of a row."""
    shares_fate: bool
    """Whether a stretch shares the fate of its first token; else each token has its own."""

    def __call__(
        self,
        tokens_BL: NDArray[np.int64],
        maskable_BL: NDArray[np.bool_],
        wanted_B: NDArray[np.int64],
        generator: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Choose stretches of whole words in each row."""
        leaders_BL = np.full(tokens_BL.shape, NOT_CHOSEN)
        begins_BL = word_begins(tokens_BL, maskable_BL, self.begins_word_V)
        for row, wanted in enumerate(wanted_B.tolist()):
            words_W2 = words_of(begins_BL[row], maskable_BL[row])
            for begin, end in self.stretches(words_W2, leaders_BL[row], wanted, generator):
                leaders_BL[row, begin:end] = begin if self.shares_fate else np.arange(begin, end)
        return leaders_BL


def whole_words(begins_word_V: NDArray[np.bool_]) -> ByWord:
    """Choose whole words in a random order, skipping those that would exceed the limit, as released."""
    return ByWord(begins_word_V, _words_in_turn, shares_fate=False)


def spans(begins_word_V: NDArray[np.bool_]) -> ByWord:
    """Choose spans of whole words, of random begin and length, until enough tokens are chosen."""
    return ByWord(begins_word_V, _spans_in_turn, shares_fate=True)


def draw_span_lengths(count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw span lengths in words: P(n) is proportional to (1 - p)^(n - 1), n from 1 to `LONGEST_SPAN`."""
    chances_N = (1 - SPAN_STOP) ** np.arange(LONGEST_SPAN)
    bounds_N = chances_N.cumsum() / chances_N.sum()
    return 1 + np.searchsorted(bounds_N[:-1], generator.random(count), side="right")


def word_begins(
    tokens_BL: NDArray[np.int64], maskable_BL: NDArray[np.bool_], begins_word_V: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return whether a word begins at each token: by the vocabulary, or after a token such as [SEP]."""
    behind_BL = np.ones_like(maskable_BL)
    behind_BL[:, 1:] = ~maskable_BL[:, :-1]
    return maskable_BL & (begins_word_V[tokens_BL] | behind_BL)


def words_of(begins_L: NDArray[np.bool_], maskable_L: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return begin and end of each word of a row, (W, 2)."""
    continues_L = np.zeros_like(maskable_L)
    continues_L[:-1] = maskable_L[1:] & ~begins_L[1:]
    ends_L = maskable_L & ~continues_L
    return np.stack([np.flatnonzero(begins_L), np.flatnonzero(ends_L) + 1], axis=1)


def _words_in_turn(
    words_W2: NDArray[np.int64], leaders_L: NDArray[np.int64], wanted: int, generator: np.random.Generator
) -> Iterator[tuple[int, int]]:
    words, left = generator.permutation(words_W2).tolist(), wanted
    for begin, end in words:
        if end - begin <= left:
            yield begin, end
            left -= end - begin
    if left == wanted and wanted:  # no word is short enough: the released code then masks nothing
        yield words[0][0], words[0][0] + wanted


def _spans_in_turn(
    words_W2: NDArray[np.int64], leaders_L: NDArray[np.int64], wanted: int, generator: np.random.Generator
) -> Iterator[tuple[int, int]]:
    order = generator.permutation(len(words_W2)).tolist()
    lengths, left = draw_span_lengths(len(words_W2), generator).tolist(), wanted
    for first, length in zip(order, lengths, strict=True):
        # The released code cuts the last word to reach exactly the wanted number; here the span ends before.
        begin, end = _span(words_W2[first : first + length], leaders_L, left)
        yield begin, end
        left -= end - begin
        if not left:
            break
    if left == wanted and wanted:
        begin = int(words_W2[order[0], 0])
        yield begin, begin + wanted


def _span(words_N2: NDArray[np.int64], leaders_L: NDArray[np.int64], left: int) -> tuple[int, int]:
    """Return begin and end of the span over the first of the words that adjoin, are free and fit."""
    start = end = int(words_N2[0, 0])
    for begin, after in words_N2.tolist():
        if begin != end or leaders_L[begin] != NOT_CHOSEN or after - start > left:
            break
        end = after
    return start, end
