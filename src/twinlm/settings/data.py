"""Settings of what goes in: the text, the labelled tasks, the tokenizer."""

import re
from dataclasses import dataclass
from typing import Literal

from twinlm.errors import UsageError
from twinlm.settings.build import option

_NAME = re.compile(r"\w[\w .()+-]{0,79}")


def check_name(name: str, what: str) -> None:
    """Check that a name that a user chose can be that of a folder of its own.

    Raises:
        UsageError: it is empty, hidden, too long, or leads elsewhere.
    """
    if not _NAME.fullmatch(name):
        hint = "its results lie in a folder of that name: take letters, digits, spaces and - . _"
        raise UsageError(f"{name[:60]!r} can't be the name of {what}", hint=hint)


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusSettings:
    """The text to pre-train on."""

    train: tuple[str, ...] = ()
    """Files, folders, globs (.txt, .jsonl, .parquet, with .gz, .bz2, .xz, .zst); "hf:name" of a data set."""
    valid: tuple[str, ...] = ()
    """The same for validation; a share of `train` is split off if empty."""
    test: tuple[str, ...] = ()
    """The same for the final test; a share of `train` is split off if empty."""
    valid_share: float = option(0.05, above=0, most=0.4)
    """Share of the documents of `train` to validate on, when `valid` is empty."""
    test_share: float = option(0.05, above=0, most=0.4)
    """Share of the documents of `train` to test on, when `test` is empty."""
    text_field: str = "text"
    """Where the text stands in .jsonl and .parquet rows."""
    encoding: str = "utf-8"
    """Of .txt and .jsonl files."""
    errors: Literal["strict", "replace", "skip"] = "strict"
    """What to do with bytes that are not in that encoding: stop, replace, or skip the line; counted."""
    max_bad_share: float = option(0.001, least=0, most=1)
    """Share of unusable rows above which reading stops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSettings:
    """A labelled task, from .csv, .tsv, .jsonl, .conll, .conllu or SQuAD's .json."""

    name: str = "task"
    """How reports call it."""
    kind: Literal["classification", "similarity", "choice", "tagging", "span_qa"] = "classification"
    """What is asked: a class, a number for two texts, a choice, a tag for each word, a stretch of text."""
    train: str = ""
    """File to train on."""
    valid: str = ""
    """File to choose the best epoch on; a share of `train` if empty."""
    test: str = ""
    """File to compare on; a share of `train` if empty."""
    text_field: str = ""
    """Column of the text; "text" if empty, for tagging "tokens", for span_qa "context"."""
    text_b_field: str = ""
    """Column of a second text; none if empty, for similarity "text_b", for span_qa "question"."""
    choices_field: str = ""
    """Column of the choices; "choices" if empty: a list, or in tables choice_1, choice_2 and so on."""
    label_field: str = ""
    """Column of the answer; "label" if empty, for similarity "score", tagging "tags", span_qa "answers"."""
    encoding: str = "utf-8"
    """Of the files."""
    errors: Literal["strict", "replace", "skip"] = "strict"
    """What to do with bytes that are not in that encoding: stop, replace, or skip the row; counted."""
    valid_share: float = option(0.1, above=0, most=0.4)
    """Share of `train` to validate on, when `valid` is empty; the same is split off for a missing `test`."""
    max_train_examples: int = option(0, least=0)
    """Train on so many examples, in proportion to the classes, and validate on no more; 0 for all."""

    def __post_init__(self) -> None:
        check_name(self.name, "a task")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedSettings:
    """A model from elsewhere that is fine-tuned and compared too, said to be trained on other data."""

    name: str = "imported"
    """How reports call it."""
    folder: str = ""
    """Its folder, as `twinlm import` wrote it, or that of a model of another run."""
    learning_rate: float = option(5e-5, above=0, most=1)
    """Of its fine-tuning: models from elsewhere are mostly large. 5e-5 in both papers."""
    epochs: int = option(3, least=1, most=1000)
    """Passes of its fine-tuning over the training examples; 3 in both papers."""

    def __post_init__(self) -> None:
        check_name(self.name, "an imported model")


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerSettings:
    """How text becomes tokens."""

    sharing: Literal["shared", "own"] = "shared"
    """One tokenizer for both models, so that the comparison is about the models, or each its paper's kind."""
    algorithm: Literal["byte-bpe", "wordpiece"] = "byte-bpe"
    """Of the shared tokenizer. With "own", GPT has byte-level BPE and BERT has WordPiece."""
    vocab_size: int = option(8192, least=16, most=1_000_000)
    """V, special tokens included."""
    lowercase: bool = False
    """Fold case (and accents, in WordPiece) before anything else."""
    max_train_characters: int = option(250_000_000, least=1)
    """How much text to train on: of a larger corpus, pieces that are evenly spaced."""
