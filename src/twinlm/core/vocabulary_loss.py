"""Cross-entropy over the vocabulary without holding all logits: the last step of L1 and of masked LM.

The logits, (N, V), are by far the largest tensor of a small model's training step. Here a few rows at a time
are computed, turned into loss and gradients, and dropped while they are still in the cache.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# Logits held at once. 2**21 floats are 8 MB and stay in a CPU's cache (2026-11: 1.8 times the speed of
# F.cross_entropy at N=4096, V=8192, D=128, bfloat16); a GPU needs larger pieces to be busy.
_LOGITS_AT_ONCE = {"cpu": 2**21}
_LOGITS_AT_ONCE_ELSEWHERE = 2**26
# N is a multiple of this. A CPU compiles and keeps a matrix kernel for each shape: when every step had its
# own number of masked tokens, a process grew to 3.6 GB and lost a seventh of its time (2026-11).
_ROUNDED_TO = 64


def choose(hidden: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return hidden_ND, targets_N and weights_N of the positions whose weight is not 0.

    `hidden` is (..., D); `targets` and `weights` are (...). N is rounded up to a multiple of 64 by copies of
    the first position, with weight 0.
    """
    positions_N = weights.flatten().nonzero()[:, 0]
    count = len(positions_N)
    positions_N = torch.cat([positions_N, positions_N[:1].expand(-count % _ROUNDED_TO)])
    weights_N = weights.flatten()[positions_N]
    weights_N[count:] = 0
    return hidden.flatten(0, -2)[positions_N], targets.flatten()[positions_N], weights_N


def vocabulary_loss(
    hidden_ND: Tensor,
    embedding_VD: Tensor,
    targets_N: Tensor,
    weights_N: Tensor,
    *,
    bias_V: Tensor | None = None,
    unscored: Sequence[int] = (),
) -> Tensor:
    """Return the weighted sum over N of -log softmax(hidden_ND @ embedding_VD.T + bias_V)[target], in nats.

    `embedding_VD` are the output weights, tied to the token embeddings; weights of 1 / N give the mean. The
    tokens of `unscored` are left out of the softmax. The result is in float32; matrix products use autocast's
    dtype where autocast is on.
    """
    arguments = hidden_ND, embedding_VD, targets_N, bias_V, weights_N, unscored, torch.is_grad_enabled()
    loss: Tensor = _VocabularyLoss.apply(*arguments)  # type: ignore[no-untyped-call]
    return loss


def leave_out(logits: Tensor, tokens: Sequence[int]) -> Tensor:
    """Return logits, (..., V), with -inf for some tokens."""
    return logits.index_fill(-1, torch.tensor(tokens, device=logits.device), -math.inf) if tokens else logits


class _VocabularyLoss(torch.autograd.Function):
    """Computes the gradients in the forward pass, beside the logits they come from."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        embedding_VD: Tensor,
        targets_N: Tensor,
        bias_V: Tensor | None,
        weights_N: Tensor,
        unscored: Sequence[int],
        is_grad_enabled: bool,
    ) -> Tensor:
        device = hidden_ND.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else embedding_VD.dtype
        hidden_ND, weight_VD = hidden_ND.to(dtype), embedding_VD.to(dtype)
        rows = max(1, _LOGITS_AT_ONCE.get(device, _LOGITS_AT_ONCE_ELSEWHERE) // len(weight_VD))
        # `needs_input_grad` describes the tensors only: it is true under `no_grad` too.
        wants_gradients = is_grad_enabled and any(ctx.needs_input_grad)
        total = torch.zeros((), device=hidden_ND.device)
        d_hidden_ND = torch.empty_like(hidden_ND, dtype=torch.float32)
        d_weight_VD = torch.zeros_like(embedding_VD, dtype=torch.float32)
        d_bias_V = torch.zeros(len(weight_VD), device=hidden_ND.device)
        with torch.autocast(device, enabled=False):
            for start in range(0, len(hidden_ND), rows):
                part = slice(start, start + rows)
                logits_NV = leave_out(F.linear(hidden_ND[part], weight_VD).float(), unscored)
                if bias_V is not None:
                    logits_NV += bias_V
                log_sum_N = logits_NV.logsumexp(-1)
                surprise_N = log_sum_N - logits_NV.gather(1, targets_N[part, None])[:, 0]
                total += surprise_N @ weights_N[part]
                if not wants_gradients:
                    continue
                # d loss / d logits = weight * (softmax(logits) - onehot(target))
                d_logits_NV = logits_NV.sub_(log_sum_N[:, None]).exp_()
                d_logits_NV.scatter_add_(
                    1, targets_N[part, None], d_logits_NV.new_full((len(log_sum_N), 1), -1)
                )
                d_logits_NV *= weights_N[part, None]
                if bias_V is not None:
                    d_bias_V += d_logits_NV.sum(0)
                d_logits_NV = d_logits_NV.to(dtype)
                d_hidden_ND[part] = d_logits_NV @ weight_VD
                d_weight_VD += d_logits_NV.T @ hidden_ND[part]
        ctx.save_for_backward(d_hidden_ND, d_weight_VD, d_bias_V if bias_V is not None else None)
        return total

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden_ND, d_weight_VD, d_bias_V = ctx.saved_tensors
        d_bias_V = None if d_bias_V is None else d_loss * d_bias_V
        return d_loss * d_hidden_ND, d_loss * d_weight_VD, None, d_bias_V, None, None, None
