"""The first weights: N(0, 0.02) for matrices, 0 for biases, 1 for gains (Radford et al. 2018, 4.1)."""

import torch
from torch import nn

STANDARD_DEVIATION = 0.02


def initialize(model: nn.Module, *, seed: int, is_truncated: bool) -> None:
    """Draw a model's weights in place.

    Args:
        model: made of linear maps, embeddings and layer normalizations.
        seed: of the draws, see `rng.torch_seed`.
        is_truncated: draw again what lies beyond two standard deviations (BERT's released code).
    """
    generator = torch.Generator().manual_seed(seed)
    for part in model.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            draw(part.weight, generator, is_truncated=is_truncated)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
        if isinstance(part, nn.LayerNorm):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)


def draw(weight: torch.Tensor, generator: torch.Generator, *, is_truncated: bool) -> None:
    """Fill a weight with N(0, 0.02), in place."""
    with torch.no_grad():
        if is_truncated:
            limit = 2 * STANDARD_DEVIATION
            nn.init.trunc_normal_(weight, std=STANDARD_DEVIATION, a=-limit, b=limit, generator=generator)
        else:
            nn.init.normal_(weight, std=STANDARD_DEVIATION, generator=generator)
