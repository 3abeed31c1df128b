"""BERT, the whole model (Devlin et al. 2018, section 3 and appendix A). Read it from top to bottom.

Its pre-training losses are in `objectives/masked_lm.py`. Compare it with `gpt.py`: all that differs is the
mask, segment embeddings, one more norm, and the two pre-training heads. With `norm="pre"` it is the BERT of
Shoeybi et al. 2019 ("Megatron-LM", 5.3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from twinlm.batch import Batch, Reading, mean_state
from twinlm.core import masks
from twinlm.core.blocks import BLOCKS, BlockConfig
from twinlm.core.dropout import Dropout
from twinlm.core.vocabulary_loss import choose, leave_out, vocabulary_loss

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BERTConfig:
    """Sizes of a BERT. The defaults are the paper's base model: 110 M parameters."""

    vocab_size: int = 30_522
    """V."""
    max_length: int = 512
    """Length of the longest packed pair of segments, in tokens."""
    segments: int = 2
    """Number of segments, A and B; each has a learned vector. With 1, both texts are in the same one."""
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
    activation: Literal["gelu", "gelu_tanh"] = "gelu"
    """Activation: the exact GELU, or the tanh form of Google's released code."""
    norm: Literal["post", "pre"] = "post"
    """Normalization after each sum (the paper), or before each layer and once at the end."""
    norm_eps: float = 1e-12
    """Constant added to the variance in layer normalization, as in Google's released code."""
    summary: Literal["token", "mean"] = "token"
    """State of a whole labelled input: C at [CLS] (the paper), or the mean of all tokens' states."""
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
            activation=_ACTIVATIONS[self.activation],
        )


class BERT(nn.Module):
    """A stack of transformer layers in which each token sees the whole input."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        self.position_embedding = nn.Embedding(config.max_length, config.width)
        self.segment_embedding = nn.Embedding(config.segments, config.width)
        norm, is_post = nn.LayerNorm(config.width, eps=config.norm_eps), config.norm == "post"
        self.embedding_norm = norm if is_post else nn.Identity()
        self.drop = Dropout(config.dropout)
        self.blocks = nn.ModuleList(BLOCKS[config.norm](config.block()) for _ in range(config.layers))
        self.final_norm = nn.Identity() if is_post else norm
        self.pooler = nn.Linear(config.width, config.width)
        self.masked_token_head = MaskedTokenHead(config)
        self.next_sentence_head = nn.Linear(config.width, 2)

    def forward(
        self, tokens_BL: Tensor, segments_BL: Tensor, real_BL: Tensor, mask: masks.Mask | None = None
    ) -> Tensor:
        """Return the last layer's states T_i, (B, L, D).

        A row is [CLS] A [SEP] B [SEP] and padding; segments are 0 in A and padding, 1 in B. The mask is the
        paper's, in which every position sees all real ones, unless another is given.
        """
        hidden_BLD = self.embed(tokens_BL, segments_BL)
        for block in self.blocks:
            hidden_BLD = block(hidden_BLD, mask or masks.bidirectional(real_BL))
        normalized_BLD: Tensor = self.final_norm(hidden_BLD)
        return normalized_BLD

    def embed(self, tokens_BL: Tensor, segments_BL: Tensor) -> Tensor:
        """Return the sum of token, position and segment embeddings, (B, L, D): figure 2."""
        length = tokens_BL.shape[1]
        if length > self.config.max_length:
            raise ValueError(
                f"a sequence of {length} tokens is longer than max_length={self.config.max_length}"
            )
        positions_L = torch.arange(length, device=tokens_BL.device)
        summed_BLD = (
            self.token_embedding(tokens_BL)
            + self.position_embedding(positions_L)
            # An imported model may know one segment only, which then holds both texts.
            + self.segment_embedding(segments_BL.clamp(max=self.config.segments - 1))
        )
        hidden_BLD: Tensor = self.drop(self.embedding_norm(summed_BLD))
        return hidden_BLD

    def masked_token_logits(self, hidden_BLD: Tensor) -> Tensor:
        """Score every token at every position, (B, L, V): task 1, section 3.1."""
        head = self.masked_token_head
        logits_BLV = F.linear(head(hidden_BLD), self.token_embedding.weight, head.bias_V)
        return leave_out(logits_BLV, self.config.unscored)

    def masked_token_loss(self, hidden_BLD: Tensor, targets_BL: Tensor, weights_BL: Tensor) -> Tensor:
        """Return the weighted sum of -log P(target), in nats."""
        head = self.masked_token_head
        # Only masked positions meet the vocabulary: 15 % of the cost of scoring all of them.
        hidden_ND, targets_N, weights_N = choose(hidden_BLD, targets_BL, weights_BL)
        embedding_VD, unscored = self.token_embedding.weight, self.config.unscored
        return vocabulary_loss(
            head(hidden_ND), embedding_VD, targets_N, weights_N, bias_V=head.bias_V, unscored=unscored
        )

    def next_sentence_logits(self, hidden_BLD: Tensor) -> Tensor:
        """Score "B follows A" (0) and "B is from elsewhere" (1), (B, 2): task 2, section 3.1."""
        logits_B2: Tensor = self.next_sentence_head(self.pooled(hidden_BLD))
        return logits_B2

    def pooled(self, hidden_BLD: Tensor) -> Tensor:
        """Return C, the state of [CLS] after one more layer, (B, D)."""
        return torch.tanh(self.pooler(hidden_BLD[:, 0]))

    def read(self, batch: Batch) -> Reading:
        """Return states for the task heads; the summary is C (section 3.2)."""
        hidden_BLD = self(batch.tokens_BL, batch.segments_BL, batch.real_BL)
        if self.config.summary == "mean":
            return Reading(hidden_BLD, mean_state(hidden_BLD, batch.real_BL))
        return Reading(hidden_BLD, self.pooled(hidden_BLD))


class MaskedTokenHead(nn.Module):
    """One more layer in front of the tied output weights, and their bias."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.transform = nn.Linear(config.width, config.width)
        self.activation = _ACTIVATIONS[config.activation]
        self.norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.bias_V = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the vectors that are multiplied with each token's embedding; (..., D) in and out."""
        transformed: Tensor = self.norm(self.activation(self.transform(hidden)))
        return transformed
