"""A tokenizer in use: text to tokens and back, and the files that other tools read.

The files say "PreTrainedTokenizerFast", so that transformers runs this very pipeline and gives equal ids;
under a model's own tokenizer class it would rebuild another one from the vocabulary.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self

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
_SPELLED_SPACES = ("\u0120", "\u010a", "\u0109", "\u010d", "\u010b", "\u010c")
"""How byte-level BPE spells the bytes of white space: space, line feed, tab, carriage return and two more."""


class Tokenizer:
    """Cuts text into tokens; make one with `train_tokenizer`, `from_folder` or `read_foreign`.

    Args:
        engine: the built pipeline, from `pipeline.py`.
        pipeline: what it is.
        specials: which ids have which roles.
        added_tokens: how many tokens were put behind those of a foreign vocabulary, whose model has no
            embeddings for them: its own are the first `vocab_size - added_tokens`.
    """

    def __init__(
        self, engine: Engine, pipeline: Pipeline, specials: SpecialIds, *, added_tokens: int = 0
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
        """Return the tokenizer of a folder that `to_files` wrote; for others there is `read_foreign`.

        Raises:
            ModelError: there is none, it is damaged, or it is not one of ours.
        """
        built = read_built(folder)
        return cls(built.engine, built.pipeline, built.specials)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides how a text is cut, and of the ids of the special tokens.

        The library's version, and the special tokens that `to_files` puts around a text, don't change it.
        """
        merges = describe(self._engine)["model"].get("merges", [])
        tokens = [self.token(number) for number in range(self.vocab_size)]
        facts = [PIPELINE_VERSION, self.algorithm, self.pipeline.lowercase, tokens, merges]
        if not self._is_own:
            facts += [astuple(self.pipeline), astuple(self.specials)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @cached_property
    def begins_word_V(self) -> NDArray[np.bool_]:
        """Whether each token begins a word: WordPiece's without ##, byte-level BPE's with a space in front.

        So a byte-level word is what stands between two spaces, with the signs that stick to it.
        """
        tokens = [self.token(number) for number in range(self.vocab_size)]
        if self.algorithm == "wordpiece":
            return np.array([not token.startswith("##") for token in tokens])
        return np.array([token.startswith(_SPELLED_SPACES) for token in tokens])

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text; no special token is added, nor read from the text."""
        ids: list[int] = self._engine.encode(text, add_special_tokens=False).ids
        return ids

    def words(self, text: str) -> list[int]:
        """Return for each token of a text the number of its word: of the pre-token that it is part of."""
        numbers = self._engine.encode(text, add_special_tokens=False).word_ids
        return [number for number in numbers if number is not None]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, with all processor threads."""
        return [
            encoding.ids for encoding in self._engine.encode_batch_fast(list(texts), add_special_tokens=False)
        ]

    def encode_words(self, rows: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        """Return the tokens of each word of sentences that are cut into words already.

        A sentence's tokens, joined, are those of its words with spaces between them, as long as no word holds
        white space. With tokens of bytes each word but the first holds the space before it. A word of which
        nothing is left, such as one of control characters in BERT's pipeline, has no tokens.
        """
        pieces = [self._spaced(words) for words in rows]
        encoded = iter(self.encode_batch([piece for parts in pieces for piece in parts]))
        return [list(islice(encoded, len(parts))) for parts in pieces]

    def encode_with_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Return for each text its tokens, and where in the text each begins and ends, in characters.

        The text is the given one, before case is folded or accents are dropped. White space at the edges of a
        token lies outside: `text[begin:end]` is " fox" without its space, and (end, end) if nothing else is
        there. Tokens that hold parts of one character each have the whole of it.
        """
        encodings = self._engine.encode_batch(list(texts), add_special_tokens=False)
        return [
            (encoding.ids, [_trimmed(text, begin, end) for begin, end in encoding.offsets])
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def decode(self, ids: Iterable[int], *, keep_special: bool = False) -> str:
        """Return the text of tokens; special tokens but [UNK] are left out unless they are to be kept.

        With tokens of bytes, bytes that are no whole character become U+FFFD.
        """
        hidden = frozenset() if keep_special else self._special - {self.specials.unknown}
        text: str = self._engine.decode(
            [number for number in ids if number not in hidden], skip_special_tokens=False
        )
        return text

    def token(self, number: int) -> str:
        """Return a token as the vocabulary spells it."""
        spelled: str | None = self._engine.id_to_token(number)
        assert spelled is not None, f"{number} is not below {self.vocab_size}"
        return spelled

    def display(self, number: int) -> str:
        """Return a token as people read it: its text, or a special token's name."""
        spelled = self.token(number)
        if number in self._special:
            return spelled
        if self.pipeline.is_of_bytes:
            return self.decode([number])
        return spelled.removeprefix("##") if self.algorithm == "wordpiece" else spelled.replace(WORD_END, " ")

    def count_unknown(self, ids: Iterable[int]) -> int:
        """Return how many of the tokens are [UNK]."""
        return sum(number == self.specials.unknown for number in ids)

    def to_files(self, *, template: Template | None = None, max_length: int = _UNLIMITED) -> dict[str, bytes]:
        """Return the files of this tokenizer by name, ready for transformers and others.

        Args:
            template: which special tokens such tools put around a text; none if not given.
            max_length: the longest input of the model that the files lie beside, in tokens.
        """
        description = describe(self._engine)
        # transformers' GPT-1 adds the embedding of a token for each segment, so it must not get segments.
        segments = [] if template == "decoder" else ["token_type_ids"]
        if template is not None:
            description["post_processor"] = describe_template(template, self._engine, self.specials)
        configuration: dict[str, Any] = {
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
            files["vocab.txt"] = "".join(
                self.token(number) + "\n" for number in range(self.vocab_size)
            ).encode()
        return files

    @cached_property
    def _is_own(self) -> bool:
        """Whether it could have been trained here."""
        algorithms: dict[str, Trainable] = {"byte-bpe": "byte-bpe", "wordpiece": "wordpiece"}
        ours = algorithms.get(self.algorithm)
        if ours is None or self.specials != SpecialIds():
            return False
        return self.pipeline == own_pipeline(ours, lowercase=self.pipeline.lowercase)

    def _spaced(self, words: Sequence[str]) -> list[str]:
        """Return words with the space before each but the first that is not empty, if tokens hold spaces."""
        if not self.pipeline.is_of_bytes:
            return list(words)
        first = next((place for place, word in enumerate(words) if word), len(words))
        return [f" {word}" if word and place > first else word for place, word in enumerate(words)]


def _trimmed(text: str, begin: int, end: int) -> tuple[int, int]:
    """Return where a piece of a text begins and ends without the white space at its edges."""
    while begin < end and text[begin].isspace():
        begin += 1
    while begin < end and text[end - 1].isspace():
        end -= 1
    return begin, end
