"""GPT-1, the whole model (Radford et al. 2018, "Improving language understanding by generative
pre-training", sections 3.1 and 4.1). Read it from top to bottom, then compare it with `bert.py`.

Its losses are in `objectives/causal_lm.py` (pre-training) and `objectives/fine_tuning.py`. GPT-2 (Radford et
al. 2019) is the same model with `norm="pre"` and other sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from twinlm.batch import Batch, Reading, mean_state
from twinlm.core import masks
from twinlm.core.attention import KeyValueCache
from twinlm.core.blocks import BLOCKS, BlockConfig
from twinlm.core.dropout import Dropout
from twinlm.core.vocabulary_loss import choose, leave_out, vocabulary_loss


@dataclass(frozen=True, kw_only=True, slots=True)
class GPTConfig:
    """Sizes of a GPT. The defaults are the paper's: 117 M parameters."""

    vocab_size: int = 40_478
    """V: 40,000 merges, the characters, and the special tokens."""
    max_length: int = 512
    """Length of the longest sequence; each position has a learned vector."""
    width: int = 768
    """D."""
    layers: int = 12
    """Number of transformer layers."""
    heads: int = 12
    """H, attention heads of a layer; a divisor of `width`."""
    feed_forward: int = 3072
    """F, width inside the feed-forward layer."""
    dropout: float = 0.1
    """Dropout probability of embeddings, attention weights and residuals."""
    norm: Literal["post", "pre"] = "post"
    """Normalization after each residual sum (GPT-1), or before each layer and once at the end (GPT-2)."""
    norm_eps: float = 1e-5
    """Constant added to the variance in layer normalization, as in both released models."""
    both_sides: bool = False
    """Whether labelled inputs are read without the causal mask. Not in the paper."""
    summary: Literal["token", "mean"] = "token"
    """State of a whole labelled input: the last token's (the paper), or the mean of all tokens' states."""
    unscored: tuple[int, ...] = ()
    """Tokens outside the softmax: those that an imported model lacked, until training shows them."""

    def block(self) -> BlockConfig:
        """Return the configuration of one layer."""
        return BlockConfig(
            width=self.width,
            heads=self.heads,
            feed_forward=self.feed_forward,
            dropout=self.dropout,
            norm_eps=self.norm_eps,
            activation=partial(F.gelu, approximate="tanh"),  # as in the released code of GPT-1 and GPT-2
        )


class GPT(nn.Module):
    """A stack of transformer layers in which each token sees itself and the tokens before it."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)  # W_e in the paper
        self.position_embedding = nn.Embedding(config.max_length, config.width)  # W_p
        self.drop = Dropout(config.dropout)
        block = BLOCKS[config.norm]
        self.blocks = nn.ModuleList(block(config.block()) for _ in range(config.layers))
        is_normalized = config.norm == "post"
        self.final_norm = nn.Identity() if is_normalized else nn.LayerNorm(config.width, config.norm_eps)

    def forward(self, tokens_BL: Tensor, mask: masks.Mask | None = None) -> Tensor:
        """Return the last layer's states h_n, (B, L, D): equation 2, lines 1 and 2.

        The mask is the paper's, in which no token sees later ones, unless another is given.
        """
        hidden_BLD = self.embed(tokens_BL, first_position=0)
        for block in self.blocks:
            hidden_BLD = block(hidden_BLD, mask or masks.causal())
        normalized_BLD: Tensor = self.final_norm(hidden_BLD)
        return normalized_BLD

    def embed(self, tokens_BL: Tensor, *, first_position: int, padding_B: Tensor | None = None) -> Tensor:
        """Return token plus position embeddings, h_0 = U W_e + W_p, (B, L, D)."""
        end = first_position + tokens_BL.shape[1]
        if end > self.config.max_length:
            raise ValueError(f"a sequence of {end} tokens is longer than max_length={self.config.max_length}")
        positions = torch.arange(first_position, end, device=tokens_BL.device)  # (L,)
        if padding_B is not None:  # in front of a row it shifts the row's positions: (B, L)
            positions = (positions - padding_B[:, None]).clamp(min=0)
        # The paper says "embedding dropout". Its code drops entries of the embedding matrix; we drop, as is
        # usual since, values of the sum.
        hidden_BLD: Tensor = self.drop(self.token_embedding(tokens_BL) + self.position_embedding(positions))
        return hidden_BLD

    def next_token_logits(self, hidden_BLD: Tensor) -> Tensor:
        """Score every token as the next one, (B, L, V): h_n W_e^T, equation 2, line 3."""
        return leave_out(F.linear(hidden_BLD, self.token_embedding.weight), self.config.unscored)

    def next_token_loss(self, hidden_BTD: Tensor, targets_BT: Tensor, weights_BT: Tensor) -> Tensor:
        """Return the weighted sum of -log P(target) over T positions, in nats, without holding all logits."""
        hidden_ND, targets_N, weights_N = choose(hidden_BTD, targets_BT, weights_BT)
        embedding_VD, unscored = self.token_embedding.weight, self.config.unscored
        return vocabulary_loss(hidden_ND, embedding_VD, targets_N, weights_N, unscored=unscored)

    def read(self, batch: Batch) -> Reading:
        """Return states for the task heads; the summary is h_l^m, at the extract token (equation 3)."""
        mask = masks.bidirectional(batch.real_BL) if self.config.both_sides else masks.causal()
        hidden_BLD = self(batch.tokens_BL, mask)
        if self.config.summary == "mean":
            return Reading(hidden_BLD, mean_state(hidden_BLD, batch.real_BL))
        last_B = batch.real_BL.sum(1) - 1  # the extract token ends every labelled input
        return Reading(hidden_BLD, hidden_BLD[torch.arange(len(last_B), device=last_B.device), last_B])

    def step(
        self,
        tokens_BL: Tensor,
        caches: Sequence[KeyValueCache],
        *,
        first_position: int,
        padding_B: Tensor | None = None,
    ) -> Tensor:
        """Return the states of tokens that follow cached ones, (B, L, D); add the tokens to the caches.

        There is one cache for each layer, and `first_position` is the number of positions in them.
        `padding_B` is the number of padding positions at the start of each row; None if no row has any.
        """
        hidden_BLD = self.embed(tokens_BL, first_position=first_position, padding_B=padding_B)
        mask = masks.following(first_position, tokens_BL, padding_B)
        for block, cache in zip(self.blocks, caches, strict=True):
            hidden_BLD = block(hidden_BLD, mask, cache)
        normalized_BLD: Tensor = self.final_norm(hidden_BLD)
        return normalized_BLD
