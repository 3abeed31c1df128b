"""What counting reaches: models of single tokens and of pairs of tokens, the floors of every loss plot.

A network that does no better than the first has learned how frequent tokens are; one that does no better
than the second, what comes after what. Both are proper distributions and are measured on held-out text.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinlm.data.tokens.store import TokenStore

MOST_COUNTED = 1 << 24
"""Tokens of training text that are counted, from its beginning: memory then has a bound (about 0.6 GB)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountingLoss:
    """Mean of -log P(token) over held-out tokens, in nats."""

    unigram: float
    """From how often each token occurs, plus one."""
    bigram: float
    """From the token before it."""


class Counts:
    """How often tokens and pairs of neighbours occur in a text.

    Args:
        tokens_T: the text.
        vocab_size: V.
    """

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
        """Return P(token), by counts plus one: (c(w) + 1) / (N + V)."""
        chances_T: NDArray[np.float64] = (self.by_token_V[tokens_T] + 1.0) / (
            self.by_token_V.sum() + self.vocab_size
        )
        return chances_T

    def bigram(self, before_T: NDArray[Any], tokens_T: NDArray[Any]) -> NDArray[np.float64]:
        """Return P(token | the one before it), falling back on the unigram as Witten and Bell (1991) do.

        (c(v, w) + T(v) P(w)) / (c(v) + T(v)), where T(v) is how many different tokens follow v. It has no
        parameter to tune. What was never followed by anything has the unigram.
        """
        codes_T = before_T.astype(np.int64) * self.vocab_size + tokens_T
        places_T = np.minimum(np.searchsorted(self.pairs_U, codes_T), max(0, len(self.pairs_U) - 1))
        is_known_T = self.pairs_U[places_T] == codes_T if len(self.pairs_U) else np.zeros(len(codes_T), bool)
        together_T = np.where(is_known_T, self.by_pair_U[places_T] if len(self.by_pair_U) else 0, 0)
        alone_T, followers_T = self.unigram(tokens_T), self.followers_V[before_T]
        whole_T = self.as_first_V[before_T] + followers_T
        chances_T: NDArray[np.float64] = np.where(
            whole_T > 0, (together_T + followers_T * alone_T) / np.maximum(1, whole_T), alone_T
        )
        return chances_T


def counting_loss(
    train: TokenStore, held_out: TokenStore, vocab_size: int, *, left_out: Collection[int] = ()
) -> CountingLoss:
    """Return what counting the training text is worth on held-out text.

    Args:
        train: to count.
        held_out: to predict: every token but the first.
        vocab_size: V.
        left_out: tokens that are not predicted, such as special ones, which are never masked; what comes
            before a token may be one of them.
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
