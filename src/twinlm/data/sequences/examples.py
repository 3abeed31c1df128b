"""Pre-training sequences of either kind, as the settings ask for them."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np

from twinlm.batch import Batch
from twinlm.data.sequences.google_pairs import GooglePairs
from twinlm.data.sequences.hybrid_windows import HybridWindows
from twinlm.data.sequences.mask_units import Chooser, choose_tokens, spans, whole_words
from twinlm.data.sequences.masked_examples import Dynamic, Source, Static
from twinlm.data.sequences.masked_windows import PlainRows, WindowRows
from twinlm.data.sequences.masking import Masking, special_tokens
from twinlm.data.sequences.sentence_order import OrderedSentences
from twinlm.data.sequences.sentence_pairs import SentencePairs
from twinlm.data.sequences.windows import Windows
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import UsageError
from twinlm.settings import PretrainSettings
from twinlm.tokenizer import ABSENT, Tokenizer


class Examples(Protocol):
    """An endless, seeded order of pre-training sequences."""

    def batch(self, first: int, count: int) -> Batch:
        """Return `count` sequences of the order, from number `first`."""


def windows(store: TokenStore, settings: PretrainSettings, tokenizer: Tokenizer, seed: int) -> Windows:
    """Return GPT's windows."""
    return Windows(store, length=settings.length, seed=seed)


def some_masked(
    store: TokenStore, settings: PretrainSettings, tokenizer: Tokenizer, seed: int
) -> Windows | HybridWindows:
    """Return GPT's windows, a share of them masked if the settings say so."""
    plain = windows(store, settings, tokenizer, seed)
    if not settings.both_sides_share:
        return plain
    if tokenizer.specials.mask == ABSENT:
        message = "pretrain.both_sides_share masks tokens, but the tokenizer has no [MASK]"
        raise UsageError(message, hint="set it to 0, or do not continue from this model")
    return HybridWindows(plain, _masking(settings, tokenizer), settings.both_sides_share)


def plain_rows(store: TokenStore, settings: PretrainSettings, tokenizer: Tokenizer, seed: int) -> PlainRows:
    """Return BERT's rows as they are, to read left to right."""
    return PlainRows(WindowRows(store, length=settings.length, seed=seed), tokenizer.specials)


def masked(
    store: TokenStore, settings: PretrainSettings, tokenizer: Tokenizer, seed: int
) -> Dynamic | Static:
    """Return BERT's rows, masked anew each time or in fixed variants."""
    parts = _source(store, settings, seed), _masking(settings, tokenizer), tokenizer.specials
    return Static(*parts, settings.static_masks) if settings.static_masks else Dynamic(*parts)


def _source(store: TokenStore, settings: PretrainSettings, seed: int) -> Source:
    if settings.sentence_task == "none":
        return WindowRows(store, length=settings.length, seed=seed)
    sources: dict[tuple[str, str], Callable[..., Source]] = {
        ("next_sentence", "balanced"): SentencePairs,
        ("next_sentence", "google"): partial(GooglePairs, variants=settings.static_masks),
        ("sentence_order", "balanced"): OrderedSentences,
    }
    make = sources[settings.sentence_task, settings.pairs]
    return make(store, length=settings.length, seed=seed, short_share=settings.short_share)


def _masking(settings: PretrainSettings, tokenizer: Tokenizer) -> Masking:
    choosers: dict[str, Callable[[], Chooser]] = {
        "token": lambda: choose_tokens,
        "whole_word": lambda: whole_words(tokenizer.begins_word_V),
        "span": lambda: spans(tokenizer.begins_word_V),
    }
    is_special_V = special_tokens(tokenizer.specials.ids, tokenizer.vocab_size)
    drawn = {"ordinary": ~is_special_V, "all": np.ones_like(is_special_V)}
    return Masking(
        choose=choosers[settings.mask_unit](),
        share=settings.mask_share,
        most=settings.max_predictions,
        mask_id=tokenizer.specials.mask,
        is_special_V=is_special_V,
        drawn_N=np.flatnonzero(drawn[settings.random_tokens]),
    )
