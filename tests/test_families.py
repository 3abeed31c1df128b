"""The table of two puts the parts together that the settings name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twinlm import rng
from twinlm.batch import IGNORE
from twinlm.data.sequences.google_pairs import GooglePairs
from twinlm.data.sequences.mask_units import NOT_CHOSEN, spans, whole_words
from twinlm.data.sequences.masked_examples import Dynamic, Static
from twinlm.data.sequences.masked_windows import WindowRows
from twinlm.data.sequences.sentence_order import OrderedSentences
from twinlm.data.sequences.sentence_pairs import SentencePairs
from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens.store import TokenStore
from twinlm.data.tokens.writing import write_store
from twinlm.families import FAMILIES
from twinlm.objectives.masked_lm import (
    masked_lm,
    masked_lm_and_next_sentence,
    masked_lm_and_sentence_order,
)
from twinlm.settings import PretrainSettings
from twinlm.system.log import Silent
from twinlm.tokenizer import Tokenizer, train_tokenizer

BERT = FAMILIES["bert"]


@pytest.fixture(scope="module")
def parts(
    tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path, int], None]
) -> tuple[TokenStore, Tokenizer]:
    """A small store and its WordPiece tokenizer, small enough that words have several pieces."""
    folder = tmp_path_factory.mktemp("families")
    write_project(folder, 60)
    texts = (folder / "text.txt").read_text().split("\n\n")
    tokenizer = train_tokenizer(
        texts, algorithm="wordpiece", vocab_size=90, lowercase=True, progress=Silent()
    )
    store = write_store(
        folder / "store", texts, tokenizer, split_sentences, total=len(texts), progress=Silent()
    )
    return store, tokenizer


def _examples(parts: tuple[TokenStore, Tokenizer], **options: Any) -> Any:
    return BERT.examples(parts[0], PretrainSettings(length=48, **options), parts[1], 5)


@pytest.mark.parametrize(
    ("options", "source"),
    [
        ({}, SentencePairs),
        ({"pairs": "google"}, GooglePairs),
        ({"sentence_task": "sentence_order"}, OrderedSentences),
        ({"sentence_task": "none"}, WindowRows),
    ],
)
@pytest.mark.parametrize(("static", "kind"), [(0, Dynamic), (4, Static)])
def test_settings_choose_the_source_of_pairs_and_how_often_masks_come(
    parts: tuple[TokenStore, Tokenizer], options: dict[str, str], source: type, static: int, kind: type
) -> None:
    examples = _examples(parts, **options, static_masks=static)
    assert type(examples) is kind
    assert type(examples.source) is source
    assert getattr(examples.source, "variants", static) == static
    assert (examples.batch(0, 8).originals_BL != IGNORE).any(1).all()


@pytest.mark.parametrize(
    ("task", "objective"),
    [
        ("next_sentence", masked_lm_and_next_sentence),
        ("sentence_order", masked_lm_and_sentence_order),
        ("none", masked_lm),
    ],
)
def test_settings_choose_the_objective(task: Any, objective: object) -> None:
    assert BERT.objective(PretrainSettings(sentence_task=task)) is objective


@pytest.mark.parametrize(("unit", "kind"), [("whole_word", whole_words), ("span", spans)])
def test_words_that_are_guessed_are_whole(parts: tuple[TokenStore, Tokenizer], unit: str, kind: Any) -> None:
    examples, tokenizer = _examples(parts, mask_unit=unit, mask_share=0.3), parts[1]
    assert examples.masking.choose.stretches is kind(tokenizer.begins_word_V).stretches
    batch = examples.batch(0, 64)
    pieces = 0
    for guessed_L, shown_L in zip(batch.originals_BL.tolist(), batch.tokens_BL.tolist(), strict=True):
        for place in range(1, len(guessed_L)):
            token = shown_L[place] if guessed_L[place] == IGNORE else guessed_L[place]
            before = shown_L[place - 1] if guessed_L[place - 1] == IGNORE else guessed_L[place - 1]
            if tokenizer.token(token).startswith("##") and before not in tokenizer.specials.ids:
                assert (guessed_L[place] == IGNORE) == (guessed_L[place - 1] == IGNORE)
                pieces += guessed_L[place] != IGNORE
    assert pieces > 50


def test_limits_and_what_is_drawn_reach_the_masking(parts: tuple[TokenStore, Tokenizer]) -> None:
    masking = _examples(parts, max_predictions=3, random_tokens="all").masking
    assert masking.most == 3
    assert masking.drawn_N.tolist() == list(range(parts[1].vocab_size))
    ordinary = _examples(parts).masking
    assert ordinary.drawn_N.tolist() == list(range(8, parts[1].vocab_size))
    batch = _examples(parts, max_predictions=3).batch(0, 64)
    assert ((batch.originals_BL != IGNORE).sum(1) <= 3).all()


def test_spans_of_a_real_text_have_one_fate(parts: tuple[TokenStore, Tokenizer]) -> None:
    """In a span either all tokens are [MASK], or all are random, or all are shown."""
    masking = _examples(parts, mask_unit="span", mask_share=0.4).masking
    tokens_BL = rng.stream(0, "tokens").integers(8, parts[1].vocab_size, size=(200, 40))
    real_BL = np.ones_like(tokens_BL, np.bool_)
    chance, again = rng.stream(0, "masks"), rng.stream(0, "masks")
    shown_BL, _ = masking(tokens_BL, real_BL, chance)
    leaders_BL = masking.choose(tokens_BL, real_BL, np.full(200, 16), again)
    for shown_L, leaders_L in zip(shown_BL, leaders_BL, strict=True):
        for leader in set(leaders_L.tolist()) - {NOT_CHOSEN}:
            assert len(set((shown_L[leaders_L == leader] == parts[1].specials.mask).tolist())) == 1
