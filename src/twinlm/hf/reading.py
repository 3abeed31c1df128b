"""A Hugging Face folder as a model of ours, without transformers. Next: `layout.py` for the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from twinlm import rng
from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize, without_weights
from twinlm.core.rows import PER_TOKEN
from twinlm.errors import ModelError
from twinlm.families import Family, family
from twinlm.hf.configuration import layout_in, sizes_in, unknown_keys
from twinlm.hf.heads import NOTES, head_from, head_shapes, task_in
from twinlm.hf.layout import Layout, from_hf
from twinlm.hf.matching import body_shapes, check_layers, match, rows_without
from twinlm.hf.pooling import pooling_in
from twinlm.hf.weights import Weights
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.system.foreign_folder import Folder
from twinlm.tasks.classification import TEXTS
from twinlm.tasks.kind import TaskConfig
from twinlm.tokenizer import read_foreign
from twinlm.use.load import refuse_adapter

CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class Imported:
    """Contents of a folder's config.json and weights."""

    family: Family
    """Model kind."""
    model: nn.Module
    """Model, in evaluation mode."""
    task: TaskConfig | None
    """Task, if there is the head of one."""
    tuned: FineTuned | None
    """Model under that head."""
    facts: Mapping[str, Any]
    """Facts for `Trained.history`."""


def read_folder(
    path: Path, *, source: str = "", is_headless: bool = False, texts: int | None = None, seed: int = 0
) -> Trained:
    """Return the model of a Hugging Face folder, with its tokenizer, ready for use.

    `source` names its origin for people: the folder's name if not given. `is_headless` leaves the head of a
    task out. `texts` is the number of texts that a classifier's head reads at once: 1 if neither this nor the
    folder says. `seed` is for weights that the folder lacks.
    """
    folder = Folder(path)
    refuse_adapter(path)
    config = folder.read_json(CONFIG)
    layout = layout_in(config, path / CONFIG)
    is_of_words = (
        layout.task_of(_architecture(layout, config, path / CONFIG)) == "tagging" and NOTES in config
    )
    tokenizer = read_foreign(path, template=family(layout.family).template, is_of_words=is_of_words)
    added = tokenizer.added_tokens
    imported = read_model(
        folder, tokenizer.vocab_size - added, added=added, is_headless=is_headless, seed=seed
    )
    task = imported.task
    if task and tokenizer.specials.extract >= tokenizer.vocab_size - added:
        message = "this head reads bare texts, but ours reads them between special tokens that are new to it"
        raise ModelError(message, file=path, hint="import it without its head and fine-tune it")
    if task and texts and TEXTS in task.constants:
        task = replace(task, constants={**task.constants, TEXTS: float(texts)})
    embedding, unknown = pooling_in(folder, is_lowercase=tokenizer.pipeline.lowercase)
    facts = {**imported.facts, "embedding": embedding, "not_understood": unknown}
    return Trained(
        family=imported.family,
        model=imported.model,
        tokenizer=tokenizer,
        task=task,
        tuned=imported.tuned,
        history={"import": {"source": source or path.resolve().name, **facts}},
    )


def read_model(
    folder: Folder, known: int, *, added: int = 0, is_headless: bool = False, seed: int = 0
) -> Imported:
    """Return the model of a Hugging Face folder without reading its tokenizer's files.

    Its tokenizer has `known` tokens; `added` special tokens that we need follow them, outside the softmax.
    Parts that the folder lacks are drawn from N(0, 0.02) with `seed`, and `facts` says so.
    """
    path = folder.path / CONFIG
    config = folder.read_json(CONFIG)
    layout = layout_in(config, path)
    sizes = sizes_in(layout, config, path)
    architecture = _architecture(layout, config, path)
    task = None if is_headless else task_in(layout, config, architecture, sizes, path)
    if sizes["vocab_size"] < known:
        message = f"vocab_size is {sizes['vocab_size']:,}, but the tokenizer has {known:,} tokens"
        raise ModelError(message, file=path)
    kind = family(layout.family)
    their_head = layout.heads[task.kind] if task else None
    with Weights(folder) as weights:
        check_layers(layout, sizes["layers"], weights, folder.path)
        with without_weights():  # sizes cost nothing there
            body = body_shapes(layout, sizes["layers"], kind.model(kind.config(**sizes)).state_dict())
            unscored = tuple(range(known, known + added))
            kept = {**sizes, "vocab_size": sizes["vocab_size"] + added, "unscored": unscored}
            model = kind.model(kind.config(**kept))
        head = head_shapes(their_head, task, sizes["width"]) if task and their_head else {}
        matched = match(layout, weights, body, head, folder.path)
        if their_head and (lost := sorted(set(matched.missing) - set(their_head.lacks))):
            message = f"{architecture} needs the {lost[0]}, whose tensors are missing"
            raise ModelError(message, file=folder.path)
        ours = from_hf(rows_without(layout, matched.missing), sizes["layers"], matched)
        our_head = head_from(their_head, task, sizes["width"], matched) if task and their_head else None
        dtypes = sorted({weights.entry(name).dtype for name in matched.names.values()})
    _with_own_tokens(ours, known, added)
    model.load_state_dict({**ours, **_drawn_parts(kind, model, matched.missing, seed)}, assign=True)
    facts = {
        "model_type": layout.model_type,
        "architecture": architecture,
        "dtypes": dtypes,
        "missing": list(matched.missing),
        "ignored_tensors": list(matched.ignored),
        "ignored_keys": unknown_keys(layout, config),
        "unused_rows": sizes["vocab_size"] - known,
        "drawn_rows": added,
    }
    tuned = FineTuned(model, our_head) if our_head else None
    (tuned or model).eval()
    return Imported(kind, model, task, tuned, facts)


def _architecture(layout: Layout, config: Mapping[str, Any], path: Path) -> str:
    """Return the class that a folder was saved from; the plain model's if it doesn't say."""
    names = config.get("architectures") or [next(iter(layout.bodies))]
    known = [*layout.bodies, *dict.fromkeys(head.architecture for head in layout.heads.values())]
    if not isinstance(names, list) or len(names) != 1 or names[0] not in known:
        message = f"architectures is {str(names)[:80]}, but only these are supported: {', '.join(known)}"
        raise ModelError(message, file=path)
    return str(names[0])


def _drawn_parts(kind: Family, model: nn.Module, missing: Sequence[str], seed: int) -> dict[str, Tensor]:
    """Return initial weights for the parts that a folder lacks: to be trained, not to be used."""
    drawn: dict[str, Tensor] = {}
    for part in missing:
        fresh = model.get_submodule(part).to_empty(device="cpu")
        for weight in fresh.parameters():
            nn.init.zeros_(weight)
        initialize(fresh, seed=rng.torch_seed(seed, "import", part), is_truncated=kind.is_truncated)
        drawn |= {f"{part}.{name}": tensor for name, tensor in fresh.state_dict().items()}
    return drawn


def _with_own_tokens(ours: dict[str, Tensor], known: int, added: int) -> None:
    """Insert rows for the added tokens after the known ones, in place; rows without a token come last."""
    for name in PER_TOKEN:
        if name in ours:
            rows = ours[name]
            mean = rows[:known].mean(0, keepdim=True)
            ours[name] = torch.cat([rows[:known], mean.expand(added, *rows.shape[1:]), rows[known:]])
