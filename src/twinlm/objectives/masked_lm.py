"""BERT's pre-training objective (Devlin et al. 2018, section 3.1): masked tokens, and whether B
follows A. The two mean losses are summed (appendix A.2).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from twinlm.batch import IGNORE, MaskedBatch
from twinlm.models.bert import BERT
from twinlm.objectives import Loss
from twinlm.tokenizer import SpecialIds

_TEXTS_AT_ONCE = 32


def masked_lm(model: BERT, batch: MaskedBatch) -> Loss:
    """Return minus the mean log-likelihood of the masked tokens given all others, in nats."""
    mean = _masked_token_loss(model, _states(model, batch), batch)
    return Loss(mean, _count(batch), {"masked_lm": mean.detach()})


def masked_lm_and_next_sentence(model: BERT, batch: MaskedBatch) -> Loss:
    """Return the mean loss over masked tokens plus the mean over pairs, "does B follow A?", in nats."""
    return _with_sentence_task(model, batch, "next_sentence")


def masked_lm_and_sentence_order(model: BERT, batch: MaskedBatch) -> Loss:
    """Return the mean loss over masked tokens plus the mean over pairs, "is A before B?", in nats.

    Lan et al. 2020, 3.1; the head is that of next sentences, the pairs are others.
    """
    return _with_sentence_task(model, batch, "sentence_order")


def _with_sentence_task(model: BERT, batch: MaskedBatch, name: str) -> Loss:
    hidden_BLD = _states(model, batch)
    tokens = _masked_token_loss(model, hidden_BLD, batch)
    logits_B2 = model.next_sentence_logits(hidden_BLD)
    pairs = F.cross_entropy(logits_B2.float(), batch.is_random_B)
    right = (logits_B2.argmax(1) == batch.is_random_B).float().mean()
    parts = {"masked_lm": tokens.detach(), name: pairs.detach(), f"{name}_accuracy": right}
    return Loss(tokens + pairs, _count(batch), parts)


def _states(model: BERT, batch: MaskedBatch) -> Tensor:
    hidden_BLD: Tensor = model(batch.tokens_BL, batch.segments_BL, batch.real_BL)
    return hidden_BLD


def _masked_token_loss(model: BERT, hidden_BLD: Tensor, batch: MaskedBatch) -> Tensor:
    is_masked_BL = batch.originals_BL != IGNORE
    weights_BL = is_masked_BL / is_masked_BL.sum().clamp(min=1)
    return model.masked_token_loss(hidden_BLD, batch.originals_BL, weights_BL)


def _count(batch: MaskedBatch) -> int:
    return int((batch.originals_BL != IGNORE).sum())


def pseudo_log_likelihoods(model: BERT, tokens: Sequence[int], specials: SpecialIds) -> Tensor:
    """Return log P(token | all others) of each of a text's N tokens, (N,), in nats (Salazar et al. 2020).

    Each token is masked in turn. Their sum is no probability of the text.
    """
    row_L = torch.tensor([specials.cls, *tokens, specials.sep], device=model.token_embedding.weight.device)
    places_N = torch.arange(1, len(row_L) - 1, device=row_L.device)
    found = []
    for places_B in torch.split(places_N, _TEXTS_AT_ONCE):
        tokens_BL = row_L.repeat(len(places_B), 1)
        rows_B = torch.arange(len(places_B), device=row_L.device)
        tokens_BL[rows_B, places_B] = specials.mask
        hidden_BLD = model(tokens_BL, torch.zeros_like(tokens_BL), torch.ones_like(tokens_BL).bool())
        logits_1BV = model.masked_token_logits(hidden_BLD[None, rows_B, places_B]).float()
        found.append(logits_1BV.log_softmax(-1)[0, rows_B, row_L[places_B]])
    return torch.cat(found)
