"""The form of the tables in bert.py and gpt.py: where a model type of Hugging Face's stores what.

Reading and writing use the same tables, so each can read what the other wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Rename:
    """One of our tensors and its names in a Hugging Face checkpoint; `{}` stands for the layer's number."""

    ours: str
    """Our name."""
    theirs: tuple[str, ...]
    """Their names; several tensors are joined along the first dimension in ours."""
    transposed: bool = False
    """Whether they store it transposed."""


@dataclass(frozen=True, slots=True)
class Size:
    """A whole number of a configuration."""

    theirs: str
    """Key in config.json."""
    ours: str
    """Field of our configuration."""
    default: int | None
    """Value that transformers assumes for a missing key; None for four times the width."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A word of a configuration."""

    theirs: str
    """Key in config.json."""
    ours: str
    """Field of our configuration."""
    words: Mapping[str, str]
    """Our words by theirs. The first is the default; of several for one of ours, the first is written."""


@dataclass(frozen=True, slots=True)
class Head:
    """The class of transformers that has the head of one kind of task."""

    architecture: str
    """Name of the class."""
    linear: str
    """Name of its one linear layer, our head's `score`."""
    is_biased: bool = True
    """Whether the layer has a bias."""
    lacks: tuple[str, ...] = ()
    """Parts of ours that the class has not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """One model type."""

    model_type: str
    """Name in config.json."""
    family: str
    """Name of our model kind."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Fields of our configuration that the model type implies."""
    prefix: str
    """Prefix of the body's tensors; files without it are read as well."""
    table: Sequence[Rename]
    """Names of its tensors."""
    sizes: Sequence[Size]
    """Sizes; a missing `feed_forward` is four times the width."""
    choices: Sequence[Choice] = ()
    """Words."""
    dropouts: Sequence[str]
    """Keys of dropout probabilities; we take the first."""
    epsilon: str
    """Key of the constant added to variances."""
    epsilon_default: float
    """Value that transformers assumes for a missing `epsilon`."""
    demands: Mapping[str, tuple[Any, ...]]
    """Allowed values by key; any other would change the computation to one that we don't do."""
    says: Mapping[str, Any]
    """Keys that are always written, beside the sizes."""
    repeats: Mapping[str, str] = field(default_factory=dict)
    """Old names of sizes, which are written too, with the names that are read."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Parts of ours that a folder may lack, with the prefix of their weights."""
    copies: Mapping[str, str]
    """Names under which a file may repeat a tensor, with that tensor's name."""
    buffers: str
    """Pattern for the names of tensors that are not weights."""
    other_heads: tuple[str, ...]
    """Prefixes of heads that transformers has and we have not."""
    bodies: Mapping[str, tuple[str, ...]]
    """Classes without the head of a task, and the parts each needs; the first possible one is written."""
    bare: str
    """Class of the body alone, which keeps a pooler, for tools that pool states themselves."""
    heads: Mapping[str, Head]
    """Classes with the head of a task, by our kind of task."""

    def task_of(self, architecture: str) -> str:
        """Return the kind of task of a class of transformers, or "" for a class without one."""
        return next((task for task, head in self.heads.items() if head.architecture == architecture), "")


def from_hf(table: Sequence[Rename], layers: int, theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return our state dict, made from a Hugging Face one."""
    ours = {}
    for rename, layer in _rows(table, layers):
        parts = [theirs[name.format(layer)] for name in rename.theirs]
        parts = [part.T if rename.transposed else part for part in parts]
        ours[rename.ours.format(layer)] = torch.cat(parts)
    return ours


def to_hf(table: Sequence[Rename], layers: int, ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a Hugging Face state dict, made from ours; the inverse of `from_hf`."""
    theirs = {}
    for rename, layer in _rows(table, layers):
        parts = ours[rename.ours.format(layer)].chunk(len(rename.theirs))
        for name, part in zip(rename.theirs, parts, strict=True):
            theirs[name.format(layer)] = (part.T if rename.transposed else part).contiguous()
    return theirs


def _rows(table: Sequence[Rename], layers: int) -> list[tuple[Rename, int]]:
    return [(row, layer) for row in table for layer in range(layers if "{}" in row.ours else 1)]
