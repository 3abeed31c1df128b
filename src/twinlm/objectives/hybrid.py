"""Objectives that are in neither paper: each model trained the other one's way for part of the time.

A hybrid (Charpentier & Samuel 2024, GPT-BERT) predicts every token from the state one position before it: the
next token, if the state sees the left side only, or a masked token, if it sees both sides.
"""

from torch import tensor

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
    targets_BT = batch.originals_BL[:, 1:]
    is_target_BT = targets_BT != IGNORE
    sees_all_B1 = batch.sees_all_B[:, None]
    causal, masked = (
        model.next_token_loss(hidden_BLD[:, :-1], targets_BT, chosen_BT / max(1, counts[name]))
        for name, chosen_BT in [
            ("causal", is_target_BT & ~sees_all_B1),
            ("masked", is_target_BT & sees_all_B1),
        ]
    )
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
