"""What pre-training begins with: weights that are drawn, or those of a model that goes on with other text.

Such a model may get more positions. Its new rows are copies of its own ones, over and over: what they say of
near neighbours holds there too (Beltagy et al. 2020, Longformer, 5). Rows drawn anew, which is what BERT's
own second phase begins with, are the other choice.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from twinlm import checkpoint, rng
from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize
from twinlm.families import Family
from twinlm.settings import KindSettings
from twinlm.system import storage
from twinlm.system.log import Progress
from twinlm.tokenizer import Tokenizer

_POSITIONS = "position_embedding.weight"


def fresh_model(family: Family, settings: KindSettings, tokenizer: Tokenizer, seed: int) -> Any:
    """Return a model with its first weights."""
    return _drawn(family, family.configure(settings.model, tokenizer.vocab_size), settings, seed)


def untrained(family: Family, settings: KindSettings, tokenizer: Tokenizer, seed: int) -> Trained:
    """Return a model that has learned nothing, as pre-training would begin with it."""
    return Trained(family=family, model=fresh_model(family, settings, tokenizer, seed), tokenizer=tokenizer)


def load_start(settings: KindSettings) -> Trained:
    """Return the model to go on from.

    Raises:
        ModelError: the folder of `pretrain.start` is missing or damaged.
    """
    return checkpoint.load_model(start_folder(settings))


def start_folder(settings: KindSettings) -> Path:
    """Return the model folder of `pretrain.start`, which may also be the run's folder around it."""
    folder = Path(settings.pretrain.start).expanduser()
    return folder if (folder / "config.json").is_file() else folder / "model"


def start_fingerprint(settings: KindSettings) -> str:
    """Return the SHA-256 of the weights that pre-training goes on from; empty if it begins anew."""
    if not settings.pretrain.start:
        return ""
    return storage.file_sha256(start_folder(settings) / "model.safetensors")


def first_model(
    family: Family, settings: KindSettings, tokenizer: Tokenizer, seed: int, progress: Progress
) -> tuple[Any, dict[str, Any]]:
    """Return the model that pre-training begins with, and its history: what it has learned before."""
    if not settings.pretrain.start:
        return fresh_model(family, settings, tokenizer, seed), {}
    start = load_start(settings)
    model, drawn = started_model(start, settings, seed)
    place = settings.pretrain.start
    progress.say(f"{family.label} goes on from {place}")
    if drawn:
        progress.say(f"{place} has no {', no '.join(drawn)}: drawn anew")
    source = {"folder": place, "sha256": start_fingerprint(settings), "drawn": drawn}
    return model, {**start.history, "start": source}


def started_model(start: Trained, settings: KindSettings, seed: int) -> tuple[Any, list[str]]:
    """Return a model with the weights of another, and the parts that were drawn, since that one lacks them.

    Args:
        start: the model to go on from.
        settings: its `model.max_length` may be greater than the start's, `model.dropout` another one.
        seed: of what is drawn.
    """
    before: Any = start.model.config
    sizes = replace(before, max_length=settings.model.max_length, dropout=settings.model.dropout)
    model = _drawn(start.family, sizes, settings, seed)
    fresh, weights = model.state_dict(), dict(start.model.state_dict())
    lacking = checkpoint.missing_parts(start)
    starts = tuple(f"{part}." for part in lacking)
    weights |= {name: tensor for name, tensor in fresh.items() if name.startswith(starts)}
    weights[_POSITIONS] = grow_positions(
        weights[_POSITIONS], fresh[_POSITIONS], settings.pretrain.grown_positions
    )
    model.load_state_dict(weights)
    return model, lacking


def grow_positions(old_LD: Tensor, fresh_MD: Tensor, how: Literal["copied", "drawn"]) -> Tensor:
    """Return position embeddings that begin with the old ones, as many as the fresh ones.

    Args:
        old_LD: learned.
        fresh_MD: drawn, at least as many.
        how: the new rows are the old ones over and over, or the drawn ones.
    """
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
