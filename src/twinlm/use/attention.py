"""Who attends to whom: the weights of each head (Vaswani et al. 2017, 3.2.1), for people to look at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from twinlm.checkpoint import Trained
from twinlm.core.masks import Mask
from twinlm.data.sequences.packing import pad
from twinlm.system import hardware


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """Attention weights of one text."""

    ids: list[int]
    """Tokens that were read, with special ones and masks."""
    weights: list[list[list[list[float]]]]
    """For each layer and head, a row for each token: how much it attends to each token; rows sum to 1."""


def attention_weights(trained: Trained, row: Sequence[int]) -> Attention:
    """Return the attention weights of a row of tokens, computed again from each layer's inputs.

    The fast attention that models run keeps no weights.
    """
    layers: list[list[list[list[float]]]] = []

    def note(module: Any, given: Any, output: Tensor) -> None:
        layers.append(_weights(module, given[0], given[1]).tolist())

    model: Any = trained.model.to(hardware.device()).eval()
    hooks = [block.attention.register_forward_hook(note) for block in model.blocks]
    try:
        if row:
            batch = pad([row], trained.tokenizer.specials.pad).to(hardware.device())
            with torch.inference_mode():
                model(batch.tokens_BL) if trained.family.is_generative else model.read(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return Attention(ids=list(row), weights=layers)


def _weights(module: Any, x_BLD: Tensor, mask: Mask) -> Tensor:
    """Return the attention weights of one layer, (H, L, L)."""
    query_HLK, key_HLK = (
        part_LD.unflatten(-1, (module.heads, -1)).transpose(0, 1)
        for part_LD in module.query_key_value(x_BLD)[0].chunk(3, dim=-1)[:2]
    )
    scores_HLL = query_HLK @ key_HLK.mT / math.sqrt(query_HLK.shape[-1])
    if mask.is_causal:
        later_LL = torch.ones_like(scores_HLL[0], dtype=torch.bool).triu(1)
        scores_HLL = scores_HLL.masked_fill(later_LL, -math.inf)
    weights_HLL: Tensor = scores_HLL.softmax(-1)
    return weights_HLL
