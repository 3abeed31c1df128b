"""Heads of fine-tuning: one linear layer on a `Reading`.

A head never sees the model, so each works on GPT and BERT alike. G are the decisions of a batch, C the
classes or choices. `TaskKind.head` assigns heads to tasks.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from twinlm.batch import IGNORE, LabelledBatch, Reading, SpanBatch, TaggedBatch
from twinlm.core.dropout import Dropout


class _LinearHead(nn.Module):
    """Dropout and linear layer of every head."""

    # Neither paper's equation has a bias; BERT's released code does.

    def __init__(self, *, width: int, outputs: int, dropout: float, has_bias: bool) -> None:
        super().__init__()
        self.drop = Dropout(dropout)
        self.score = nn.Linear(width, outputs, bias=has_bias)


class SequenceHead(_LinearHead):
    """One class for each input: W_y in Radford et al. 2018, equation 3; W in Devlin et al. 2018, 4.1."""

    def forward(self, reading: Reading, batch: LabelledBatch) -> Tensor:
        """Return a score for each class, (G, C)."""
        scores_GC: Tensor = self.score(self.drop(self.states(reading, batch), _first_rows(batch)))
        return scores_GC

    def states(self, reading: Reading, batch: LabelledBatch) -> Tensor:
        """Return what the linear layer reads, (G, D)."""
        return _summed(reading.summary_BD, batch)

    def loss(self, scores_GC: Tensor, batch: LabelledBatch) -> Tensor:
        """Return the mean of -log P(label), in nats."""
        return F.cross_entropy(scores_GC.float(), batch.labels_G)


class NumberHead(_LinearHead):
    """One number for each input, such as the similarity of two texts.

    If an input is read in both orders, the two states are added before the linear layer (Radford et al.
    2018, 3.3).
    """

    def forward(self, reading: Reading, batch: LabelledBatch) -> Tensor:
        """Return the number, (G,)."""
        scores_G1 = self.score(self.drop(self.states(reading, batch), _first_rows(batch)))
        scores_G: Tensor = scores_G1[:, 0]
        return scores_G

    def states(self, reading: Reading, batch: LabelledBatch) -> Tensor:
        """Return what the linear layer reads, (G, D)."""
        return _summed(reading.summary_BD, batch)

    def loss(self, scores_G: Tensor, batch: LabelledBatch) -> Tensor:
        """Return the mean squared error."""
        return F.mse_loss(scores_G.float(), batch.labels_G)


class ChoiceHead(_LinearHead):
    """One of several sequences: each is scored by itself, and a softmax runs over those of one decision.

    Radford et al. 2018, 3.3; Devlin et al. 2018, 4.4. The choices of a decision share one dropout mask, as in
    GPT-1's released code.
    """

    def forward(self, reading: Reading, batch: LabelledBatch) -> Tensor:
        """Return a score for each choice, (G, C); minus infinity beyond the choices of a decision."""
        owners_B, decisions = batch.owners_B, len(batch.labels_G)
        first_G = _first_rows(batch)
        shared_GD = self.drop(reading.summary_BD.new_ones(decisions, reading.summary_BD.shape[1]), first_G)
        scores_B = self.score(reading.summary_BD * shared_GD[owners_B])[:, 0]
        sizes_G = torch.bincount(owners_B, minlength=decisions)
        choice_B = torch.arange(len(owners_B), device=owners_B.device) - first_G[owners_B]
        scores_GC = scores_B.new_full((decisions, int(sizes_G.max())), -torch.inf)
        filled_GC: Tensor = scores_GC.index_put((owners_B, choice_B), scores_B)
        return filled_GC

    def loss(self, scores_GC: Tensor, batch: LabelledBatch) -> Tensor:
        """Return the mean of -log P(right choice), in nats."""
        return F.cross_entropy(scores_GC.float(), batch.labels_G)


class TokenHead(_LinearHead):
    """One class for each token (Devlin et al. 2018, 5.3: no CRF)."""

    def forward(self, reading: Reading, batch: TaggedBatch) -> Tensor:
        """Return a score for each class of each token, (B, L, C)."""
        scores_BLC: Tensor = self.score(self.drop(self.states(reading, batch)))
        return scores_BLC

    def states(self, reading: Reading, batch: TaggedBatch) -> Tensor:
        """Return what the linear layer reads, (B, L, D)."""
        return reading.hidden_BLD

    def loss(self, scores_BLC: Tensor, batch: TaggedBatch) -> Tensor:
        """Return the mean of -log P(label) over labelled tokens, in nats; 0 if there are none."""
        nats = F.cross_entropy(
            scores_BLC.float().flatten(0, 1), batch.labels_BL.flatten(), ignore_index=IGNORE, reduction="sum"
        )
        return nats / (batch.labels_BL != IGNORE).sum().clamp(min=1)


class SpanHead(_LinearHead):
    """Start and end of an answer: the vectors S and E of Devlin et al. 2018, 4.2."""

    def forward(self, reading: Reading, batch: SpanBatch) -> Tensor:
        """Return each token's score as the first and as the last one, (B, L, 2)."""
        scores_BL2: Tensor = self.score(self.drop(reading.hidden_BLD)).float()
        return scores_BL2.masked_fill(~batch.allowed_BL[:, :, None], -torch.inf)

    def loss(self, scores_BL2: Tensor, batch: SpanBatch) -> Tensor:
        """Return the mean of -log P(first) and -log P(last), in nats."""
        return F.cross_entropy(scores_BL2, batch.spans_B2)


def _first_rows(batch: LabelledBatch) -> Tensor:
    """Return the row of each decision's first sequence, (G,)."""
    sizes_G = torch.bincount(batch.owners_B, minlength=len(batch.labels_G))
    return sizes_G.cumsum(0) - sizes_G


def _summed(summary_BD: Tensor, batch: LabelledBatch) -> Tensor:
    """Return one state for each decision: the sum over its sequences, (G, D)."""
    summed_GD = summary_BD.new_zeros(len(batch.labels_G), summary_BD.shape[1])
    return summed_GD.index_add(0, batch.owners_B, summary_BD)
