"""A model of ours as a Hugging Face folder, without transformers: `to_hf_files` and `write_folder`.

transformers, and whatever reads its folders, loads it as if it had been made there.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save
from torch import Tensor

from twinlm.checkpoint import Trained, missing_parts
from twinlm.core.rows import PER_TOKEN
from twinlm.hf.card import CARD, model_card
from twinlm.hf.configuration import layout_of, to_config
from twinlm.hf.heads import head_of, head_to, task_keys
from twinlm.hf.layout import Head, Layout, to_hf
from twinlm.hf.matching import rows_without
from twinlm.hf.tokenizing import dropped_tokens, tokenizer_files
from twinlm.hf.usage import usage
from twinlm.hf.weights import INDEX, WHOLE
from twinlm.system import storage

MAX_SHARD_BYTES = 5 * 10**9
_BIAS = "masked_token_head.bias_V"
_NEVER = -1e4  # as a bias it makes a token impossible, also in float16


@dataclass(frozen=True, slots=True)
class Form:
    """How a model is written: as which class of transformers, and without what."""

    layout: Layout
    """Model type."""
    head: Head | None
    """Class with the head of its task; None for a model without one."""
    architecture: str
    """Name of the class."""
    lacks: frozenset[str]
    """Parts of ours that are not written."""
    dropped: tuple[int, ...]
    """Tokens that are not written, see `dropped_tokens`."""


def form_of(trained: Trained, *, is_bare: bool = False) -> Form:
    """Return how a model is written; an error if no class of Hugging Face's can hold it.

    `is_bare` leaves all heads out, for a tool that works with the states.
    """
    layout = layout_of(trained.family.name, trained.model.config)
    task = None if is_bare else trained.task
    head = head_of(layout, task) if task else None
    lacks = _lacks(layout, head, missing_parts(trained), is_bare=is_bare)
    architecture = head.architecture if head else layout.bare if is_bare else _body(layout, lacks)
    return Form(layout, head, architecture, lacks, dropped_tokens(trained, has_head=bool(head) or is_bare))


def to_hf_files(
    trained: Trained, *, max_shard_bytes: int = MAX_SHARD_BYTES, is_bare: bool = False
) -> dict[str, bytes]:
    """Return the files of a folder that transformers loads, by name.

    Weights above `max_shard_bytes` are split into several files with an index. See `form_of` for `is_bare`
    and errors.
    """
    form = form_of(trained, is_bare=is_bare)
    layout, layers = form.layout, cast(Any, trained.model.config).layers
    tensors = to_hf(rows_without(layout, form.lacks), layers, kept_state(trained, form))
    if form.head:
        tensors |= head_to(form.head, trained)
    files = {**describing_files(trained, form), **weight_files(tensors, max_shard_bytes)}
    shown = usage(trained, form.architecture, form.head)
    return {**files, CARD: model_card(trained, form.architecture, form.head, shown).encode()}


def describing_files(trained: Trained, form: Form) -> dict[str, bytes]:
    """Return the files that say how a model computes and cuts texts, by name: all but weights and card."""
    sizes, specials = cast(Any, trained.model.config), trained.tokenizer.specials
    task = trained.task if form.head else None
    tokens = {"pad_token_id": specials.pad}
    if trained.family.is_generative:
        # <start> precedes every document, so it also says that one has ended.
        tokens |= {"bos_token_id": specials.start, "eos_token_id": specials.start}
    tokens = {key: number for key, number in tokens.items() if number not in form.dropped}
    longest = task.max_length if task else sizes.max_length
    config = {
        "architectures": [form.architecture],
        **to_config(form.layout, replace(sizes, vocab_size=sizes.vocab_size - len(form.dropped))),
        **(task_keys(form.head, task) if task and form.head else {}),
        **tokens,
        "dtype": "float32",
    }
    files = {
        "config.json": storage.json_bytes(config),
        **tokenizer_files(trained, form.dropped, max_length=longest, has_head=bool(task)),
    }
    if trained.family.is_generative and not task:
        files["generation_config.json"] = storage.json_bytes(tokens)
    return files


def kept_state(trained: Trained, form: Form) -> dict[str, Tensor]:
    """Return a model's tensors without dropped tokens; a bias rules out an encoder's untrained ones."""
    sizes, dropped = cast(Any, trained.model.config), form.dropped
    kept = [number for number in range(sizes.vocab_size) if number not in dropped]
    state = dict(trained.model.state_dict())
    state |= {name: state[name][kept] for name in PER_TOKEN if dropped and name in state}
    if sizes.unscored and _BIAS in state:
        state[_BIAS] = state[_BIAS].index_fill(0, torch.tensor(sizes.unscored), _NEVER)
    return state


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Publish the files of an exported model, completely or not at all; nothing may exist at that path."""
    storage.require_free(folder)
    # People keep editing these files, so a manifest of them would soon be wrong.
    storage.publish_folder(folder, files, has_manifest=False)


def weight_files(tensors: Mapping[str, Tensor], max_shard_bytes: int) -> dict[str, bytes]:
    """Return tensors as one safetensors file, or as several with their index if it would be too large."""
    shards = list(_shards(tensors, max_shard_bytes))
    if len(shards) == 1:
        return {WHOLE: _tensor_bytes(shards[0])}
    names = [f"model-{number:05d}-of-{len(shards):05d}.safetensors" for number in range(1, len(shards) + 1)]
    index = {
        "metadata": {"total_size": sum(map(_size_bytes, tensors.values()))},
        "weight_map": {key: name for name, shard in zip(names, shards, strict=True) for key in shard},
    }
    files = {name: _tensor_bytes(shard) for name, shard in zip(names, shards, strict=True)}
    return {**files, INDEX: storage.json_bytes(index)}


def _lacks(layout: Layout, head: Head | None, missing: Sequence[str], *, is_bare: bool) -> frozenset[str]:
    """Return the parts of ours that are not written: untrained ones, and those that the class has not."""
    bare = layout.parts.keys() - {"pooler"} if is_bare else set()
    return frozenset({*missing, *bare, *(head.lacks if head else ())})


def _body(layout: Layout, lacks: Set[str]) -> str:
    """Return the largest class without the head of a task that needs none of the parts that lack."""
    return next(name for name, parts in layout.bodies.items() if not lacks & set(parts))


def _shards(tensors: Mapping[str, Tensor], most_bytes: int) -> Iterator[dict[str, Tensor]]:
    shard: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if shard and sum(map(_size_bytes, shard.values())) + _size_bytes(tensor) > most_bytes:
            yield shard
            shard = {}
        shard[name] = tensor
    yield shard


def _size_bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    # Without this note, transformers takes the file for one of another framework.
    contents: bytes = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, {"format": "pt"}
    )
    return contents
