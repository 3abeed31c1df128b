"""The model that pre-training starts with: newly drawn weights, or those of a model to continue from.

New positions are copies of its own, over and over, since what they say about near neighbours holds there too
(Beltagy et al. 2020, Longformer, 5); or they are newly drawn, as before BERT's own second phase.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from twinlm import checkpoint, rng
from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize
from twinlm.core.rows import start_from_mean
from twinlm.families import Family
from twinlm.settings import KindSettings
from twinlm.system import storage
from twinlm.system.log import Progress
from twinlm.tokenizer import Tokenizer

_POSITIONS = "position_embedding.weight"


def fresh_model(family: Family, settings: KindSettings, tokenizer: Tokenizer, seed: int) -> Any:
    """Return a model with newly drawn weights."""
    return _drawn(family, family.configure(settings.model, tokenizer.vocab_size), settings, seed)


def untrained(family: Family, settings: KindSettings, tokenizer: Tokenizer, seed: int) -> Trained:
    """Return the untrained model that pre-training would start with."""
    return Trained(family=family, model=fresh_model(family, settings, tokenizer, seed), tokenizer=tokenizer)


def load_start(settings: KindSettings) -> Trained:
    """Return the model to continue from, in the folder of `pretrain.start`."""
    return checkpoint.load_model(start_folder(settings))


def start_folder(settings: KindSettings) -> Path:
    """Return the model folder of `pretrain.start`, which may also be a folder around it."""
    folder = Path(settings.pretrain.start).expanduser()
    return folder if (folder / "config.json").is_file() else folder / "model"


def start_fingerprint(settings: KindSettings) -> str:
    """Return the SHA-256 of the weights that pre-training continues from; empty if there are none."""
    if not settings.pretrain.start:
        return ""
    return storage.file_sha256(start_folder(settings) / "model.safetensors")


def first_model(
    family: Family,
    settings: KindSettings,
    tokenizer: Tokenizer,
    seed: int,
    progress: Progress,
    *,
    is_old: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Return the model that pre-training starts with, and its history so far.

    `is_old` is for a run that a version before 0.2.0 started, with all tokens in the softmax.
    """
    if not settings.pretrain.start:
        return fresh_model(family, settings, tokenizer, seed), {}
    start = load_start(settings)
    model, drawn = started_model(start, settings, seed)
    if is_old:
        model.config = replace(model.config, unscored=())
    folder = settings.pretrain.start
    progress.say(f"{family.label} continues from {folder}")
    if drawn:
        progress.say(f"{folder} has no {', no '.join(drawn)}: newly drawn")
    source = {"folder": folder, "sha256": start_fingerprint(settings), "drawn": drawn}
    return model, {**start.history, "start": source}


def started_model(start: Trained, settings: KindSettings, seed: int) -> tuple[Any, list[str]]:
    """Return a model with the weights of `start`, perhaps more positions, and the parts it lacked."""
    before: Any = start.model.config
    sizes = replace(before, max_length=settings.model.max_length, dropout=settings.model.dropout)
    model = _drawn(start.family, sizes, settings, seed)
    fresh, weights = model.state_dict(), dict(start.model.state_dict())
    lacking = checkpoint.missing_parts(start)
    prefixes = tuple(f"{part}." for part in lacking)
    # An imported model holds noise where its folder had no tensors: draw these from this run's own stream.
    weights |= {name: tensor for name, tensor in fresh.items() if name.startswith(prefixes)}
    how = settings.pretrain.grown_positions
    weights[_POSITIONS] = grow_positions(weights[_POSITIONS], fresh[_POSITIONS], how)
    model.load_state_dict(weights)
    specials = start.tokenizer.specials
    shown = set(before.unscored).intersection(start.family.enclose([], specials))
    start_from_mean(model, sorted(shown), start.tokenizer.vocab_size)
    return model, lacking


def grow_positions(old_LD: Tensor, fresh_MD: Tensor, how: Literal["copied", "drawn"]) -> Tensor:
    """Return the old position embeddings, extended to M rows by copies of them or by the fresh ones."""
    if how == "drawn":
        return torch.cat([old_LD, fresh_MD[len(old_LD) :]])
    return old_LD[torch.arange(len(fresh_MD)) % len(old_LD)]


def _drawn(family: Family, sizes: Any, settings: KindSettings, seed: int) -> Any:
    model = family.model(sizes)
    initialize(
        model,
        seed=rng.torch_seed(seed, "first weights"),
        is_truncated=family.is_truncated,
        deviation=settings.model.first_deviation,
        positions=settings.model.first_positions,
    )
    return model
