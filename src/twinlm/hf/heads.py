"""Heads of tasks in their folders, both ways: the linear layer, its labels, and what goes with it.

What their files have no place for (the length of inputs, the numbers found on the examples) stands in
config.json under "twinlm"; a folder without it gets the values that transformers would compute with.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from twinlm.checkpoint import Trained
from twinlm.errors import ModelError
from twinlm.hf.layout import Head, Layout
from twinlm.tasks.classification import TEXTS
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import task_kind

NOTES = "twinlm"
_MOST_LABELS = 100_000
_LONGEST_LABEL = 1000
_MEAN, _DEVIATION, _THRESHOLD = "mean", "deviation", "threshold"
_WITH_LABELS = ("classification", "tagging")


def task_in(
    layout: Layout, about: Mapping[str, Any], architecture: str, sizes: Mapping[str, Any], place: Path
) -> TaskConfig | None:
    """Return what a config.json says of the task of its head; None for a class without one.

    Raises:
        ModelError: the task is none of ours, or what is said of it is not sound.
    """
    name = layout.kind_of(architecture)
    if not name:
        return None
    labels = _labels(about, place)
    problem = about.get("problem_type")
    if name == "classification" and (len(labels) == 1 or problem == "regression"):
        name = "similarity"
    wanted = {"similarity": (1, "regression"), "classification": (len(labels), "single_label_classification")}
    count, allowed = wanted.get(name, (len(labels), problem))
    if len(labels) != count or problem not in (None, allowed):
        message = f"a head with {len(labels)} labels and the problem_type {problem!r:.60} is not supported"
        raise ModelError(message, file=place)
    dropout = about.get("classifier_dropout")
    notes = _notes(about, place)
    return TaskConfig(
        kind=name,
        labels=labels if name in _WITH_LABELS else (),
        max_length=min(notes.get("max_length", sizes["max_length"]), sizes["max_length"]),
        stride=notes.get("stride", 128),
        dropout=dropout if type(dropout) is float and 0 <= dropout < 1 else sizes["dropout"],
        has_bias=layout.heads[name].is_biased,
        constants={**_usual_constants(name, layout), **notes.get("constants", {})},
    )


def head_shapes(head: Head, task: TaskConfig, width: int) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of a head's tensors in their files."""
    outputs = task_kind(task.kind).outputs(task)
    bias = {f"{head.linear}.bias": (outputs,)} if head.is_biased else {}
    return {f"{head.linear}.weight": (outputs, width), **bias}


def head_from(head: Head, task: TaskConfig, width: int, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Return our head with their weights."""
    ours = task_kind(task.kind).build_head(task, width)
    state = {name: tensors[f"{head.linear}.{name}"] for name in ("weight", "bias")[: 1 + head.is_biased]}
    ours.load_state_dict({f"score.{name}": tensor for name, tensor in state.items()})
    return ours


def head_of(layout: Layout, task: TaskConfig) -> Head:
    """Return their class for a model with the head of a task.

    Raises:
        ModelError: transformers has none, or it has no place for our head's bias.
    """
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
        # Without a bias there is no place for the mean in their head: it stays ours to add.
        constants |= {_DEVIATION: 1.0, _MEAN: 0.0 if head.is_biased else constants[_MEAN]}
        keys |= {"id2label": {"0": "score"}, "label2id": {"score": 0}, "problem_type": "regression"}
    if task.kind == "classification":
        keys["problem_type"] = "single_label_classification"
    if task.labels:
        keys["id2label"] = {str(number): label for number, label in enumerate(task.labels)}
        keys["label2id"] = {label: number for number, label in enumerate(task.labels)}
    notes = {"max_length": task.max_length, "stride": task.stride, "constants": constants}
    return {**keys, NOTES: notes}


def _labels(about: Mapping[str, Any], place: Path) -> tuple[str, ...]:
    count = about.get("num_labels", about.get("_num_labels", 2))
    if type(count) is not int or not 1 <= count <= _MOST_LABELS:
        raise ModelError(f"num_labels must be a whole number from 1 to {_MOST_LABELS:,}", file=place)
    given = about.get("id2label")
    if given is None:
        return tuple(f"LABEL_{number}" for number in range(count))
    numbers = [str(number) for number in range(len(given))] if isinstance(given, dict) else []
    if not numbers or len(numbers) > _MOST_LABELS or given.keys() != set(numbers):
        raise ModelError("id2label must have the keys 0, 1, 2, ...", file=place)
    labels = tuple(given[number] for number in numbers)
    is_text = all(isinstance(label, str) and 0 < len(label) <= _LONGEST_LABEL for label in labels)
    if not is_text or len(set(labels)) < len(labels):
        raise ModelError("id2label must give each number a text of its own", file=place)
    return labels


def _notes(about: Mapping[str, Any], place: Path) -> dict[str, Any]:
    """Return what stands under our own key, checked as everything else in the file."""
    notes = about.get(NOTES, {})
    constants = notes.get("constants", {}) if isinstance(notes, dict) else None
    if not isinstance(constants, dict) or not notes.keys() <= {"max_length", "stride", "constants"}:
        raise ModelError(f"the key {NOTES} is not as twinlm writes it", file=place)
    lengths = [notes[name] for name in ("max_length", "stride") if name in notes]
    are_lengths = all(type(length) is int and 4 <= length <= 10**6 for length in lengths)
    are_known = constants.keys() <= {TEXTS, _MEAN, _DEVIATION, _THRESHOLD}
    are_numbers = all(type(value) is float and math.isfinite(value) for value in constants.values())
    if not are_lengths or not are_known or not are_numbers:
        raise ModelError(f"the key {NOTES} is not as twinlm writes it", file=place)
    return dict(notes)


def _usual_constants(kind: str, layout: Layout) -> dict[str, float]:
    """Return the constants of a head from elsewhere.

    A left-to-right model's similarity is read in both orders and added up; theirs reads one, so ours is the
    mean of both.
    """
    share = 0.5 if layout.model_type != "bert" else 1.0
    usual = {"classification": {TEXTS: 1.0}, "similarity": {_MEAN: 0.0, _DEVIATION: share}}
    return usual.get(kind, {})
