"""Settings of the text, the labelled tasks and the tokenizer."""

import re
from dataclasses import dataclass
from typing import Literal

from twinlm.errors import UsageError
from twinlm.settings.build import option

_NAME = re.compile(r"\w[\w .()+-]{0,79}")


def check_name(name: str, owner: str) -> None:
    """Raise a UsageError for a name that is no folder's: empty, hidden, too long or leading elsewhere."""
    if not _NAME.fullmatch(name):
        hint = "its results are stored in a folder of that name: use letters, digits, spaces and - . _"
        raise UsageError(f"{name[:60]!r} can't be the name of {owner}", hint=hint)


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusSettings:
    """Text to pre-train on."""

    train: tuple[str, ...] = ()
    """Files, folders, globs (.txt, .jsonl, .parquet, with .gz, .bz2, .xz, .zst); "hf:name" of a data set."""
    valid: tuple[str, ...] = ()
    """Validation text, given like `train`; a share of `train` if empty."""
    test: tuple[str, ...] = ()
    """Test text, given like `train`; a share of `train` if empty."""
    valid_share: float = option(0.05, above=0, most=0.4)
    """Share of the documents of `train` for validation, if `valid` is empty."""
    test_share: float = option(0.05, above=0, most=0.4)
    """Share of the documents of `train` for the test, if `test` is empty."""
    text_field: str = "text"
    """Field of the text in .jsonl and .parquet rows."""
    encoding: str = "utf-8"
    """Encoding of .txt and .jsonl files."""
    errors: Literal["strict", "replace", "skip"] = "strict"
    """Treatment of bytes not in that encoding: stop, replace them, or skip the line; all are counted."""
    max_bad_share: float = option(0.001, least=0, most=1)
    """Share of unusable rows above which reading stops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSettings:
    """A labelled task, from .csv, .tsv, .jsonl, .conll, .conllu or SQuAD's .json."""

    name: str = "task"
    """Name in reports and folders."""
    kind: Literal["classification", "similarity", "choice", "tagging", "span_qa"] = "classification"
    """Question: a class, a number for two texts, one of the choices, a tag for each word, a span of text."""
    train: str = ""
    """File with the training examples."""
    valid: str = ""
    """File to choose the best epoch on; a share of `train` if empty."""
    test: str = ""
    """File to compare the models on; a share of `train` if empty."""
    text_field: str = ""
    """Column of the text; if empty "text", for tagging "tokens", for span_qa "context"."""
    text_b_field: str = ""
    """Column of a second text or question; if empty none, for similarity "text_b", for span_qa "question"."""
    choices_field: str = ""
    """Column of the choices; if empty "choices" (a list), or in tables choice_1, choice_2 and so on."""
    label_field: str = ""
    """Column of the answer; if empty "label", for similarity "score", tagging "tags", span_qa "answers"."""
    id_field: str = ""
    """Column of the data's own ids, for files of predictions; if empty "id", where there is one."""
    encoding: str = "utf-8"
    """Encoding of the files."""
    errors: Literal["strict", "replace", "skip"] = "strict"
    """Treatment of bytes not in that encoding: stop, replace them, or skip the row; all are counted."""
    valid_share: float = option(0.1, above=0, most=0.4)
    """Share of `train` for validation if `valid` is empty, and another for the test if `test` is empty."""
    max_train_examples: int = option(0, least=0)
    """Most training examples, drawn in proportion to the classes, and most validation examples; 0 for all."""
    max_test_examples: int = option(0, least=0)
    """Most test examples, drawn in proportion to the classes; 0 for all."""

    def __post_init__(self) -> None:
        check_name(self.name, "a task")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedSettings:
    """A model from elsewhere, trained on other data, that is fine-tuned and compared too."""

    name: str = "imported"
    """Name in reports and folders."""
    folder: str = ""
    """Model folder, written by `twinlm import` or by another run."""
    learning_rate: float = option(5e-5, above=0, most=1)
    """Peak learning rate of fine-tuning, unless [finetune] has one; 5e-5 is in BERT's paper."""
    epochs: int = option(3, least=1, most=1000)
    """Passes of fine-tuning over the training examples, unless [finetune] has them; 3 as in both papers."""

    def __post_init__(self) -> None:
        check_name(self.name, "an imported model")


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerSettings:
    """Tokenizers, trained on the corpus."""

    sharing: Literal["shared", "own"] = "shared"
    """One shared tokenizer, so that only the models differ, or each model its own paper's algorithm."""
    algorithm: Literal["byte-bpe", "wordpiece"] = "byte-bpe"
    """Algorithm of the shared tokenizer. With "own", GPT has byte-level BPE and BERT has WordPiece."""
    vocab_size: int = option(8192, least=16, most=1_000_000)
    """V, the number of tokens, special tokens included."""
    lowercase: bool = False
    """Whether to fold case before anything else."""
    strip_accents: Literal["auto", "always", "never"] = "auto"
    """Whether WordPiece drops accents. "auto": with `lowercase`, in Latin, Greek and Cyrillic text only."""
    max_train_characters: int = option(250_000_000, least=1)
    """Most characters to train on; from a larger corpus, evenly spaced pieces are taken."""

    def __post_init__(self) -> None:
        if self.strip_accents != "auto" and (self.sharing, self.algorithm) == ("shared", "byte-bpe"):
            message = f'strip_accents = "{self.strip_accents}" has no effect: byte-level BPE keeps accents'
            raise UsageError(message, hint='set algorithm = "wordpiece" or sharing = "own" beside it')
