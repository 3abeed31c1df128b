"""From a pre-trained model to one for a task: the new head, and the layers that are kept, redrawn or frozen
(Radford et al. 2018, 3.3; 5, figure 2 left).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import nn

from twinlm import rng
from twinlm.checkpoint import Trained
from twinlm.core.initialize import draw, initialize
from twinlm.core.rows import start_from_mean
from twinlm.data.labels.task import LabelledTask
from twinlm.errors import UsageError
from twinlm.families import Family
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.settings import FinetuneSettings
from twinlm.tasks.kind import TaskConfig, TaskKind
from twinlm.tasks.table import task_kind
from twinlm.tasks.tagging import LEADING_BLANK

ALL = -1  # value of `transferred_layers` that keeps all weights
NONE = -1  # value of `frozen_layers` that trains all weights


def with_head(
    trained: Trained,
    task: LabelledTask,
    settings: FinetuneSettings,
    *,
    seed: int,
    counts: Counter[str],
    is_old: bool = False,
) -> tuple[Trained, Sequence[Any]]:
    """Return a model under a new head for a task, and the inputs of its training examples.

    `is_old` is for a run that a version before 0.2.0 started, which goes on as it began.
    """
    sizes: Any = trained.model.config
    task_type = task_kind(task.kind)
    config = head_config(trained.family, task, settings, most_length=sizes.max_length)
    if is_old:
        constants = {name: value for name, value in config.constants.items() if name != LEADING_BLANK}
        config = replace(config, constants=constants)
    inputs = task_type.inputs(task.train, trained.family.reader(trained.tokenizer), config, counts)
    tuned = _add_head(trained, task_type, config, settings, seed)
    if is_old:  # all its rows were in the softmax
        model: Any = trained.model
        model.config = replace(model.config, unscored=())
    return replace(trained, task=config, tuned=tuned), inputs


def head_config(
    family: Family, task: LabelledTask, settings: FinetuneSettings, *, most_length: int
) -> TaskConfig:
    """Return the configuration of a task's head on a model that reads `most_length` tokens."""
    return TaskConfig(
        kind=task.kind,
        labels=tuple(task.classes),
        scheme=task.scheme,
        fields={name: value for name, value in asdict(task.fields).items() if value},
        reading=task.reading,
        max_length=min(settings.max_length, most_length),
        stride=settings.stride,
        dropout=settings.dropout,
        has_bias=family.has_head_bias,
        constants=task_kind(task.kind).learn(task.train),
    )


def _add_head(
    trained: Trained, task_type: TaskKind, config: TaskConfig, settings: FinetuneSettings, seed: int
) -> FineTuned:
    model: Any = trained.model
    model.config = sizes = trained.family.for_tasks(model.config, settings)
    is_truncated, kept = trained.family.is_truncated, settings.transferred_layers
    layers_seed = rng.torch_seed(seed, "not transferred")
    transfer_layers(trained.model, kept, seed=layers_seed, is_truncated=is_truncated)
    head = task_type.build_head(config, sizes.width)
    generator = torch.Generator().manual_seed(rng.torch_seed(seed, "new tokens"))
    initialize(head, seed=rng.torch_seed(seed, "head"), is_truncated=is_truncated)
    tokenizer, embedding = trained.tokenizer, model.token_embedding
    fresh = trained.family.fresh_tokens(tokenizer.specials)
    if "import" in trained.history:  # next to its own rows, random ones may take all probability
        shown = {*fresh, *model.config.unscored} - {tokenizer.specials.pad, tokenizer.specials.mask}
        start_from_mean(model, sorted(shown), tokenizer.vocab_size)
    else:
        for token in fresh:
            draw(embedding.weight[token], generator, is_truncated=is_truncated)
    freeze_layers(trained.model, settings.frozen_layers)
    return FineTuned(trained.model, head)


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
