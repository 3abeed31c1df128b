"""Training a tokenizer on text, such that the same text gives the same bytes, whatever the threads."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from tokenizers import Tokenizer as Engine
from tokenizers import pre_tokenizers, trainers

from twinlm.errors import UsageError
from twinlm.log import Progress
from twinlm.tokenizer.pipeline import Trainable, build_engine, describe, own_pipeline, trainable_engine
from twinlm.tokenizer.specials import SPECIAL_TOKENS, SpecialIds
from twinlm.tokenizer.tokenizer import Tokenizer

MOST_CHARACTERS = 1000
"""Distinct characters that WordPiece keeps, the most frequent ones; words with others become [UNK]."""


def train_tokenizer(
    texts: Collection[str], *, algorithm: Trainable, vocab_size: int, lowercase: bool, progress: Progress
) -> Tokenizer:
    """Return a tokenizer trained on texts.

    Args:
        texts: what it shall spell well.
        algorithm: "byte-bpe" (every text can be spelled and comes back whole) or "wordpiece".
        vocab_size: V, special tokens included. A small text may give fewer: see the result's `vocab_size`.
        lowercase: fold case before anything else; WordPiece drops accents too.
        progress: told if the vocabulary stays smaller.

    Raises:
        UsageError: the vocabulary can't hold the special tokens and the alphabet.
    """
    engine = trainable_engine(algorithm, lowercase=lowercase)
    alphabet = pre_tokenizers.ByteLevel.alphabet() if algorithm == "byte-bpe" else _characters(texts, engine)
    # The trainer breaks ties by number, and numbers what it was not told of in the order of a hash map: so it
    # is told of all characters, and of their forms inside a word.
    inside = [] if algorithm == "byte-bpe" else [f"##{character}" for character in alphabet]
    known = [*SPECIAL_TOKENS, *inside]
    least = len(known) + len(alphabet)
    if vocab_size < least:
        message = f"vocab_size={vocab_size} is smaller than the {least} special tokens and characters"
        raise UsageError(message, hint=f"set tokenizer.vocab_size to {least} or more")
    progress.say(f"training a {algorithm} tokenizer on {len(texts):,} documents")
    options: dict[str, Any] = {
        "vocab_size": vocab_size,
        "special_tokens": known,
        "initial_alphabet": sorted(alphabet),
        "limit_alphabet": len(alphabet),
        "show_progress": False,
    }
    is_bpe = algorithm == "byte-bpe"
    trainer = trainers.BpeTrainer(**options) if is_bpe else trainers.WordPieceTrainer(**options)
    engine.train_from_iterator(texts, trainer)
    model = describe(engine)["model"]
    if len(model["vocab"]) < vocab_size:
        progress.say(f"the text gives a vocabulary of {len(model['vocab']):,} tokens, not {vocab_size:,}")
    merges = [(left, right) for left, right in model.get("merges", [])]
    pipeline = own_pipeline(algorithm, lowercase=lowercase)
    made = build_engine(pipeline, model["vocab"], merges, SPECIAL_TOKENS)
    return Tokenizer(made, pipeline, SpecialIds())


def _characters(texts: Collection[str], engine: Engine) -> list[str]:
    """Return the most frequent characters of the texts after normalization, in the order of their codes."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(engine.normalizer.normalize_str(text))
    often = sorted(counts, key=lambda character: (-counts[character], character))
    return sorted(character for character in often[:MOST_CHARACTERS] if not character.isspace())
