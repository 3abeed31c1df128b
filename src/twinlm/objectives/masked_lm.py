"""BERT's pre-training objective (Devlin et al. 2018, section 3.1): masked tokens, and whether B
follows A. The two mean losses are summed (appendix A.2).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from twinlm.batch import IGNORE, MaskedBatch
from twinlm.data.sequences.packing import by_length, pad
from twinlm.models.bert import BERT
from twinlm.objectives import Loss
from twinlm.objectives.likelihood import Stretch, log_likelihood_at
from twinlm.tokenizer import SpecialIds


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


def pseudo_log_likelihoods(
    model: BERT, stretches: Sequence[Stretch], specials: SpecialIds
) -> list[list[float]]:
    """Return log P(token | all others) of each stretch's tokens, in nats (Salazar et al. 2020).

    Each token is masked in turn. Their sum is no probability of the text.
    """
    return _at_masks(model, stretches, specials, _with_token_hidden)


def pseudo_log_likelihoods_l2r(
    model: BERT, stretches: Sequence[Stretch], specials: SpecialIds
) -> list[list[float]]:
    """Return the same with the later tokens of the token's own word masked as well (Kauf & Ivanova 2023).

    Otherwise a rare word of several tokens looks likely, as each of them gives the others away.
    """
    return _at_masks(model, stretches, specials, _with_rest_of_word_hidden)


def chain_rule_log_likelihoods(
    model: BERT, stretches: Sequence[Stretch], specials: SpecialIds
) -> list[list[float]]:
    """Return log P(token | those before it) of each stretch's tokens, in nats; what stands after is not read.

        [CLS] w_1 ... w_i-1 [MASK] [SEP]

    By the chain rule the sum is the log-probability of the tokens, whatever the model: over all texts of so
    many tokens, special ones included, the probabilities sum to 1. So it can be compared with a decoder's.
    But the model was trained on texts with both sides and few masks: that it knows a language can show
    poorly here.
    """
    return _at_masks(model, stretches, specials, _with_all_later_gone)


_View = Callable[[Stretch, int, SpecialIds], list[int]]
"""What the model reads to guess the token of that number, a [MASK] in its place, without [CLS] and [SEP]."""


def _with_token_hidden(stretch: Stretch, token: int, specials: SpecialIds) -> list[int]:
    later = stretch.tokens[token + 1 :]
    return [*stretch.before, *stretch.tokens[:token], specials.mask, *later, *stretch.after]


def _with_rest_of_word_hidden(stretch: Stretch, token: int, specials: SpecialIds) -> list[int]:
    word = stretch.words[token]
    hidden = sum(other == word for other in stretch.words[token:])
    later = stretch.tokens[token + hidden :]
    return [*stretch.before, *stretch.tokens[:token], *[specials.mask] * hidden, *later, *stretch.after]


def _with_all_later_gone(stretch: Stretch, token: int, specials: SpecialIds) -> list[int]:
    return [*stretch.before, *stretch.tokens[:token], specials.mask]


def _at_masks(
    model: BERT, stretches: Sequence[Stretch], specials: SpecialIds, view: _View
) -> list[list[float]]:
    """Return the log-likelihood of each token of each stretch, each in a view of its own."""
    asked = [(number, token) for number, s in enumerate(stretches) for token in range(len(s.tokens))]
    rows = [
        [specials.cls, *view(stretches[number], token, specials), specials.sep] for number, token in asked
    ]
    device = model.token_embedding.weight.device
    found = [[0.0] * len(stretch.tokens) for stretch in stretches]
    for group in by_length([len(row) for row in rows]):
        chosen = [asked[place] for place in group]
        batch = pad([rows[place] for place in group], specials.pad).to(device)
        hidden_BLD = model(batch.tokens_BL, batch.segments_BL, batch.real_BL)
        places_B = torch.tensor([1 + len(stretches[number].before) + token for number, token in chosen])
        targets_B = torch.tensor([stretches[number].tokens[token] for number, token in chosen])
        values = log_likelihood_at(
            hidden_BLD[torch.arange(len(chosen)), places_B], targets_B.to(device), model.masked_token_logits
        )
        for value, (number, token) in zip(values, chosen, strict=True):
            found[number][token] = value
    return found
