"""The two kinds of tokenizer, each put together from a vocabulary and merges.

Byte-level BPE follows Radford et al. 2019, 2.2 (GPT-1's BPE, on bytes), WordPiece BERT's released code. A
pre-token never gets longer than a cap, in training and use alike, so that text without spaces stays
cheap. Next: `training.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as Engine

Algorithm = Literal["byte-bpe", "wordpiece"]
Template = Literal["encoder", "decoder"]

PIPELINE_VERSION = 1
"""Counts up whenever the same vocabulary and merges would cut a text differently."""
LONGEST_WORD = 100
"""Characters above which WordPiece gives [UNK]."""

# A word with the space before it (vowel signs and accents belong to it), a run of digits, of other signs, or
# of white space. Each has a cap: at most 65 characters, 260 bytes.
_PRE_TOKENS = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}[\p{L}\p{M}]{0,63}| ?\p{N}{1,8}| ?[^\s\p{L}\p{N}]{1,16}"
    r"|\s{1,16}(?!\S)|\s{1,16}"
)


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """The ids of the special tokens: the first ones of every vocabulary, the same for both kinds of model."""

    pad: int = 0
    """[PAD]: fills short sequences up."""
    unknown: int = 1
    """[UNK]: a word that WordPiece can't spell."""
    cls: int = 2
    """[CLS]: stands first in BERT's input; the class is read from it."""
    sep: int = 3
    """[SEP]: ends each of BERT's segments."""
    mask: int = 4
    """[MASK]: hides a token from BERT."""
    start: int = 5
    """<start>: stands before each of GPT's documents and texts."""
    delimiter: int = 6
    """<delimiter>: stands between two of GPT's texts."""
    extract: int = 7
    """<extract>: ends GPT's input; the class is read from it."""

    @property
    def ids(self) -> tuple[int, ...]:
        """All of them, in ascending order."""
        return tuple(sorted(astuple(self)))


SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<start>", "<delimiter>", "<extract>")
"""In the order of `SpecialIds`."""


def trainable_engine(algorithm: Algorithm, *, lowercase: bool) -> Engine:
    """Return a tokenizer without a vocabulary, to be trained."""
    if algorithm == "byte-bpe":
        return _around(models.BPE(), algorithm, lowercase=lowercase)
    engine = _around(_wordpiece({}), algorithm, lowercase=lowercase)
    # Training takes time quadratic in the longest word (2026-11-23: 38 s for one of 300 kB). In use such a
    # word is [UNK], so there is nothing to learn from it.
    too_long = pre_tokenizers.Split(Regex(rf"^.{{{LONGEST_WORD + 1},}}$"), "removed")
    engine.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), too_long])
    return engine


def build_engine(
    algorithm: Algorithm, vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], *, lowercase: bool
) -> Engine:
    """Return the tokenizer of a vocabulary; `merges` are BPE's, most frequent first."""
    is_bpe = algorithm == "byte-bpe"
    model = models.BPE(vocab=dict(vocabulary), merges=list(merges)) if is_bpe else _wordpiece(vocabulary)
    engine = _around(model, algorithm, lowercase=lowercase)
    engine.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    return engine


def describe(engine: Engine) -> dict[str, Any]:
    """Return what tokenizer.json says of a tokenizer."""
    description: dict[str, Any] = json.loads(engine.to_str())
    return description


def describe_template(kind: Template) -> dict[str, Any]:
    """Return the description of the special tokens that other tools are to put around one text or two.

    "encoder" stands for [CLS] A [SEP] and [CLS] A [SEP] B [SEP], "decoder" for <start> A and
    <start> A <delimiter> B.
    """
    ids = SpecialIds()
    engine = Engine(models.BPE())
    if kind == "encoder":
        engine.post_processor = processors.TemplateProcessing(
            single="[CLS]:0 $A:0 [SEP]:0",
            pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
            special_tokens=[("[CLS]", ids.cls), ("[SEP]", ids.sep)],
        )
    else:
        engine.post_processor = processors.TemplateProcessing(
            single="<start>:0 $A:0",
            pair="<start>:0 $A:0 <delimiter>:0 $B:0",
            special_tokens=[("<start>", ids.start), ("<delimiter>", ids.delimiter)],
        )
    template: dict[str, Any] = describe(engine)["post_processor"]
    return template


def _wordpiece(vocabulary: Mapping[str, int]) -> models.WordPiece:
    return models.WordPiece(dict(vocabulary), unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD)


def _around(model: models.Model, algorithm: Algorithm, *, lowercase: bool) -> Engine:
    """Put normalization, pre-tokens and decoding around a model."""
    engine = Engine(model)
    if algorithm == "byte-bpe":
        if lowercase:
            engine.normalizer = normalizers.Lowercase()
        engine.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_PRE_TOKENS), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        engine.decoder = decoders.ByteLevel()
    else:
        engine.normalizer = normalizers.BertNormalizer(
            clean_text=True, handle_chinese_chars=True, strip_accents=lowercase, lowercase=lowercase
        )
        engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        engine.decoder = decoders.WordPiece(prefix="##")
    # The literal "[MASK]" in somebody's text is text, not the special token.
    engine.encode_special_tokens = True
    return engine
