"""First weights: N(0, 0.02) for matrices, 0 for biases, 1 for gains (Radford et al. 2018, 4.1).

Two settings depart from the papers, for small models under small budgets. A linear map of width D keeps the
size of its input if its deviation is proportional to 1 / sqrt(D): 0.02 at width 768 becomes 0.05 at 128.
Position embeddings that start as waves (Vaswani et al. 2017, 3.5) let attention find neighbours by distance
long before random ones do; training changes them, as in both papers.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

STANDARD_DEVIATION = 0.02
_LONGEST_WAVE = 10_000

Positions = Literal["normal", "sinusoidal"]


def initialize(
    model: nn.Module,
    *,
    seed: int,
    is_truncated: bool,
    deviation: float = STANDARD_DEVIATION,
    positions: Positions = "normal",
) -> None:
    """Draw a model's weights in place, by a seed from `rng.torch_seed`.

    `is_truncated` redraws values beyond two standard deviations (BERT's released code); `positions` may make
    `model.position_embedding` waves of the same deviation.
    """
    generator = torch.Generator().manual_seed(seed)
    for part in model.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            draw(part.weight, generator, is_truncated=is_truncated, deviation=deviation)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
        if isinstance(part, nn.LayerNorm):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
    if positions == "sinusoidal":
        embedding = model.get_submodule("position_embedding")
        assert isinstance(embedding, nn.Embedding)
        with torch.no_grad():
            embedding.weight.copy_(waves(*embedding.weight.shape) * deviation)


def draw(
    weight: torch.Tensor,
    generator: torch.Generator,
    *,
    is_truncated: bool,
    deviation: float = STANDARD_DEVIATION,
) -> None:
    """Draw one weight from N(0, deviation), in place."""
    with torch.no_grad():
        if is_truncated:
            limit = 2 * deviation
            nn.init.trunc_normal_(weight, std=deviation, a=-limit, b=limit, generator=generator)
        else:
            nn.init.normal_(weight, std=deviation, generator=generator)


def waves(length: int, width: int) -> torch.Tensor:
    """Return sines and cosines of each position, (L, D), of mean square 1 (Vaswani et al. 2017, 3.5)."""
    rates_K = _LONGEST_WAVE ** -(torch.arange(0, width, 2) / width)
    angles_LK = torch.arange(length)[:, None] * rates_K
    pairs_LK2 = torch.stack([angles_LK.sin(), angles_LK.cos()], dim=-1)
    return math.sqrt(2) * pairs_LK2.flatten(1)[:, :width]


@contextmanager
def without_weights() -> Iterator[None]:
    """Build modules without memory for their weights, on the meta device, and without drawing any."""
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Leaves out what a layer draws when it is built: on the meta device that imports PyTorch's compiler.

    The import takes longer than all else that an answer needs (2026-11).
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Return the tensor of a function of `torch.nn.init` as it is, and call any other function."""
        kwargs = kwargs or {}
        is_drawn = getattr(func, "__module__", "") == nn.init.__name__
        return kwargs["tensor"] if is_drawn else func(*args, **kwargs)
