"""The transformer layer: attention, then a feed-forward layer, each inside a residual sum.

GPT-1 and BERT normalize after the sum, GPT-2 before the layer: two classes with equal names of weights.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from twinlm.core.attention import KeyValueCache, SelfAttention
from twinlm.core.dropout import Dropout
from twinlm.core.masks import Mask


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockConfig:
    """Sizes of one transformer layer."""

    width: int
    """D."""
    heads: int
    """H."""
    feed_forward: int
    """F. The papers use 4 * width."""
    dropout: float
    """Dropout probability of attention weights and of what enters each residual sum."""
    norm_eps: float
    """Constant added to the variance in layer normalization."""
    activation: Callable[[Tensor], Tensor]
    """Activation between the two linear maps of the feed-forward layer."""


class FeedForward(nn.Module):
    """Two linear maps around an activation, applied to each position by itself."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.expand = nn.Linear(config.width, config.feed_forward)
        self.activation = config.activation
        self.contract = nn.Linear(config.feed_forward, config.width)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Return the transformed states, (B, L, D)."""
        hidden_BLF = self.activation(self.expand(x_BLD))
        output_BLD: Tensor = self.contract(hidden_BLF)
        return output_BLD


class PostNormBlock(nn.Module):
    """Normalizes after each residual sum (Vaswani et al. 2017; GPT-1; BERT)."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.attention = SelfAttention(width=config.width, heads=config.heads, dropout=config.dropout)
        self.attention_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.feed_forward = FeedForward(config)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.drop = Dropout(config.dropout)

    def forward(self, x_BLD: Tensor, mask: Mask, cache: KeyValueCache | None = None) -> Tensor:
        """Return the layer's states, (B, L, D)."""
        x_BLD = self.attention_norm(x_BLD + self.drop(self.attention(x_BLD, mask, cache)))
        x_BLD = self.feed_forward_norm(x_BLD + self.drop(self.feed_forward(x_BLD)))
        return x_BLD


class PreNormBlock(nn.Module):
    """Normalizes the input of each part, so that the residual path stays free (Radford et al. 2019, 2.3).

    Its own output is not normalized: the model does that after the last layer.
    """

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.attention = SelfAttention(width=config.width, heads=config.heads, dropout=config.dropout)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.feed_forward = FeedForward(config)
        self.drop = Dropout(config.dropout)

    def forward(self, x_BLD: Tensor, mask: Mask, cache: KeyValueCache | None = None) -> Tensor:
        """Return the layer's states, (B, L, D)."""
        x_BLD = x_BLD + self.drop(self.attention(self.attention_norm(x_BLD), mask, cache))
        x_BLD = x_BLD + self.drop(self.feed_forward(self.feed_forward_norm(x_BLD)))
        return x_BLD


BLOCKS = {"post": PostNormBlock, "pre": PreNormBlock}
"""The layers by where they normalize."""
