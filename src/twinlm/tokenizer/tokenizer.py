"""A tokenizer in use: text to tokens and back, and the files that other tools read."""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Engine

from twinlm.system.storage import json_bytes
from twinlm.tokenizer.checking import read_built
from twinlm.tokenizer.pipeline import (
    PIPELINE_VERSION,
    WORD_END,
    Algorithm,
    Pipeline,
    Trainable,
    describe,
    describe_template,
    own_pipeline,
)
from twinlm.tokenizer.specials import ROLE_KEYS, SpecialIds, Template, named_roles

_UNLIMITED = 10**9
# Byte-level BPE's spelling of white space: space, line feed, tab, carriage return and two more.
_SPELLED_SPACES = ("\u0120", "\u010a", "\u0109", "\u010d", "\u010b", "\u010c")


class Tokenizer:
    """Cuts text into tokens; made by `train_tokenizer`, `from_folder` or `read_foreign`.

    `added_tokens` were appended to a foreign vocabulary; its model has no embeddings of them.
    """

    def __init__(
        self, engine: Engine, pipeline: Pipeline, specials: SpecialIds, added_tokens: int = 0
    ) -> None:
        self._engine = engine
        self._special = frozenset(specials.ids)
        self.pipeline = pipeline
        self.algorithm: Algorithm = pipeline.algorithm
        self.specials = specials
        self.added_tokens = added_tokens
        self.vocab_size: int = engine.get_vocab_size()

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Return the tokenizer of a folder that `to_files` wrote; `read_foreign` reads others."""
        return cls(*read_built(folder))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides how a text is cut, and of the ids of the special tokens."""
        merges = describe(self._engine)["model"].get("merges", [])
        facts = [PIPELINE_VERSION, self.algorithm, self.pipeline.lowercase, self._tokens, merges]
        if not self._is_own:
            facts += [astuple(self.pipeline), astuple(self.specials)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @cached_property
    def begins_word_V(self) -> NDArray[np.bool_]:
        """Whether each token begins a word: without ## in WordPiece, with white space in byte-level BPE."""
        if self.algorithm == "wordpiece":
            return np.array([not token.startswith("##") for token in self._tokens])
        return np.array([token.startswith(_SPELLED_SPACES) for token in self._tokens])

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text; special tokens are neither added nor recognised in it."""
        ids: list[int] = self._engine.encode(text, add_special_tokens=False).ids
        return ids

    def words(self, text: str) -> list[int]:
        """Return the number of its word (pre-token) for each token of a text."""
        numbers = self._engine.encode(text, add_special_tokens=False).word_ids
        return [number for number in numbers if number is not None]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, with all processor threads."""
        return [
            encoding.ids for encoding in self._engine.encode_batch_fast(list(texts), add_special_tokens=False)
        ]

    def encode_words(
        self, rows: Sequence[Sequence[str]], *, has_leading_blank: bool = False
    ) -> list[list[list[int]]]:
        """Return the tokens of each word of sentences that are already split into words.

        A sentence's tokens, joined, are those of its words with spaces between them, if no word contains
        white space. A word that normalization empties, such as one of control characters, has no tokens.
        """
        pieces = [self._spaced(words, has_leading_blank=has_leading_blank) for words in rows]
        encoded = iter(self.encode_batch([piece for parts in pieces for piece in parts]))
        return [list(islice(encoded, len(parts))) for parts in pieces]

    def encode_with_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Return for each text its tokens, and where each begins and ends in it, in characters.

        White space at the edges is excluded: `text[begin:end]` is "fox" for the token " fox", and a token of
        white space has (end, end). Tokens with parts of one character each have the whole of it, and accents
        that the tokenizer drops belong to the letter before them.
        """
        encodings = self._engine.encode_batch(list(texts), add_special_tokens=False)
        return [
            (encoding.ids, list(_placed(text, encoding.offsets)))
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def decode(self, ids: Iterable[int], *, keep_special: bool = False) -> str:
        """Return the text of tokens, without special ones except [UNK]; incomplete characters are U+FFFD."""
        hidden = frozenset() if keep_special else self._special - {self.specials.unknown}
        text: str = self._engine.decode(
            [number for number in ids if number not in hidden], skip_special_tokens=False
        )
        return text

    def token(self, number: int) -> str:
        """Return a token, as the vocabulary spells it."""
        spelled: str | None = self._engine.id_to_token(number)
        assert spelled is not None, f"{number} is not below {self.vocab_size}"
        return spelled

    def display(self, number: int) -> str:
        """Return a token for people to read: its text, or a special token's name."""
        spelled = self.token(number)
        if number in self._special:
            return spelled
        if self.pipeline.is_of_bytes:
            return self.decode([number])
        return spelled.removeprefix("##") if self.algorithm == "wordpiece" else spelled.replace(WORD_END, " ")

    def count_unknown(self, ids: Iterable[int]) -> int:
        """Return the number of [UNK] tokens."""
        return sum(number == self.specials.unknown for number in ids)

    def to_files(self, *, template: Template | None = None, max_length: int = _UNLIMITED) -> dict[str, bytes]:
        """Return the files of this tokenizer by name, ready for transformers and others.

        Such tools put the special tokens of `template` around a text. `max_length` is the model's, in tokens.
        """
        description = describe(self._engine)
        # transformers' GPT-1 would add a token's embedding for each segment, so it must get no segments.
        segments = [] if template == "decoder" else ["token_type_ids"]
        if template is not None:
            description["post_processor"] = describe_template(template, self._engine, self.specials)
        configuration: dict[str, Any] = {
            # Under a model's own class, transformers would build another pipeline from the vocabulary.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_length,
            "model_input_names": ["input_ids", *segments, "attention_mask"],
            "clean_up_tokenization_spaces": False,
            **{ROLE_KEYS[role]: token for role, token in named_roles(self.specials, self.token).items()},
        }
        files = {
            "tokenizer.json": json_bytes(description),
            "tokenizer_config.json": json_bytes(configuration),
        }
        if self.algorithm == "wordpiece":
            files["vocab.txt"] = "".join(f"{token}\n" for token in self._tokens).encode()
        return files

    @property
    def _tokens(self) -> list[str]:
        return [self.token(number) for number in range(self.vocab_size)]

    @cached_property
    def _is_own(self) -> bool:
        # Of version 0.1, where lowercase alone decided on accents: its fingerprints stay.
        folds = self.pipeline.lowercase
        ours = [own_pipeline(name, lowercase=folds, strip_accents=folds) for name in get_args(Trainable)]
        return self.pipeline in ours and self.specials == SpecialIds()

    def _spaced(self, words: Sequence[str], *, has_leading_blank: bool) -> list[str]:
        if not self.pipeline.is_of_bytes:
            return list(words)
        # Tokens of bytes include the space before a word: before each but the first that is not empty.
        bare = next((index for index, word in enumerate(words) if word), len(words))
        first = -1 if has_leading_blank else bare
        return [f" {word}" if word and index > first else word for index, word in enumerate(words)]


def _placed(text: str, offsets: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield where tokens are in a text without white space, with the dropped accents that follow each."""
    limits = [*(begin for begin, _ in offsets[1:]), len(text)]
    for pair, limit in zip(offsets, limits, strict=False):
        begin, end = _trimmed(text, *pair)
        while begin < end < limit and unicodedata.category(text[end]).startswith("M"):
            end += 1
        yield begin, end


def _trimmed(text: str, begin: int, end: int) -> tuple[int, int]:
    while begin < end and text[begin].isspace():
        begin += 1
    while begin < end and text[end - 1].isspace():
        end -= 1
    return begin, end
