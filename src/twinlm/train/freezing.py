"""How much of a pre-trained model fine-tuning takes over, and how much of that stays as it is.

GPT-1's figure 2 (left) transfers the embeddings and the first n layers, and draws the rest anew (Radford et
al. 2018, 5): each layer that is transferred helped. Both functions change a model without a head, in place.
"""

from typing import Any

from torch import nn

from twinlm.core.initialize import STANDARD_DEVIATION, initialize
from twinlm.errors import UsageError

ALL = -1
"""As `transferred_layers`: take over everything."""
NONE = -1
"""As `frozen_layers`: let everything learn."""


def transfer_layers(
    model: nn.Module,
    layers: int,
    *,
    seed: int,
    is_truncated: bool,
    deviation: float = STANDARD_DEVIATION,
) -> None:
    """Draw a model's weights anew, but for its embeddings and its first layers.

    Args:
        model: a pre-trained GPT or BERT.
        layers: how many keep their weights, from 0; `ALL` to change nothing, also of heads.
        seed: of the draws, see `rng.torch_seed`.
        is_truncated: `Family.is_truncated`.
        deviation: of the matrices.
    """
    if layers == ALL:
        return
    body: Any = model
    fresh = type(body)(body.config)
    initialize(fresh, seed=seed, is_truncated=is_truncated, deviation=deviation)
    kept = lower_part(model, layers)
    drawn = {name: weight for name, weight in fresh.state_dict().items() if name not in kept}
    model.load_state_dict({**model.state_dict(), **drawn})


def freeze_layers(model: nn.Module, layers: int) -> None:
    """Let a model's embeddings and first layers keep their weights in training; dropout stays.

    With them the embeddings of tokens that fine-tuning draws anew stay as they were drawn.

    Args:
        model: a GPT or BERT.
        layers: how many, from 0 (the embeddings only); `NONE` to let everything learn.
    """
    kept = set() if layers == NONE else lower_part(model, layers)
    for name, weight in model.named_parameters():
        weight.requires_grad_(name not in kept)


def lower_part(model: nn.Module, layers: int) -> set[str]:
    """Return the names of the weights of a model's embeddings and first layers.

    Raises:
        UsageError: the model has fewer layers.
    """
    if layers > (most := len(model.get_submodule("blocks"))):  # type: ignore[arg-type]
        message = f"{layers} layers are to be transferred or frozen, but the model has {most}"
        raise UsageError(message, hint="lower finetune.transferred_layers or finetune.frozen_layers")
    parts = [name for name, _ in model.named_children() if "embedding" in name]
    parts += [f"blocks.{number}" for number in range(layers)]
    starts = tuple(f"{part}." for part in parts)
    return {name for name in model.state_dict() if name.startswith(starts)}
