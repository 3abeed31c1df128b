"""Counting losses: unigram and bigram models, the references of every loss plot.

A network that is no better than the first has learned how frequent tokens are; one that is no better than
the second, which token follows which. Both are proper distributions, measured on held-out text.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinlm.data.tokens.store import TokenStore

MOST_COUNTED = 1 << 24
"""Largest number of training tokens to count, from the start of the text: this takes about 0.6 GB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountingLoss:
    """Means of -log P(token) over held-out tokens, in nats."""

    unigram: float
    """Loss of predicting each token by its frequency."""
    bigram: float
    """Loss of predicting each token by the token before it."""


class Counts:
    """Numbers of tokens and of pairs of neighbours in a text (T tokens, U different pairs)."""

    def __init__(self, tokens_T: NDArray[Any], vocab_size: int) -> None:
        counted_T = tokens_T.astype(np.int64)
        self.vocab_size = vocab_size
        self.by_token_V = np.bincount(counted_T, minlength=vocab_size)
        pairs_T = counted_T[:-1] * vocab_size + counted_T[1:]
        self.pairs_U, self.by_pair_U = np.unique(pairs_T, return_counts=True)
        before_U = self.pairs_U // vocab_size
        self.as_first_V = np.bincount(before_U, weights=self.by_pair_U, minlength=vocab_size)
        self.followers_V = np.bincount(before_U, minlength=vocab_size)

    def unigram(self, tokens_T: NDArray[Any]) -> NDArray[np.float64]:
        """Return P(token) by counts plus one, (c(w) + 1) / (N + V)."""
        chances_T: NDArray[np.float64] = (self.by_token_V[tokens_T] + 1.0) / (
            self.by_token_V.sum() + self.vocab_size
        )
        return chances_T

    def bigram(self, before_T: NDArray[Any], tokens_T: NDArray[Any]) -> NDArray[np.float64]:
        """Return P(token | token before it), smoothed by the unigram after Witten and Bell (1991).

        (c(v, w) + T(v) P(w)) / (c(v) + T(v)), where T(v) is the number of different tokens that follow v;
        P(w) alone if none does. There is no parameter to tune.
        """
        codes_T = before_T.astype(np.int64) * self.vocab_size + tokens_T
        indices_T = np.minimum(np.searchsorted(self.pairs_U, codes_T), max(0, len(self.pairs_U) - 1))
        is_known_T = self.pairs_U[indices_T] == codes_T if len(self.pairs_U) else np.zeros(len(codes_T), bool)
        together_T = np.where(is_known_T, self.by_pair_U[indices_T] if len(self.by_pair_U) else 0, 0)
        alone_T, followers_T = self.unigram(tokens_T), self.followers_V[before_T]
        whole_T = self.as_first_V[before_T] + followers_T
        chances_T: NDArray[np.float64] = np.where(
            whole_T > 0, (together_T + followers_T * alone_T) / np.maximum(1, whole_T), alone_T
        )
        return chances_T


def counting_loss(
    train: TokenStore, held_out: TokenStore, vocab_size: int, *, left_out: Collection[int] = ()
) -> CountingLoss:
    """Return the losses of counts from training text on every token but the first of held-out text.

    Tokens of `left_out`, such as special ones, are not predicted; a predicted token may follow one of them.
    """
    counts = Counts(train.tokens_T[:MOST_COUNTED], vocab_size)
    tokens_T = held_out.tokens_T[:MOST_COUNTED].astype(np.int64)
    before_T, after_T = tokens_T[:-1], tokens_T[1:]
    is_asked_T = ~np.isin(after_T, list(left_out))
    before_T, after_T = before_T[is_asked_T], after_T[is_asked_T]
    return CountingLoss(
        unigram=float(-np.log(counts.unigram(after_T)).mean()),
        bigram=float(-np.log(counts.bigram(before_T, after_T)).mean()),
    )
