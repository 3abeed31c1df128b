"""AdamW as both released codes use it: matrices and embeddings decay, biases and gains do not.

BERT's (google-research/bert, optimization.py) does not correct the bias of the averages. The rate rises
linearly, then falls to zero: along a cosine for GPT-1 (Radford et al. 2018, 4.1), linearly for BERT (Devlin
et al. 2018, A.2).
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from twinlm.settings import OptimizerSettings

_FALLS: dict[str, Callable[[float], float]] = {
    "linear": lambda done: 1 - done,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
}


def build_optimizer(module: nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """Return AdamW over all weights of a module; the learning rate is set at each step."""
    decaying = [weight for weight in module.parameters() if weight.dim() > 1]
    others = [weight for weight in module.parameters() if weight.dim() <= 1]
    groups = [
        {"params": decaying, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    options: dict[str, Any] = {
        "lr": settings.learning_rate,
        "betas": (settings.beta1, settings.beta2),
        "eps": settings.epsilon,
    }
    if not settings.bias_correction:
        return UncorrectedAdamW(groups, **options)
    return torch.optim.AdamW(groups, **options, fused=True)  # one pass over the weights, not several


def learning_rate(settings: OptimizerSettings, steps: int) -> Callable[[int], float]:
    """Return the function from a step, counted from 0, to its rate; the first and the last step learn."""
    # BERT's released code (optimization.py, run_classifier.py) rounds the share down, starts at rate 0, and
    # measures the fall from step 0, so that the rate drops a little where the warm-up ends.
    rounded = int if settings.released_schedule else math.ceil
    warmup = settings.warmup_steps or rounded(settings.warmup_share * steps)
    first, origin = (0, 0) if settings.released_schedule else (1, warmup)
    fall, peak = _FALLS[settings.schedule], settings.learning_rate

    def rate(step: int) -> float:
        if step < warmup:
            return peak * (step + first) / warmup
        return peak * fall((step - origin) / max(1, steps - origin))

    return rate


class UncorrectedAdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay and without bias correction.

    m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,  w = w - lr (m / (sqrt(v) + eps) + decay w)
    """

    def __init__(
        self, groups: list[dict[str, Any]], *, lr: float, betas: tuple[float, float], eps: float
    ) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update all weights that have a gradient."""
        assert closure is None
        with torch.no_grad():
            for group in self.param_groups:
                for weight in group["params"]:
                    if weight.grad is not None:
                        self._update(weight, weight.grad, group)

    def _update(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, (beta1, beta2) = self.state[weight], group["betas"]
        if not state:
            state |= {name: torch.zeros_like(weight) for name in ("exp_avg", "exp_avg_sq")}
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(gradient, 1 - beta1)
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.addcdiv_(mean, square.sqrt().add_(group["eps"]), value=-group["lr"])
