"""Multi-head self-attention (Vaswani et al. 2017, section 3.2)."""

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from twinlm.core.dropout import Draw, draws_by_hash, drop_weights, is_by_row, next_draw
from twinlm.core.masks import Mask

# In bfloat16 on a CPU the fused kernel has half the speed at 64 and 128 positions and is no faster at 256
# (2026-11, benchmarks/parts_of_a_step.py). On longer sequences it saves the memory of L * L weights.
_EXPLICIT_UP_TO = 128

_MOST_WEIGHTS = 2**25
"""Attention weights that are computed at once where they are not kept: 128 MiB in float32."""


class KeyValueCache:
    """Keys and values of one layer at all positions so far.

    The room doubles whenever it is full, so that a new position copies nothing but itself.
    """

    def __init__(self) -> None:
        self.length = 0
        """Number of positions so far."""
        self._keys_BHMK = self._values_BHMK = torch.empty(0, 0, 0, 0)

    def append(self, key_BHLK: Tensor, value_BHLK: Tensor) -> tuple[Tensor, Tensor]:
        """Add new positions; return all positions, oldest first."""
        begin, self.length = self.length, self.length + key_BHLK.shape[2]
        if self.length > self._keys_BHMK.shape[2]:
            self._keys_BHMK = self._with_room(self._keys_BHMK[:, :, :begin], key_BHLK)
            self._values_BHMK = self._with_room(self._values_BHMK[:, :, :begin], value_BHLK)
        self._keys_BHMK[:, :, begin : self.length] = key_BHLK
        self._values_BHMK[:, :, begin : self.length] = value_BHLK
        return self.parts()

    def parts(self) -> tuple[Tensor, Tensor]:
        """Return keys and values of all positions so far, oldest first."""
        return self._keys_BHMK[:, :, : self.length], self._values_BHMK[:, :, : self.length]

    def keep(self, rows_B: Tensor, *, first: int = 0) -> None:
        """Keep only these rows, in this order, and drop the positions before `first`."""
        if not self.length:
            raise ValueError("an empty cache has no rows to keep")
        self.length -= first
        self._keys_BHMK = self._keys_BHMK[rows_B, :, first:]
        self._values_BHMK = self._values_BHMK[rows_B, :, first:]

    def _with_room(self, before_BHMK: Tensor, new_BHLK: Tensor) -> Tensor:
        rows, heads, _, width = new_BHLK.shape
        begin = before_BHMK.shape[2]
        room_BHMK = new_BHLK.new_empty(rows, heads, max(self.length, 2 * begin), width)
        if begin:
            room_BHMK[:, :, :begin] = before_BHMK
        return room_BHMK


class SelfAttention(nn.Module):
    """Lets every position gather from the positions that the mask allows; `heads` must divide `width`."""

    def __init__(self, *, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, but width={width} and heads={heads}")
        self.heads = heads
        self.dropout = dropout
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x_BLD: Tensor, mask: Mask, cache: KeyValueCache | None = None) -> Tensor:
        """Return what each position gathered, (B, L, D)."""
        query_BHLK, key_BHMK, value_BHMK = (
            part_BLD.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part_BLD in self.query_key_value(x_BLD).chunk(3, dim=-1)
        )
        if cache is not None:
            key_BHMK, value_BHMK = cache.append(key_BHMK, value_BHMK)
        dropout = self.dropout if self.training else 0.0
        is_explicit = (
            query_BHLK.device.type == "cpu"
            and query_BHLK.dtype == torch.bfloat16
            and key_BHMK.shape[2] <= _EXPLICIT_UP_TO
        )
        attend = explicit_attention if is_explicit else fused_attention
        if dropout > 0 and is_by_row():
            # A fused kernel draws its own masks; with dropout a CPU has none that saves memory.
            attend = recomputed_attention if draws_by_hash(query_BHLK.device) else explicit_attention
        gathered_BHLK = attend(query_BHLK, key_BHMK, value_BHMK, mask, dropout)
        output_BLD: Tensor = self.output(gathered_BHLK.transpose(1, 2).flatten(2))
        return output_BLD


def fused_attention(
    query_BHLK: Tensor, key_BHMK: Tensor, value_BHMK: Tensor, mask: Mask, dropout: float
) -> Tensor:
    """Return softmax(Q K^T / sqrt(K)) V, (B, H, L, K), by PyTorch's kernel (equation 1)."""
    return F.scaled_dot_product_attention(
        query_BHLK,
        key_BHMK,
        value_BHMK,
        attn_mask=mask.allowed,
        is_causal=mask.is_causal,
        dropout_p=dropout,
    )


def explicit_attention(
    query_BHLK: Tensor,
    key_BHMK: Tensor,
    value_BHMK: Tensor,
    mask: Mask,
    dropout: float,
    draw: Draw | None = None,
) -> Tensor:
    """Return the same as `fused_attention`, written out, with all L * M weights in memory.

    `draw` is that of dropout's masks, by default the next one.
    """
    scores_BHLM = query_BHLK @ key_BHMK.mT / math.sqrt(query_BHLK.shape[-1])
    if mask.is_causal:
        later_LM = torch.ones(scores_BHLM.shape[2:], dtype=torch.bool, device=scores_BHLM.device).triu(1)
        scores_BHLM = scores_BHLM.masked_fill(later_LM, -math.inf)
    if mask.allowed is not None:
        scores_BHLM = scores_BHLM.masked_fill(~mask.allowed, -math.inf)
    weights_BHLM = scores_BHLM.softmax(-1)
    if dropout:
        weights_BHLM = drop_weights(weights_BHLM, dropout, draw)
    return weights_BHLM.to(value_BHMK.dtype) @ value_BHMK


def recomputed_attention(
    query_BHLK: Tensor, key_BHMK: Tensor, value_BHMK: Tensor, mask: Mask, dropout: float
) -> Tensor:
    """Return the same as `explicit_attention`; the backward pass computes weights and masks again.

    So no more is kept than a fused kernel keeps, and only the weights of some rows are in memory at once.
    """
    from torch.utils.checkpoint import checkpoint  # only a GPU needs it, and it takes time to import

    draw, rows = next_draw(), max(1, _MOST_WEIGHTS // query_BHLK[0, ..., 0].numel() // key_BHMK.shape[2])
    parts = [
        checkpoint(
            partial(explicit_attention, mask=mask.of(slice(begin, begin + rows)), dropout=dropout),
            *(part[begin : begin + rows] for part in (query_BHLK, key_BHMK, value_BHMK)),
            draw=draw and draw.after(begin),
            use_reentrant=False,
            preserve_rng_state=False,
        )
        for begin in range(0, len(query_BHLK), rows)
    ]
    return torch.cat(parts)
