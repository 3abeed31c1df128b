"""Log-likelihoods of tokens; those of decoders (`causal_lm.py`) and encoders (`masked_lm.py`) differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from twinlm.tokenizer import SpecialIds

_POSITIONS_AT_ONCE = 256  # with a vocabulary of 32,000 their logits take 32 MB


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Tokens of a text to score, and their context."""

    before: Sequence[int]
    """Tokens before the scored ones, without special tokens."""
    tokens: Sequence[int]
    """Tokens to score."""
    after: Sequence[int]
    """Tokens after the scored ones; a decoder does not see them."""
    words: Sequence[int]
    """Number of the word that each scored token belongs to."""


Likelihoods = Callable[[Any, Sequence[Stretch], SpecialIds], list[list[float]]]
"""Returns one figure per token for each stretch, in nats."""


def log_likelihood_at(hidden_ND: Tensor, targets_N: Tensor, score: Callable[[Tensor], Tensor]) -> list[float]:
    """Return log P(target) at N positions, in nats; `score` maps states (1, N, D) to logits (1, N, V)."""
    values: list[float] = []
    for part_ND, part_N in zip(
        torch.split(hidden_ND, _POSITIONS_AT_ONCE), torch.split(targets_N, _POSITIONS_AT_ONCE), strict=True
    ):
        logits_NV = score(part_ND[None])[0].float()
        values += logits_NV.log_softmax(-1).gather(1, part_N[:, None])[:, 0].tolist()
    return values
