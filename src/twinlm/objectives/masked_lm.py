"""BERT's pre-training objective (Devlin et al. 2018, section 3.1): predict masked tokens, and whether B
follows A. The loss is the sum of both mean losses (appendix A.2).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from twinlm.batch import IGNORE, Counts, MaskedBatch
from twinlm.data.sequences.packing import by_length, pad
from twinlm.models.bert import BERT
from twinlm.objectives import Loss
from twinlm.objectives.likelihood import Stretch, log_likelihood_at
from twinlm.tokenizer import SpecialIds


def masked_lm(model: BERT, batch: MaskedBatch, step: Counts | None = None) -> Loss:
    """Return the mean of -log P(masked token | all other tokens), in nats."""
    hidden_BLD = model(batch.tokens_BL, batch.segments_BL, batch.real_BL)
    counts = batch.counts()
    mean = _masked_token_loss(model, hidden_BLD, batch, step or counts)
    return Loss(mean, counts["masked"], {"masked_lm": mean.detach()})


def masked_lm_and_next_sentence(model: BERT, batch: MaskedBatch, step: Counts | None = None) -> Loss:
    """Return the mean loss of masked tokens plus that of "does B follow A?", in nats."""
    return _with_sentence_task(model, batch, step, "next_sentence")


def masked_lm_and_sentence_order(model: BERT, batch: MaskedBatch, step: Counts | None = None) -> Loss:
    """Return the mean loss of masked tokens plus that of "does A come before B?" (Lan et al. 2020, 3.1)."""
    return _with_sentence_task(model, batch, step, "sentence_order")


def _with_sentence_task(model: BERT, batch: MaskedBatch, step: Counts | None, name: str) -> Loss:
    own = batch.counts()
    counts = step or own
    share = own["rows"] / counts["rows"]
    hidden_BLD = model(batch.tokens_BL, batch.segments_BL, batch.real_BL)
    tokens = _masked_token_loss(model, hidden_BLD, batch, counts)
    logits_B2 = model.next_sentence_logits(hidden_BLD)
    pairs = share * F.cross_entropy(logits_B2.float(), batch.is_random_B)
    accuracy = share * (logits_B2.argmax(1) == batch.is_random_B).float().mean()
    parts = {"masked_lm": tokens.detach(), name: pairs.detach(), f"{name}_accuracy": accuracy}
    return Loss(tokens + pairs, own["masked"], parts)


def _masked_token_loss(model: BERT, hidden_BLD: Tensor, batch: MaskedBatch, step: Counts) -> Tensor:
    weights_BL = (batch.originals_BL != IGNORE) / max(1, step["masked"])
    return model.masked_token_loss(hidden_BLD, batch.originals_BL, weights_BL)


def pseudo_log_likelihoods(
    model: BERT, stretches: Sequence[Stretch], specials: SpecialIds
) -> list[list[float]]:
    """Return log P(token | all other tokens) for each token of each stretch, in nats (Salazar et al. 2020).

    Each token is masked in turn. The sum is not the probability of the text.
    """
    return _at_masks(model, stretches, specials, _token_masked)


def pseudo_log_likelihoods_l2r(
    model: BERT, stretches: Sequence[Stretch], specials: SpecialIds
) -> list[list[float]]:
    """Return the same with the later tokens of the same word masked too (Kauf & Ivanova 2023).

    Otherwise a rare word of several tokens looks likely, since each token gives the others away.
    """
    return _at_masks(model, stretches, specials, _rest_of_word_masked)


def chain_rule_log_likelihoods(
    model: BERT, stretches: Sequence[Stretch], specials: SpecialIds
) -> list[list[float]]:
    """Return log P(token | tokens before it) for each token of each stretch, in nats.

        [CLS] w_1 ... w_i-1 [MASK] [SEP]

    By the chain rule the sum is the log-probability of the tokens, so it can be compared with a decoder's:
    over all texts of this number of tokens, special ones included, the probabilities sum to 1. But BERT was
    trained on texts with both sides and few masks, so the figure may understate what it knows.
    """
    return _at_masks(model, stretches, specials, _nothing_after)


_View = Callable[[Stretch, int, SpecialIds], list[int]]
"""Input for predicting the token of a number, with [MASK] at its position and without [CLS] and [SEP]."""


def _token_masked(stretch: Stretch, token: int, specials: SpecialIds) -> list[int]:
    return [*_nothing_after(stretch, token, specials), *stretch.tokens[token + 1 :], *stretch.after]


def _rest_of_word_masked(stretch: Stretch, token: int, specials: SpecialIds) -> list[int]:
    word = stretch.words[token]
    masked = sum(other == word for other in stretch.words[token:])
    later = stretch.tokens[token + masked :]
    return [*stretch.before, *stretch.tokens[:token], *[specials.mask] * masked, *later, *stretch.after]


def _nothing_after(stretch: Stretch, token: int, specials: SpecialIds) -> list[int]:
    return [*stretch.before, *stretch.tokens[:token], specials.mask]


def _at_masks(
    model: BERT, stretches: Sequence[Stretch], specials: SpecialIds, view: _View
) -> list[list[float]]:
    queries = [(number, token) for number, s in enumerate(stretches) for token in range(len(s.tokens))]
    rows = [
        [specials.cls, *view(stretches[number], token, specials), specials.sep] for number, token in queries
    ]
    device = model.token_embedding.weight.device
    values = [[0.0] * len(stretch.tokens) for stretch in stretches]
    for group in by_length([len(row) for row in rows]):
        chosen = [queries[index] for index in group]
        batch = pad([rows[index] for index in group], specials.pad).to(device)
        hidden_BLD = model(batch.tokens_BL, batch.segments_BL, batch.real_BL)
        # [CLS] and the tokens before the stretch stand in front of the token.
        positions_B = torch.tensor([1 + len(stretches[number].before) + token for number, token in chosen])
        targets_B = torch.tensor([stretches[number].tokens[token] for number, token in chosen])
        scores = log_likelihood_at(
            hidden_BLD[torch.arange(len(chosen)), positions_B],
            targets_B.to(device),
            model.masked_token_logits,
        )
        for score, (number, token) in zip(scores, chosen, strict=True):
            values[number][token] = score
    return values
