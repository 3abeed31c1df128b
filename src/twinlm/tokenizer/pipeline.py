"""The kinds of tokenizer, each put together from a vocabulary and merges.

Two are ours to train: byte-level BPE follows Radford et al. 2019, 2.2 (GPT-1's BPE, on bytes), WordPiece
BERT's released code. A pre-token of theirs never gets longer than a cap, in training and use alike, so that
text without spaces stays cheap. The other two are those of the released GPT-2 and GPT-1, for foreign
vocabularies. Next: `training.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Engine

from twinlm.tokenizer.specials import SpecialIds, Template

Trainable = Literal["byte-bpe", "wordpiece"]
Algorithm = Literal["byte-bpe", "wordpiece", "gpt2-bpe", "gpt1-bpe"]

PIPELINE_VERSION = 1
"""Counts up whenever the same vocabulary and merges would cut a text differently."""
LONGEST_WORD = 100
"""Characters above which WordPiece gives [UNK]."""
WORD_END = "</w>"
"""Ends the last token of a word in GPT-1's BPE."""

# A word with the space before it (vowel signs and accents belong to it), a run of digits, of other signs, or
# of white space. Each has a cap: at most 65 characters, 260 bytes.
_PRE_TOKENS = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}[\p{L}\p{M}]{0,63}| ?\p{N}{1,8}| ?[^\s\p{L}\p{N}]{1,16}"
    r"|\s{1,16}(?!\S)|\s{1,16}"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pipeline:
    """All that decides how a text is cut, but for the vocabulary and its merges."""

    algorithm: Algorithm
    """"byte-bpe" and "wordpiece" are ours to train; "gpt2-bpe" and "gpt1-bpe" are the released models'."""
    lowercase: bool = False
    """Fold case first. "gpt2-bpe" can't."""
    strip_accents: bool = False
    """Drop accents; of "wordpiece" and "gpt1-bpe", like all that follows."""
    split_chinese: bool = False
    """Make each Chinese character a word."""
    clean_text: bool = False
    """Drop control characters, and take any white space for a space."""
    unknown: str | None = None
    """The token for what can't be spelled; bytes spell everything."""

    @property
    def is_of_bytes(self) -> bool:
        """Whether tokens are made of bytes, with the space before a word in its first one."""
        return self.algorithm in ("byte-bpe", "gpt2-bpe")


def own_pipeline(algorithm: Trainable, *, lowercase: bool) -> Pipeline:
    """Return one of the two pipelines that we train."""
    if algorithm == "byte-bpe":
        return Pipeline(algorithm=algorithm, lowercase=lowercase)
    return Pipeline(
        algorithm=algorithm,
        lowercase=lowercase,
        strip_accents=lowercase,
        split_chinese=True,
        clean_text=True,
        unknown="[UNK]",
    )


def trainable_engine(algorithm: Trainable, *, lowercase: bool) -> Engine:
    """Return a tokenizer without a vocabulary, to be trained."""
    engine = _BUILDERS[algorithm](own_pipeline(algorithm, lowercase=lowercase), {}, [])
    if algorithm == "wordpiece":
        # Training takes time quadratic in the longest word (2026-11-23: 38 s for one of 300 kB). In use such
        # a word is [UNK], so there is nothing to learn from it.
        too_long = pre_tokenizers.Split(Regex(rf"^.{{{LONGEST_WORD + 1},}}$"), "removed")
        engine.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), too_long])
    return engine


def build_engine(
    pipeline: Pipeline,
    vocabulary: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    special_tokens: Sequence[str],
) -> Engine:
    """Return the tokenizer of a vocabulary.

    Args:
        pipeline: how to cut.
        vocabulary: ids by token.
        merges: BPE's, most frequent first.
        special_tokens: those that the vocabulary lacks get the next ids.
    """
    engine = _BUILDERS[pipeline.algorithm](pipeline, vocabulary, merges)
    engine.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special_tokens])
    # The literal "[MASK]" in somebody's text is text, not the special token.
    engine.encode_special_tokens = True
    return engine


def describe(engine: Engine) -> dict[str, Any]:
    """Return what tokenizer.json says of a tokenizer."""
    description: dict[str, Any] = json.loads(engine.to_str())
    return description


def describe_template(kind: Template, engine: Engine, specials: SpecialIds) -> dict[str, Any]:
    """Return the description of the special tokens that other tools are to put around one text or two.

    "encoder" stands for [CLS] A [SEP] and [CLS] A [SEP] B [SEP], "decoder" for <start> A and
    <start> A <delimiter> B.
    """

    def special(number: int, segment: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": engine.id_to_token(number), "type_id": segment}}

    def text(name: str, segment: int) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": segment}}

    if kind == "encoder":
        used = (specials.cls, specials.sep)
        single = [special(specials.cls, 0), text("A", 0), special(specials.sep, 0)]
        pair = [*single, text("B", 1), special(specials.sep, 1)]
    else:
        used = (specials.start, specials.delimiter)
        single = [special(specials.start, 0), text("A", 0)]
        pair = [*single, special(specials.delimiter, 0), text("B", 0)]
    tokens = sorted((str(engine.id_to_token(number)), number) for number in used)
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": pair,
        "special_tokens": {
            token: {"id": token, "ids": [number], "tokens": [token]} for token, number in tokens
        },
    }


def _byte_bpe(pipeline: Pipeline, vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> Engine:
    engine = Engine(models.BPE(vocab=dict(vocabulary), merges=list(merges)))
    if pipeline.lowercase:
        engine.normalizer = normalizers.Lowercase()
    words = pre_tokenizers.Split(Regex(_PRE_TOKENS), "isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    engine.pre_tokenizer = pre_tokenizers.Sequence([words, as_bytes])
    engine.decoder = decoders.ByteLevel()
    return engine


def _wordpiece(
    pipeline: Pipeline, vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]]
) -> Engine:
    model = models.WordPiece(
        dict(vocabulary), unk_token=pipeline.unknown, max_input_chars_per_word=LONGEST_WORD
    )
    engine = _behind_berts_words(model, pipeline)
    engine.decoder = decoders.WordPiece(prefix="##")
    return engine


def _gpt2_bpe(pipeline: Pipeline, vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> Engine:
    engine = Engine(models.BPE(vocab=dict(vocabulary), merges=list(merges)))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    engine.decoder = decoders.ByteLevel()
    return engine


def _gpt1_bpe(pipeline: Pipeline, vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> Engine:
    model = models.BPE(
        vocab=dict(vocabulary),
        merges=list(merges),
        unk_token=pipeline.unknown,
        end_of_word_suffix=WORD_END,
        fuse_unk=False,
    )
    engine = _behind_berts_words(model, pipeline)
    engine.decoder = decoders.BPEDecoder(suffix=WORD_END)
    return engine


def _behind_berts_words(model: models.Model, pipeline: Pipeline) -> Engine:
    """Put BERT's normalization and words before a model."""
    engine = Engine(model)
    engine.normalizer = normalizers.BertNormalizer(
        clean_text=pipeline.clean_text,
        handle_chinese_chars=pipeline.split_chinese,
        strip_accents=pipeline.strip_accents,
        lowercase=pipeline.lowercase,
    )
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return engine


_BUILDERS = {
    "byte-bpe": _byte_bpe,
    "wordpiece": _wordpiece,
    "gpt2-bpe": _gpt2_bpe,
    "gpt1-bpe": _gpt1_bpe,
}
