"""L1, GPT's pre-training objective (Radford et al. 2018, equation 1): predict each next token.

T counts the L - 1 positions that have a next token.
"""

from collections.abc import Sequence

from torch import Tensor

from twinlm.batch import Batch, Counts
from twinlm.data.sequences.packing import by_length, pad
from twinlm.models.gpt import GPT
from twinlm.objectives import Loss
from twinlm.objectives.likelihood import Stretch, log_likelihood_at
from twinlm.tokenizer import SpecialIds


def causal_lm(model: GPT, batch: Batch, step: Counts | None = None) -> Loss:
    """Return the mean of -log P(token | tokens before it), which is -L1 / count, in nats."""
    counts = batch.counts()
    hidden_BLD = model(batch.tokens_BL)
    weights_BT = batch.real_BL[:, 1:] / max(1, (step or counts)["next_tokens"])
    mean = model.next_token_loss(hidden_BLD[:, :-1], batch.tokens_BL[:, 1:], weights_BT)
    return Loss(mean, counts["next_tokens"], {"causal_lm": mean.detach()})


def auxiliary_causal_lm(model: GPT, hidden_BLD: Tensor, batch: Batch, step: Counts) -> Tensor:
    """Return L1 of labelled inputs from their states: the mean over texts of each text's mean, in nats."""
    # As in the released code, every token after the first counts, the extract token included.
    targets_BT, real_BT = batch.tokens_BL[:, 1:], batch.real_BL[:, 1:]
    weights_BT = real_BT / real_BT.sum(1, keepdim=True) / step["rows"]
    return model.next_token_loss(hidden_BLD[:, :-1], targets_BT, weights_BT)


def log_likelihoods(model: GPT, stretches: Sequence[Stretch], specials: SpecialIds) -> list[list[float]]:
    """Return log P(token | tokens before it) for each token of each stretch, in nats: the terms of L1.

    An imported model that has never seen <start> says nothing about a text's first token, which counts 0.
    """
    start = [] if specials.start in model.config.unscored else [specials.start]
    rows = [[*start, *stretch.before, *stretch.tokens] for stretch in stretches]
    device = model.token_embedding.weight.device
    values: dict[int, list[float]] = {}
    for group in by_length([len(row) for row in rows]):
        tokens_BL = pad([rows[number] for number in group], specials.pad).to(device).tokens_BL
        hidden_BLD = model(tokens_BL)
        for row, number in enumerate(group):
            end = len(rows[number])
            begin = max(1, end - len(stretches[number].tokens))
            hidden_ND, targets_N = hidden_BLD[row, begin - 1 : end - 1], tokens_BL[row, begin:end]
            known = log_likelihood_at(hidden_ND, targets_N, model.next_token_logits)
            values[number] = [0.0] * (len(stretches[number].tokens) - len(known)) + known
    return [values[number] for number in range(len(rows))]
