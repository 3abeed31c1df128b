"""Draw the next token from a model's scores.

The steps have the usual order: repetition penalty, temperature, then truncation to the k best tokens (Fan et
al. 2018), the nucleus (Holtzman et al. 2020), and tokens not far less likely than the best (Nguyen et al.
2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlm.errors import UsageError
from twinlm.system.arguments import check_fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """Sampling options; the defaults of `top_p`, `min_p` and `repetition_penalty` have no effect."""

    temperature: float = 0.8
    """Divisor of the scores; 0 always takes the best token."""
    top_k: int = 40
    """Number of best tokens to draw from; 0 for all."""
    top_p: float = 1.0
    """Probability of the nucleus: the fewest best tokens that together have it are drawn from."""
    min_p: float = 0.0
    """Least probability of a token, as a multiple of the best one's."""
    repetition_penalty: float = 1.0
    """Divisor of positive scores of earlier tokens, and factor of negative ones (Keskar 2019)."""

    def __post_init__(self) -> None:
        check_fields(self)
        if not 0 <= self.temperature <= 100:
            raise UsageError(f"temperature must be from 0 to 100, not {self.temperature}")
        if self.top_k < 0:
            raise UsageError(f"top_k must be at least 0, not {self.top_k}", hint="0 means all tokens")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top_p must be above 0 and at most 1, not {self.top_p}", hint="1 keeps all")
        if not 0 <= self.min_p <= 1:
            raise UsageError(f"min_p must be from 0 to 1, not {self.min_p}", hint="0 keeps all")
        if not 0 < self.repetition_penalty <= 100:
            message = f"repetition_penalty must be above 0 and at most 100, not {self.repetition_penalty}"
            raise UsageError(message, hint="1 changes nothing; 1.2 is usual")


DEFAULT_SAMPLING = Sampling()
_LARGEST = 1e300


def choose(
    logits_V: NDArray[np.float64], seen: Sequence[int], sampling: Sampling, chance: np.random.Generator
) -> int:
    """Return one token drawn from the `candidates`, or the best one at temperature 0."""
    if sampling.temperature == 0:
        return int(penalized(logits_V, seen, sampling.repetition_penalty).argmax())
    tokens_K, weights_K = candidates(logits_V, seen, sampling)
    sums_K = weights_K.cumsum()
    drawn = int(np.searchsorted(sums_K, chance.random() * sums_K[-1], side="right"))
    return int(tokens_K[drawn])


def candidates(
    logits_V: NDArray[np.float64], seen: Sequence[int], sampling: Sampling
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the K tokens to draw from, best first, with weights proportional to their probabilities."""
    logits_V = penalized(logits_V, seen, sampling.repetition_penalty)
    tokens_K = np.argsort(-logits_V, kind="stable")[: sampling.top_k or None]
    with np.errstate(
        over="ignore"
    ):  # at a tiny temperature all but the best become -inf, and their weights 0
        weights_K = np.exp((logits_V[tokens_K] - logits_V[tokens_K[0]]) / sampling.temperature)
    before_K = weights_K.cumsum() - weights_K
    # The first token has weight 1 and is always kept.
    is_kept_K = (before_K < sampling.top_p * weights_K.sum()) & (weights_K >= sampling.min_p)
    return tokens_K[is_kept_K], weights_K[is_kept_K]


def penalized(logits_V: NDArray[np.float64], seen: Sequence[int], penalty: float) -> NDArray[np.float64]:
    """Return the scores, lowered once for each token in `seen`."""
    tokens_N = np.unique(np.array(seen, np.int64))
    scores_N = logits_V[tokens_N]
    logits_V = logits_V.copy()
    with np.errstate(over="ignore"):
        changed_N = np.where(scores_N > 0, scores_N / penalty, scores_N * penalty)
    logits_V[tokens_N] = changed_N.clip(-_LARGEST, _LARGEST)  # differences of infinite scores are no numbers
    return logits_V
