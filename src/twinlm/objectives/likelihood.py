"""How likely tokens are where they stand, for many texts at once, without holding all logits.

What a decoder gives is in `causal_lm.py`, what an encoder gives in `masked_lm.py`: two different figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from twinlm.tokenizer import SpecialIds

_POSITIONS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """The tokens of a text whose likelihood is asked for, between those that are only read."""

    before: Sequence[int]
    """Tokens before them, without special tokens."""
    tokens: Sequence[int]
    """What is scored."""
    after: Sequence[int]
    """Tokens after them; a decoder does not see them."""
    words: Sequence[int]
    """For each scored token the number of its word."""


Likelihoods = Callable[[Any, Sequence[Stretch], SpecialIds], list[list[float]]]
"""Returns for each stretch one figure a token, in nats."""


def log_likelihood_at(hidden_ND: Tensor, targets_N: Tensor, score: Callable[[Tensor], Tensor]) -> list[float]:
    """Return log P(target) at N positions, in nats.

    Args:
        hidden_ND: states of the positions.
        targets_N: the tokens there.
        score: a model's own last step, from (1, N, D) to (1, N, V).
    """
    found: list[float] = []
    for part_ND, part_N in zip(
        torch.split(hidden_ND, _POSITIONS_AT_ONCE), torch.split(targets_N, _POSITIONS_AT_ONCE), strict=True
    ):
        logits_NV = score(part_ND[None])[0].float()
        found += logits_NV.log_softmax(-1).gather(1, part_N[:, None])[:, 0].tolist()
    return found
