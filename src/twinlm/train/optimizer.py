"""AdamW as both released codes use it: matrices and embeddings decay, biases and gains do not. And Muon.

BERT's (google-research/bert, optimization.py) does not correct the bias of the averages. The rate rises
linearly, then falls to zero: along a cosine for GPT-1 (Radford et al. 2018, 4.1), linearly for BERT (Devlin
et al. 2018, A.2). Muon (Jordan et al. 2024) updates the layers' matrices, AdamW the rest.
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


# Coefficients of the fifth-order Newton-Schulz iteration, and its number of steps (Jordan et al. 2024).
_NEWTON_SCHULZ, _ITERATIONS = (3.4445, -4.7750, 2.0315), 5
_MOMENTUM = 0.95
# The matrices take steps this much larger than the rate, which also is AdamW's: at equal steps, BERT's
# embeddings move too fast or its layers too slowly (docs/log.md).
_SIZE_OF_UPDATE = 7.0


def build_optimizer(
    module: nn.Module, settings: OptimizerSettings, precision: str = "float32"
) -> torch.optim.Optimizer:
    """Return the optimizer over all weights of a module; the learning rate is set at each step.

    `precision` is that of Muon's matrix products, "float32" or "bfloat16"; its momentum is in float32.
    """
    weights = dict(module.named_parameters())
    matrices = [name for name in weights if settings.method == "muon" and _is_matrix_of_layer(name)]
    rest = [name for name in weights if name not in matrices]
    groups: list[dict[str, Any]] = [
        {"params": [weights[name] for name in rest if weights[name].dim() > 1]},
        {"params": [weights[name] for name in rest if weights[name].dim() <= 1], "weight_decay": 0.0},
    ]
    options: dict[str, Any] = {
        "lr": settings.learning_rate,
        "betas": (settings.beta1, settings.beta2),
        "eps": settings.epsilon,
        "weight_decay": settings.weight_decay,
    }
    if settings.method == "muon":
        # Query, key and value are three matrices in one, and each is made orthogonal by itself.
        for parts in (1, 3):
            chosen = [weights[name] for name in matrices if ("query_key_value" in name) == (parts == 3)]
            groups.append({"params": chosen, "parts": parts})
        return Muon(groups, dtype=getattr(torch, precision), **options)
    if not settings.bias_correction:
        return PlainAdamW(groups, **options)
    return torch.optim.AdamW(groups, **options, fused=True)  # one pass over the weights, not several


def state_names(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> set[str]:
    """Return the names of what an optimizer keeps for each weight of one of its groups."""
    if "parts" in group:
        return {"momentum"}
    is_counted = not isinstance(optimizer, PlainAdamW) or optimizer.is_corrected
    return {"exp_avg", "exp_avg_sq", *(("step",) if is_counted else ())}


def _is_matrix_of_layer(name: str) -> bool:
    return "blocks." in name and name.endswith(".weight") and "norm" not in name


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


class PlainAdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay, with or without bias correction (Loshchilov and Hutter 2019).

    m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,  w = w - lr (m / (sqrt(v) + eps) + decay w)

    With the correction m is divided by 1 - beta1^t, and v by 1 - beta2^t.
    """

    def __init__(
        self, groups: list[dict[str, Any]], *, bias_correction: bool = False, **options: Any
    ) -> None:
        super().__init__(groups, options)
        self.is_corrected = bias_correction

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
            state |= {"step": torch.tensor(0.0)} if self.is_corrected else {}
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(gradient, 1 - beta1)
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        rate, root = group["lr"], square.sqrt()
        if self.is_corrected:
            state["step"] += 1
            rate /= 1 - beta1 ** int(state["step"])
            root /= math.sqrt(1 - beta2 ** int(state["step"]))
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.addcdiv_(mean, root.add_(group["eps"]), value=-rate)


# Not on PyTorch's AdamW, which refuses weights without a step count: checkpoints number the averages of one
# optimizer.
class Muon(PlainAdamW):
    """Momentum made orthogonal for the groups with "parts", AdamW for the others (Jordan et al. 2024).

    m = mu m + (1 - mu) g,  o = orthogonal(mu m + (1 - mu) g)
    w = w - lr (7 sqrt(max(1, rows / columns)) o + decay w)
    """

    def __init__(self, groups: list[dict[str, Any]], *, dtype: torch.dtype, **options: Any) -> None:
        super().__init__(groups, bias_correction=True, **options)
        self._dtype = dtype

    def _update(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        if "parts" not in group:
            super()._update(weight, gradient, group)
            return
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
        direction = gradient.lerp(momentum, _MOMENTUM)  # Nesterov's
        # A sharded matrix is made orthogonal as a whole, by each process for itself; it keeps its own rows.
        is_sharded = hasattr(weight, "device_mesh")
        whole = direction.full_tensor() if is_sharded else direction  # type: ignore[attr-defined]
        parts = [orthogonal(part.to(self._dtype)).float() for part in whole.chunk(group["parts"])]
        rows, columns = parts[0].shape
        update = torch.cat(parts) * (_SIZE_OF_UPDATE * math.sqrt(max(1.0, rows / columns)))
        if is_sharded:
            update = _rows_like(weight, update)
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(update, alpha=-group["lr"])


def _rows_like(weight: Any, update: Tensor) -> Tensor:
    """Return the rows of an update that this process holds of a sharded weight."""
    from torch.distributed.tensor import DTensor, Replicate  # takes half a second, and few models are sharded

    mesh = weight.device_mesh
    copies = DTensor.from_local(update, mesh, [Replicate()] * mesh.ndim, run_check=False)
    return copies.redistribute(placements=weight.placements)


def orthogonal(matrix_MN: Tensor) -> Tensor:
    """Return about U V^T of a matrix U S V^T, with singular values from 0.7 to 1.2, by Newton-Schulz."""
    first, second, third = _NEWTON_SCHULZ
    is_tall = matrix_MN.shape[0] > matrix_MN.shape[1]
    x = matrix_MN.mT if is_tall else matrix_MN
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        squares = x @ x.mT
        x = first * x + torch.addmm(second * squares, squares, squares, alpha=third) @ x
    result: Tensor = x.mT if is_tall else x
    return result
