"""What a model type of Hugging Face's stores where: the form of the tables in bert.py, gpt.py and gpt2.py.

Reading and writing go through the same tables, so that what one writes the other reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twinlm.hf.names import Rename


@dataclass(frozen=True, slots=True)
class Size:
    """A whole number of a configuration."""

    theirs: str
    """Key in config.json."""
    ours: str
    """Field of our configuration."""
    default: int | None
    """What transformers takes if the key is not there; None stands for four times the width."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A word of a configuration."""

    theirs: str
    """Key in config.json."""
    ours: str
    """Field of our configuration."""
    words: Mapping[str, str]
    """Ours for theirs; the first one that means the same is written, and the very first is the default."""


@dataclass(frozen=True, slots=True)
class Head:
    """The class of transformers that has the head of one kind of task."""

    architecture: str
    """Its name."""
    linear: str
    """Name of its one linear layer: our head's `score`."""
    is_biased: bool = True
    """Whether the layer has a bias."""
    lacks: tuple[str, ...] = ()
    """Our parts that the class has not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """One model type."""

    model_type: str
    """In config.json."""
    family: str
    """Which of our kinds it is."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Fields of our configuration that come with the model type."""
    prefix: str
    """Before the names of the body; files without it are read as well."""
    table: Sequence[Rename]
    """Its tensors."""
    sizes: Sequence[Size]
    """Its sizes; a missing `feed_forward` is four times the width."""
    choices: Sequence[Choice] = ()
    """Its words."""
    dropouts: Sequence[str]
    """Keys of dropout probabilities; the first one is ours."""
    epsilon: str
    """Key of what is added to variances."""
    epsilon_default: float
    """What transformers takes if it is not there."""
    demands: Mapping[str, tuple[Any, ...]]
    """Values that a key may have; others change the computation to one that we don't do."""
    says: Mapping[str, Any]
    """Keys that are always written, beside the sizes."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Parts of ours that a folder may lack, with the beginning of the names of their weights."""
    copies: Mapping[str, str]
    """Names under which a file may repeat a tensor, and that tensor's."""
    buffers: str
    """A pattern for the names of tensors that are no weights."""
    other_heads: tuple[str, ...]
    """Beginnings of the names of heads that transformers has and we have not."""
    bodies: Mapping[str, tuple[str, ...]]
    """Classes without the head of a task and the parts that each needs; the first that can be is written."""
    bare: str
    """The class of the body alone, which keeps a pooler, for tools that pool states themselves."""
    heads: Mapping[str, Head]
    """Classes with the head of a task, by our kinds of task."""

    def kind_of(self, architecture: str) -> str:
        """Return the kind of task of a class of transformers, or "" if it has no head of a task."""
        kinds = [kind for kind, head in self.heads.items() if head.architecture == architecture]
        return kinds[0] if kinds else ""
