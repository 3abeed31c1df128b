"""Words stay whole, spans have the paper's lengths, and no more is chosen than wanted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from twinlm import rng
from twinlm.data.sequences.mask_units import (
    LONGEST_SPAN,
    NOT_CHOSEN,
    draw_span_lengths,
    spans,
    whole_words,
    word_begins,
    words_of,
)

VOCAB_SIZE = 40
BEGINS_V = np.arange(VOCAB_SIZE) < 25  # 8 .. 24 begin words, the others go on with one; 0 .. 7 are special


def _slow_words(tokens: list[int], maskable: list[bool]) -> list[tuple[int, int]]:
    """Return the words of a row as the released code gathers them: token by token."""
    words: list[list[int]] = []
    for place, (token, may) in enumerate(zip(tokens, maskable, strict=True)):
        if not may:
            continue
        goes_on = bool(words) and words[-1][-1] == place - 1 and not BEGINS_V[token]
        if goes_on:
            words[-1].append(place)
        else:
            words.append([place])
    return [(word[0], word[-1] + 1) for word in words]


ROWS = st.lists(st.integers(0, VOCAB_SIZE - 1), min_size=1, max_size=40)


@settings(max_examples=300, deadline=None)
@given(tokens=ROWS)
def test_words_are_those_of_a_walk_from_token_to_token(tokens: list[int]) -> None:
    tokens_1L = np.array([tokens])
    maskable_1L = tokens_1L >= 8
    begins_1L = word_begins(tokens_1L, maskable_1L, BEGINS_V)
    words_W2 = words_of(begins_1L[0], maskable_1L[0])
    assert [tuple(word) for word in words_W2.tolist()] == _slow_words(tokens, maskable_1L[0].tolist())


@settings(max_examples=300, deadline=None)
@given(
    tokens=ROWS, share=st.floats(0, 1), seed=st.integers(0, 99), kind=st.sampled_from([whole_words, spans])
)
def test_only_whole_words_are_chosen_and_as_many_as_fit(tokens, share, seed, kind) -> None:
    tokens_1L = np.array([tokens])
    maskable_1L = tokens_1L >= 8
    wanted = int(share * maskable_1L.sum())
    leaders_1L = kind(BEGINS_V)(tokens_1L, maskable_1L, np.array([wanted]), rng.stream(seed, "units"))
    chosen = np.flatnonzero(leaders_1L[0] != NOT_CHOSEN).tolist()
    assert maskable_1L[0, chosen].all()
    assert len(chosen) <= wanted
    assert bool(chosen) == bool(wanted)
    words = _slow_words(tokens, maskable_1L[0].tolist())
    taken = [word for word in words if set(range(*word)) & set(chosen)]
    if any(end - begin <= wanted for begin, end in words):
        assert sorted(chosen) == [place for word in taken for place in range(*word)]
        left = wanted - len(chosen)
        # What was passed over would have been too much.
        assert kind is spans or all(end - begin > left for begin, end in words if (begin, end) not in taken)
    elif wanted:  # no word is short enough, so a piece of one is taken
        assert len(chosen) == wanted
        assert chosen[-1] - chosen[0] == wanted - 1


@settings(max_examples=300, deadline=None)
@given(tokens=ROWS, share=st.floats(0, 1), seed=st.integers(0, 99))
def test_a_span_is_words_in_a_row_under_its_first_token(tokens: list[int], share: float, seed: int) -> None:
    tokens_1L = np.array([tokens])
    maskable_1L = tokens_1L >= 8
    wanted_1 = np.array([int(share * maskable_1L.sum())])
    leaders_1L = spans(BEGINS_V)(tokens_1L, maskable_1L, wanted_1, rng.stream(seed, "spans"))
    for leader in set(leaders_1L[0].tolist()) - {NOT_CHOSEN}:
        span = np.flatnonzero(leaders_1L[0] == leader)
        assert span[0] == leader
        assert span[-1] - span[0] == len(span) - 1
        words = [word for word in _slow_words(tokens, maskable_1L[0].tolist()) if word[0] in span]
        assert 1 <= len(words) <= LONGEST_SPAN


def test_each_token_of_a_word_has_a_fate_of_its_own() -> None:
    tokens_BL = rng.stream(0, "tokens").integers(8, VOCAB_SIZE, size=(50, 30))
    leaders_BL = whole_words(BEGINS_V)(
        tokens_BL, np.ones_like(tokens_BL, np.bool_), np.full(50, 6), rng.stream(0)
    )
    places_BL = np.broadcast_to(np.arange(30), leaders_BL.shape)
    chosen_BL = leaders_BL != NOT_CHOSEN
    assert np.array_equal(leaders_BL[chosen_BL], places_BL[chosen_BL])


def test_span_lengths_follow_the_geometric_distribution_and_its_mean_is_the_papers() -> None:
    lengths_N = draw_span_lengths(60_000, rng.stream(0, "lengths"))
    chances_N = 0.2 * 0.8 ** np.arange(10)
    expected_N = chances_N / chances_N.sum() * len(lengths_N)
    assert stats.chisquare(np.bincount(lengths_N, minlength=11)[1:], expected_N).pvalue > 1e-4
    assert lengths_N.mean() == pytest.approx(3.8, abs=0.03)  # "mean(l) = 3.8", Joshi et al. 2020, 3.1


def test_a_lone_span_has_a_drawn_length() -> None:
    """With 10 of 5,000 tokens wanted, the first span is never cut: its length is one of the distribution."""
    tokens_BL = np.full((4000, 300), 8)
    choose = spans(BEGINS_V)
    leaders_BL = choose(tokens_BL, np.ones_like(tokens_BL, np.bool_), np.full(4000, 10), rng.stream(0, "one"))
    assert ((leaders_BL != NOT_CHOSEN).sum(1) == 10).all()
    whole = [len(set(row.tolist())) - 1 for row in leaders_BL]
    # Rows filled by one span are those whose first length is 10: 0.2 * 0.8^9 / (1 - 0.8^10) = 3 %.
    assert np.mean(np.array(whole) == 1) == pytest.approx(0.0301, abs=0.012)


@pytest.mark.parametrize("kind", [whole_words, spans])
def test_words_are_chosen_evenly(kind: type) -> None:
    tokens_BL = np.full((3000, 60), 8)
    tokens_BL[:, 1::2] = 30  # words of two tokens
    chosen_BL = (
        kind(BEGINS_V)(tokens_BL, np.ones_like(tokens_BL, np.bool_), np.full(3000, 6), rng.stream(0, "even"))
        != NOT_CHOSEN
    )
    assert np.array_equal(chosen_BL[:, ::2], chosen_BL[:, 1::2])
    counts_L = chosen_BL[:, ::2].sum(0)
    inner = counts_L[10:] if kind is spans else counts_L  # few spans reach the first words from before
    assert inner.min() > 0.75 * inner.mean()
