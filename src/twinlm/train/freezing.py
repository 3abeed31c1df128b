"""Layers that fine-tuning redraws (Radford et al. 2018, 5, figure 2 left) and layers that it freezes."""

from typing import Any

from torch import nn

from twinlm.core.initialize import initialize
from twinlm.errors import UsageError

ALL = -1  # value of `transferred_layers` that keeps all weights
NONE = -1  # value of `frozen_layers` that trains all weights


def transfer_layers(model: nn.Module, layers: int, *, seed: int, is_truncated: bool) -> None:
    """Redraw a model's weights, except its embeddings and first `layers`; `ALL` keeps everything."""
    if layers == ALL:
        return
    pretrained: Any = model
    fresh = type(pretrained)(pretrained.config)
    initialize(fresh, seed=seed, is_truncated=is_truncated)
    kept = lower_part(model, layers)
    drawn = {name: weight for name, weight in fresh.state_dict().items() if name not in kept}
    model.load_state_dict({**model.state_dict(), **drawn})


def freeze_layers(model: nn.Module, layers: int) -> None:
    """Exclude a model's embeddings, redrawn ones too, and first `layers` from training, unless `NONE`."""
    kept = set() if layers == NONE else lower_part(model, layers)
    for name, weight in model.named_parameters():
        weight.requires_grad_(name not in kept)


def lower_part(model: nn.Module, layers: int) -> set[str]:
    """Return the names of the weights of a model's embeddings and first layers."""
    if layers > (most := len(model.get_submodule("blocks"))):  # type: ignore[arg-type]
        message = f"{layers} layers are to be transferred or frozen, but the model has {most}"
        raise UsageError(message, hint="lower finetune.transferred_layers or finetune.frozen_layers")
    parts = [name for name, _ in model.named_children() if "embedding" in name]
    parts += [f"blocks.{number}" for number in range(layers)]
    starts = tuple(f"{part}." for part in parts)
    return {name for name in model.state_dict() if name.startswith(starts)}
