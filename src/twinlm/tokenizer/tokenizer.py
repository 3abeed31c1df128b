"""A trained tokenizer: text to tokens and back, and the files that other tools read.

The files say "PreTrainedTokenizerFast", so that transformers runs this very pipeline and gives equal ids;
under a model's own tokenizer class it would rebuild another one from the vocabulary.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Engine

from twinlm.storage import json_bytes
from twinlm.tokenizer.checking import read_engine
from twinlm.tokenizer.pipeline import (
    PIPELINE_VERSION,
    SPECIAL_TOKENS,
    Algorithm,
    SpecialIds,
    Template,
    describe,
    describe_template,
)

_UNLIMITED = 10**9
_SPELLED_SPACES = ("\u0120", "\u010a", "\u0109", "\u010d", "\u010b", "\u010c")
"""How byte-level BPE spells the bytes of white space: space, line feed, tab, carriage return and two more."""


class Tokenizer:
    """Cuts text into tokens; make one with `train_tokenizer` or `from_folder`.

    Args:
        engine: the pipeline, from `pipeline.py`.
        algorithm: which of the two it is.
    """

    def __init__(self, engine: Engine, algorithm: Algorithm) -> None:
        self._engine = engine
        self.algorithm: Algorithm = algorithm
        self.specials = SpecialIds()
        self.vocab_size: int = engine.get_vocab_size()

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Return the tokenizer of a folder.

        Raises:
            ModelError: there is none, it is damaged, or it is not one of ours.
        """
        return cls(*read_engine(folder / "tokenizer.json"))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides how a text is cut.

        The library's version, and the special tokens that `to_files` puts around a text, don't change it.
        """
        description = describe(self._engine)
        normalizer, model = description["normalizer"], description["model"]
        is_lowercase = normalizer is not None and normalizer.get("lowercase", True)
        tokens = [self.token(number) for number in range(self.vocab_size)]
        facts = [PIPELINE_VERSION, self.algorithm, is_lowercase, tokens, model.get("merges", [])]
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
        """Return the tokens of each word of sentences that are cut into words; a word may have none.

        Where the space before a word is part of its token (byte-level BPE), all words but the first have one.
        """
        is_spaced = self.algorithm == "byte-bpe"
        texts = [
            f" {word}" if is_spaced and place else word for row in rows for place, word in enumerate(row)
        ]
        encoded = iter(self.encode_batch(texts))
        return [[next(encoded) for _ in row] for row in rows]

    def encode_with_offsets(self, texts: Sequence[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Return the tokens of each text, and for each the characters it stands for: first and last + 1.

        White space around a word is left out of them.
        """
        encodings = self._engine.encode_batch(list(texts), add_special_tokens=False)
        return [
            (encoding.ids, [_trimmed(text, begin, end) for begin, end in encoding.offsets])
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def decode(self, ids: Iterable[int], *, keep_special: bool = False) -> str:
        """Return the text of tokens; special tokens but [UNK] are left out unless they are to be kept.

        With byte-level BPE, bytes that are no whole character become U+FFFD.
        """
        shown = [
            number
            for number in ids
            if keep_special or number >= len(SPECIAL_TOKENS) or number == self.specials.unknown
        ]
        text: str = self._engine.decode(shown, skip_special_tokens=False)
        return text

    def token(self, number: int) -> str:
        """Return a token as the vocabulary spells it."""
        spelled: str | None = self._engine.id_to_token(number)
        assert spelled is not None, f"{number} is not below {self.vocab_size}"
        return spelled

    def display(self, number: int) -> str:
        """Return a token as people read it: its text, or a special token's name."""
        if number < len(SPECIAL_TOKENS):
            return SPECIAL_TOKENS[number]
        if self.algorithm == "wordpiece":
            return self.token(number).removeprefix("##")
        return self.decode([number])

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
            description["post_processor"] = describe_template(template)
        configuration: dict[str, Any] = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_length,
            "model_input_names": ["input_ids", *segments, "attention_mask"],
            "clean_up_tokenization_spaces": False,
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "mask_token": "[MASK]",
            "bos_token": "<start>",
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


def _trimmed(text: str, begin: int, end: int) -> tuple[int, int]:
    """Return a stretch of text without white space at its ends; a stretch of nothing else stays."""
    stretch = text[begin:end]
    if not stretch.strip():
        return begin, end
    return end - len(stretch.lstrip()), begin + len(stretch.rstrip())
