"""Heads of tasks in Hugging Face folders, both ways: the linear layer, its labels, and what belongs to them.

What their files have no place for (the length of inputs, the numbers found on the examples) is stored in
config.json under "twinlm"; a folder without it gets the values that transformers would compute with.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
from msgspec import Meta
from torch import Tensor, nn

from twinlm.checkpoint import Trained
from twinlm.data.labels.values import Reading
from twinlm.errors import ModelError
from twinlm.hf.layout import Head, Layout
from twinlm.tasks.classification import TEXTS
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import task_kind
from twinlm.tasks.tagging import LEADING_BLANK

NOTES = "twinlm"
_AS_IT_IS = {"activation_fn": "torch.nn.modules.linear.Identity"}
_MOST_LABELS = 100_000
_LONGEST_LABEL = 1000
_MEAN, _DEVIATION, _THRESHOLD = "mean", "deviation", "threshold"
_WITH_LABELS = ("classification", "tagging")
_Length = Annotated[int, Meta(ge=4, le=10**6)]


class _Notes(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    max_length: _Length = 10**6
    stride: _Length = 128
    constants: dict[str, float] = {}
    scheme: Annotated[str, Meta(max_length=20)] = ""
    reading: Reading = ""


def task_in(
    layout: Layout, config: Mapping[str, Any], architecture: str, sizes: Mapping[str, Any], path: Path
) -> TaskConfig | None:
    """Return what a config.json says of the task of its head; None for a class without one."""
    name = layout.task_of(architecture)
    if not name:
        return None
    labels = _labels(config, path)
    problem = config.get("problem_type")
    if name == "classification" and (len(labels) == 1 or problem == "regression"):
        name = "similarity"
    demands = {
        "similarity": (1, "regression"),
        "classification": (len(labels), "single_label_classification"),
    }
    count, allowed = demands.get(name, (len(labels), problem))
    if len(labels) != count or problem not in (None, allowed):
        message = f"a head with {len(labels)} labels and the problem_type {problem!r:.60} is not supported"
        raise ModelError(message, file=path)
    notes = _notes(config, path)
    if notes.scheme and notes.scheme not in task_kind(name).metrics:
        raise ModelError(f"labels of {name} have no meaning {notes.scheme!r}", file=path)
    # A left-to-right model's similarity is the sum over both orders of two texts; theirs reads one order, so
    # ours is made the mean of both.
    usual = {
        "classification": {TEXTS: 1.0},
        "similarity": {_MEAN: 0.0, _DEVIATION: 1.0 if layout.heads[name].is_biased else 0.5},
    }
    share = config.get("classifier_dropout")
    share = share if isinstance(share, int | float) and 0 <= share < 1 else sizes["dropout"]
    return TaskConfig(
        kind=name,
        labels=labels if name in _WITH_LABELS else (),
        max_length=min(notes.max_length, sizes["max_length"]),
        stride=notes.stride,
        dropout=float(share),
        has_bias=layout.heads[name].is_biased,
        scheme=notes.scheme,
        reading=notes.reading,
        constants={**usual.get(name, {}), **notes.constants},
    )


def head_shapes(head: Head, task: TaskConfig, width: int) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of a head's tensors in their files."""
    outputs = task_kind(task.kind).outputs(task)
    bias = {f"{head.linear}.bias": (outputs,)} if head.is_biased else {}
    return {f"{head.linear}.weight": (outputs, width), **bias}


def head_from(head: Head, task: TaskConfig, width: int, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Return our head with their weights."""
    ours = task_kind(task.kind).build_head(task, width)
    names = ("weight", "bias")[: 1 + head.is_biased]
    ours.load_state_dict({f"score.{name}": tensors[f"{head.linear}.{name}"] for name in names})
    return ours


def head_of(layout: Layout, task: TaskConfig) -> Head:
    """Return their class for a model with the head of a task."""
    if task.kind not in layout.heads:
        message = f"transformers has no class for {task.kind} with a model of type {layout.model_type}"
        raise ModelError(message, hint=f"it has some for {', '.join(layout.heads)}")
    head = layout.heads[task.kind]
    if task.has_bias and not head.is_biased:
        raise ModelError(f"this head has a bias, but {head.architecture} has no place for one")
    return head


def head_to(head: Head, trained: Trained) -> dict[str, Tensor]:
    """Return the tensors of a model's head under their names; a similarity is in the unit of its scores."""
    assert trained.tuned is not None and trained.task is not None
    state = trained.tuned.head.state_dict()
    weight, bias = state["score.weight"], state.get("score.bias", torch.zeros(len(state["score.weight"])))
    if trained.task.kind == "similarity":
        mean, deviation = (trained.task.constants[name] for name in (_MEAN, _DEVIATION))
        weight, bias = weight * deviation, bias * deviation + mean
    return {f"{head.linear}.weight": weight, **({f"{head.linear}.bias": bias} if head.is_biased else {})}


def task_keys(head: Head, task: TaskConfig) -> dict[str, Any]:
    """Return the keys of config.json that say what a head is for."""
    constants = dict(task.constants)
    keys: dict[str, Any] = {"classifier_dropout": task.dropout}
    if task.kind == "similarity":
        # Their head without a bias has no place for the mean, so adding it stays our task.
        constants |= {_DEVIATION: 1.0, _MEAN: 0.0 if head.is_biased else constants[_MEAN]}
        keys |= {"id2label": {"0": "score"}, "label2id": {"score": 0}, "problem_type": "regression"}
        # Else sentence-transformers' CrossEncoder squeezes a single score between 0 and 1.
        keys["sentence_transformers"] = _AS_IT_IS
    if task.kind == "classification":
        keys["problem_type"] = "single_label_classification"
    if task.labels:
        keys["id2label"] = {str(number): label for number, label in enumerate(task.labels)}
        keys["label2id"] = {label: number for number, label in enumerate(task.labels)}
    notes = _Notes(task.max_length, task.stride, constants, task.scheme, task.reading)
    return {**keys, NOTES: msgspec.to_builtins(notes)}


def _labels(config: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    count = config.get("num_labels", config.get("_num_labels", 2))
    if type(count) is not int or not 1 <= count <= _MOST_LABELS:
        raise ModelError(f"num_labels must be a whole number from 1 to {_MOST_LABELS:,}", file=path)
    texts = config.get("id2label")
    if texts is None:
        return tuple(f"LABEL_{number}" for number in range(count))
    numbers = [str(number) for number in range(len(texts))] if isinstance(texts, dict) else []
    if not numbers or len(numbers) > _MOST_LABELS or texts.keys() != set(numbers):
        raise ModelError("id2label must have the keys 0, 1, 2, ...", file=path)
    # Many folders have whole numbers as labels, of which datasets know the texts.
    labels = [str(label) if type(label) is int else label for label in map(texts.get, numbers)]
    is_text = all(isinstance(label, str) and 0 < len(label) <= _LONGEST_LABEL for label in labels)
    if not is_text or len(set(labels)) < len(labels):
        raise ModelError("id2label must give each number a text of its own", file=path)
    return tuple(labels)


def _notes(config: Mapping[str, Any], path: Path) -> _Notes:
    try:
        notes = msgspec.convert(config.get(NOTES, {}), _Notes)
        if unknown := notes.constants.keys() - {TEXTS, _MEAN, _DEVIATION, _THRESHOLD, LEADING_BLANK}:
            raise ValueError(f"unknown constant {sorted(unknown)[0]!r:.60}")
    except ValueError as error:  # also msgspec's own
        raise ModelError(f"the key {NOTES} is not what twinlm writes: {error}", file=path) from error
    return notes
