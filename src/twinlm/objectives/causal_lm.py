"""L1, GPT's pre-training objective (Radford et al. 2018, equation 1): predict each next token.

T are the L - 1 positions that have a next token.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from twinlm.batch import Batch
from twinlm.models.gpt import GPT
from twinlm.objectives import Loss
from twinlm.tokenizer import SpecialIds


def causal_lm(model: GPT, batch: Batch) -> Loss:
    """Return minus the mean log-likelihood of each token given all before it, -L1 / count, in nats."""
    hidden_BLD = model(batch.tokens_BL)
    targets_BT, real_BT = batch.tokens_BL[:, 1:], batch.real_BL[:, 1:]
    mean = model.next_token_loss(hidden_BLD[:, :-1], targets_BT, real_BT / real_BT.sum().clamp(min=1))
    return Loss(mean, int(real_BT.sum()), {"causal_lm": mean.detach()})


def auxiliary_causal_lm(model: GPT, hidden_BLD: Tensor, batch: Batch) -> Tensor:
    """Return L1 on labelled inputs, from states at hand: each text's mean, then the mean over texts, in nats.

    The released code counts every token after the first one, the extract token included.
    """
    targets_BT, real_BT = batch.tokens_BL[:, 1:], batch.real_BL[:, 1:]
    weights_BT = real_BT / real_BT.sum(1, keepdim=True) / len(real_BT)
    return model.next_token_loss(hidden_BLD[:, :-1], targets_BT, weights_BT)


def log_likelihoods(model: GPT, tokens: Sequence[int], specials: SpecialIds) -> Tensor:
    """Return log P(token | those before it) of each of a text's N tokens, (N,), in nats: the terms of L1."""
    tokens_1L = torch.tensor([[specials.start, *tokens]], device=model.token_embedding.weight.device)
    logits_1TV = model.next_token_logits(model(tokens_1L)[:, :-1]).float()
    return logits_1TV.log_softmax(-1)[0].gather(1, tokens_1L[0, 1:, None])[:, 0]
