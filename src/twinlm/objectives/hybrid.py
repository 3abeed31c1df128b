"""Objectives that are in neither paper: each model trained the other one's way for part of the time.

A hybrid (Charpentier & Samuel 2024, GPT-BERT) predicts every token from the state one position before it. In
some rows that is the next token, and the state sees the left side only; in the others it is a masked token,
and the state sees both sides. So one network learns both ways to read. The alternative is one way after the
other: a BERT whose first steps are left to right.
"""

from torch import Tensor, tensor

from twinlm.batch import IGNORE, Batch, Counts, HybridBatch, MaskedBatch
from twinlm.core import masks
from twinlm.models.bert import BERT
from twinlm.models.gpt import GPT
from twinlm.objectives import Loss, Objective
from twinlm.objectives.causal_lm import causal_lm


def hybrid_lm(model: GPT, batch: Batch, step: Counts | None = None) -> Loss:
    """Return the mean loss of causal rows and that of masked rows, weighted by their shares of the rows.

    Batches other than a `HybridBatch` have no masked rows.
    """
    if not isinstance(batch, HybridBatch):
        return causal_lm(model, batch, step)
    own = batch.counts()
    counts = step or own
    hidden_BLD = model(batch.tokens_BL, masks.mixed(batch.sees_all_B, batch.tokens_BL.shape[1]))
    causal = _shifted_loss(model, hidden_BLD, batch.originals_BL, ~batch.sees_all_B, counts["causal"])
    masked = _shifted_loss(model, hidden_BLD, batch.originals_BL, batch.sees_all_B, counts["masked"])
    share = tensor(counts["masked_rows"] / counts["rows"])
    parts = {"causal_lm": causal.detach(), "masked_next_token": masked.detach()}
    return Loss((1 - share) * causal + share * masked, own["causal"] + own["masked"], parts)


def left_to_right_first(objective: Objective[BERT, MaskedBatch]) -> Objective[BERT, Batch]:
    """Return an objective that reads batches without masks left to right, and others as `objective` does."""

    def either(model: BERT, batch: Batch, step: Counts | None = None) -> Loss:
        if isinstance(batch, MaskedBatch):
            return objective(model, batch, step)
        return left_to_right_lm(model, batch, step)

    return either


def left_to_right_lm(model: BERT, batch: Batch, step: Counts | None = None) -> Loss:
    """Return the mean of -log P(token | tokens before it), in nats: GPT's L1 on a BERT.

    The head for masked tokens scores the next token (Devlin et al. 2018, 5.1, "LTR").
    """
    counts = batch.counts()
    hidden_BLD = model(batch.tokens_BL, batch.segments_BL, batch.real_BL, masks.causal())
    weights_BT = batch.real_BL[:, 1:] / max(1, (step or counts)["next_tokens"])
    mean = model.masked_token_loss(hidden_BLD[:, :-1], batch.tokens_BL[:, 1:], weights_BT)
    return Loss(mean, counts["next_tokens"], {"causal_lm": mean.detach()})


def _shifted_loss(
    model: GPT, hidden_BLD: Tensor, originals_BL: Tensor, chosen_B: Tensor, targets: int
) -> Tensor:
    """Return the loss of the targets in the chosen rows, each from the state before it, over their number."""
    targets_BT = originals_BL[:, 1:]
    is_target_BT = (targets_BT != IGNORE) & chosen_B[:, None]
    weights_BT = is_target_BT / max(1, targets)
    return model.next_token_loss(hidden_BLD[:, :-1], targets_BT, weights_BT)
