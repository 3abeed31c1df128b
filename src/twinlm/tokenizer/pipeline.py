"""The four tokenizers, each built from a vocabulary and merges.

We train two: byte-level BPE (Radford et al. 2019, 2.2: GPT-1's BPE, on bytes) and WordPiece (BERT's released
code). The other two are those of the released GPT-2 and GPT-1, for foreign vocabularies. Next: `training.py`.
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
"""Version; increases when the same vocabulary and merges would cut a text differently."""
LONGEST_WORD = 100  # longest word of WordPiece in characters; longer ones become [UNK]
WORD_END = "</w>"  # ending of a word's last token in GPT-1's BPE

LEADING_BLANK = {"type": "Prepend", "prepend": " "}
"""Description of the normalizer with which other tools put a blank before each word of a list of words."""

# A word with the space before it (vowel signs and accents belong to it), or a run of digits, of other signs,
# or of white space. Each is at most 65 characters (260 bytes) long, so that text without spaces stays cheap.
PRE_TOKENS = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}[\p{L}\p{M}]{0,63}| ?\p{N}{1,8}| ?[^\s\p{L}\p{N}]{1,16}"
    r"|\s{1,16}(?!\S)|\s{1,16}"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pipeline:
    """Everything but vocabulary and merges that decides how a text is cut."""

    algorithm: Algorithm
    """Algorithm: we train "byte-bpe" and "wordpiece"; "gpt2-bpe" and "gpt1-bpe" are the released models'."""
    lowercase: bool = False
    """Whether case is folded first; never in "gpt2-bpe"."""
    strip_accents: bool = False
    """Whether accents are dropped. This and all below: "wordpiece" and "gpt1-bpe" only."""
    split_chinese: bool = False
    """Whether each Chinese character is a word."""
    clean_text: bool = False
    """Whether control characters are dropped, and all white space becomes spaces."""
    unknown: str | None = None
    """Token for text that can't be spelled; bytes can spell everything."""

    @property
    def is_of_bytes(self) -> bool:
        """Whether tokens are made of bytes, with the space before a word in its first one."""
        return self.algorithm in ("byte-bpe", "gpt2-bpe")


def own_pipeline(algorithm: Trainable, *, lowercase: bool, strip_accents: bool) -> Pipeline:
    """Return a pipeline that we train; byte-level BPE keeps accents."""
    if algorithm == "byte-bpe":
        return Pipeline(algorithm=algorithm, lowercase=lowercase)
    return Pipeline(
        algorithm=algorithm,
        lowercase=lowercase,
        strip_accents=strip_accents,
        split_chinese=True,
        clean_text=True,
        unknown="[UNK]",
    )


def trainable_engine(pipeline: Pipeline) -> Engine:
    """Return a tokenizer without a vocabulary, to be trained."""
    engine = _BUILDERS[pipeline.algorithm](pipeline, {}, [])
    if pipeline.algorithm == "wordpiece":
        # Training time is quadratic in the longest word (2026-11-23: 38 s for one of 300 kB). In use such a
        # word is [UNK], so there is nothing to learn from it.
        too_long = pre_tokenizers.Split(Regex(rf"^.{{{LONGEST_WORD + 1},}}$"), "removed")
        engine.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), too_long])
    return engine


def build_engine(
    pipeline: Pipeline,
    vocabulary: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    special_tokens: Sequence[str],
) -> Engine:
    """Return the tokenizer of a vocabulary; special tokens that it lacks get the next ids."""
    engine = _BUILDERS[pipeline.algorithm](pipeline, dict(vocabulary), list(merges))
    engine.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special_tokens])
    # The literal "[MASK]" in somebody's text is text, not the special token.
    engine.encode_special_tokens = True
    return engine


def describe(engine: Engine) -> dict[str, Any]:
    """Return a tokenizer's description, as in tokenizer.json."""
    description: dict[str, Any] = json.loads(engine.to_str())
    return description


def describe_template(template: Template, engine: Engine, specials: SpecialIds) -> dict[str, Any]:
    """Return the description of the special tokens that other tools put around one text or two."""

    def special(number: int, segment: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": engine.id_to_token(number), "type_id": segment}}

    def text(name: str, segment: int) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": segment}}

    if template == "encoder":
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


def _byte_bpe(pipeline: Pipeline, vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Engine:
    engine = Engine(models.BPE(vocab=vocabulary, merges=merges))
    if pipeline.lowercase:
        engine.normalizer = normalizers.Lowercase()
    words = pre_tokenizers.Split(Regex(PRE_TOKENS), "isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    engine.pre_tokenizer = pre_tokenizers.Sequence([words, as_bytes])
    engine.decoder = decoders.ByteLevel()
    return engine


def _wordpiece(pipeline: Pipeline, vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Engine:
    model = models.WordPiece(vocabulary, unk_token=pipeline.unknown, max_input_chars_per_word=LONGEST_WORD)
    engine = _behind_berts_words(model, pipeline)
    engine.decoder = decoders.WordPiece(prefix="##")
    return engine


def _gpt2_bpe(pipeline: Pipeline, vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Engine:
    engine = Engine(models.BPE(vocab=vocabulary, merges=merges))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    engine.decoder = decoders.ByteLevel()
    return engine


def _gpt1_bpe(pipeline: Pipeline, vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Engine:
    unknown = {"unk_token": pipeline.unknown, "fuse_unk": False}
    model = models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix=WORD_END, **unknown)
    engine = _behind_berts_words(model, pipeline)
    engine.decoder = decoders.BPEDecoder(suffix=WORD_END)
    return engine


def _behind_berts_words(model: models.Model, pipeline: Pipeline) -> Engine:
    engine = Engine(model)
    engine.normalizer = normalizers.BertNormalizer(
        clean_text=pipeline.clean_text,
        handle_chinese_chars=pipeline.split_chinese,
        strip_accents=pipeline.strip_accents,
        lowercase=pipeline.lowercase,
    )
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return engine


_BUILDERS = {"byte-bpe": _byte_bpe, "wordpiece": _wordpiece, "gpt2-bpe": _gpt2_bpe, "gpt1-bpe": _gpt1_bpe}
