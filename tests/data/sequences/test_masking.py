"""Statistics of masking, by tests that a wrong share or an uneven choice fails."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from twinlm import rng
from twinlm.batch import IGNORE
from twinlm.data.sequences.mask_units import choose_tokens
from twinlm.data.sequences.masking import Masking, special_tokens, wanted_counts

MASK, VOCAB_SIZE = 4, 60
ORDINARY = (8, VOCAB_SIZE)


def _masking(share=0.15, most=0, specials=range(8), drawn=None) -> Masking:
    is_special_V = special_tokens(tuple(specials), VOCAB_SIZE)
    return Masking(
        choose=choose_tokens,
        share=share,
        most=most,
        mask_id=MASK,
        is_special_V=is_special_V,
        drawn_N=np.flatnonzero(~is_special_V) if drawn is None else drawn,
    )


def _mask(tokens_BL, real_BL, seed=0, **options):
    return _masking(**options)(tokens_BL, real_BL, rng.stream(seed, "test"))


def _many(rows: int = 6000, length: int = 42):
    """Return many sequences of [CLS] text [SEP]."""
    tokens_BL = rng.stream(1, "tokens").integers(*ORDINARY, size=(rows, length))
    tokens_BL[:, 0], tokens_BL[:, -1] = 2, 3
    return tokens_BL, np.ones_like(tokens_BL, np.bool_)


def test_exactly_the_rounded_share_of_each_sequence_is_chosen() -> None:
    tokens_BL, _ = _many(300)
    for length in range(1, 43):
        real_BL = np.broadcast_to(np.arange(42) < length, tokens_BL.shape)
        _, originals_BL = _mask(tokens_BL, real_BL)
        wanted = min(max(1, round(0.15 * length)), int((real_BL & (tokens_BL >= 8))[0].sum()))
        assert ((originals_BL != IGNORE).sum(1) == wanted).all()


def test_eighty_ten_and_ten_percent_become_mask_another_token_and_the_same() -> None:
    tokens_BL, real_BL = _many()
    shown_BL, originals_BL = _mask(tokens_BL, real_BL)
    chosen_BL = originals_BL != IGNORE
    assert np.array_equal(originals_BL[chosen_BL], tokens_BL[chosen_BL])
    assert np.array_equal(shown_BL[~chosen_BL], tokens_BL[~chosen_BL])
    total = chosen_BL.sum()
    masks = (shown_BL[chosen_BL] == MASK).sum()
    same = (shown_BL == tokens_BL)[chosen_BL].sum()
    # A random token is the old one once in 52 times.
    chance_same = 0.1 + 0.1 / (VOCAB_SIZE - 8)
    expected = np.array([0.8, 0.2 - chance_same, chance_same]) * total
    assert stats.chisquare([masks, total - masks - same, same], expected).pvalue > 1e-4


def test_positions_are_chosen_evenly() -> None:
    tokens_BL, real_BL = _many()
    _, originals_BL = _mask(tokens_BL, real_BL)
    counts_L = (originals_BL != IGNORE).sum(0)
    assert counts_L[0] == counts_L[-1] == 0
    assert stats.chisquare(counts_L[1:-1]).pvalue > 1e-4


def test_random_tokens_are_even_over_ordinary_ones_and_never_special() -> None:
    tokens_BL, real_BL = _many()
    shown_BL, originals_BL = _mask(tokens_BL, real_BL)
    is_random_BL = (originals_BL != IGNORE) & (shown_BL != MASK) & (shown_BL != tokens_BL)
    drawn = shown_BL[is_random_BL]
    assert drawn.min() >= 8
    assert drawn.max() < VOCAB_SIZE
    assert stats.chisquare(np.bincount(drawn, minlength=VOCAB_SIZE)[8:]).pvalue > 1e-4


@pytest.mark.parametrize("share", [0.01, 0.15, 0.5, 0.9])
def test_other_shares_are_kept(share: float) -> None:
    tokens_BL, real_BL = _many(50)
    _, originals_BL = _mask(tokens_BL, real_BL, share=share)
    assert ((originals_BL != IGNORE).sum(1) == max(1, round(share * 42))).all()


@settings(max_examples=200, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    seed=st.integers(0, 99),
    share=st.floats(0.001, 0.9),
)
def test_specials_and_padding_are_never_touched(lengths: list[int], seed: int, share: float) -> None:
    lengths_B = np.array(lengths)
    real_BL = np.arange(max(lengths)) < lengths_B[:, None]
    tokens_BL = rng.stream(seed, "tokens").integers(0, VOCAB_SIZE, size=real_BL.shape)
    tokens_BL[~real_BL] = 0
    maskable_BL = real_BL & (tokens_BL >= 8)
    before_BL = tokens_BL.copy()
    shown_BL, originals_BL = _mask(tokens_BL, real_BL, seed, share=share)
    assert np.array_equal(tokens_BL, before_BL)
    assert np.array_equal(shown_BL[~maskable_BL], tokens_BL[~maskable_BL])
    assert (originals_BL[~maskable_BL] == IGNORE).all()
    assert ((originals_BL != IGNORE).any(1) == maskable_BL.any(1)).all()


def test_no_more_than_the_most_is_chosen() -> None:
    """The released code's min(most, max(1, round(share * length))), with Python's own rounding."""
    lengths_B = np.arange(1, 513)
    wanted = [min(20, max(1, round(0.15 * length))) for length in lengths_B.tolist()]
    assert wanted_counts(lengths_B, 0.15, 20).tolist() == wanted
    _, originals_BL = _mask(*_many(50), share=0.5, most=7)
    assert ((originals_BL != IGNORE).sum(1) == 7).all()


@settings(max_examples=100, deadline=None)
@given(specials=st.sets(st.integers(0, VOCAB_SIZE - 1), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_special_tokens_may_stand_anywhere_in_a_vocabulary(specials: set[int], seed: int) -> None:
    tokens_BL = rng.stream(seed, "tokens").integers(0, VOCAB_SIZE, size=(8, 60))
    real_BL = np.ones_like(tokens_BL, np.bool_)
    shown_BL, originals_BL = _mask(tokens_BL, real_BL, seed, share=0.9, specials=specials)
    assert not np.isin(originals_BL[originals_BL != IGNORE], list(specials)).any()
    changed_BL = (shown_BL != tokens_BL) & (shown_BL != MASK)
    assert not np.isin(shown_BL[changed_BL], list(specials)).any()


def test_as_released_a_random_token_may_be_a_special_one() -> None:
    tokens_BL, real_BL = _many(12000)
    shown_BL, originals_BL = _mask(tokens_BL, real_BL, drawn=np.arange(VOCAB_SIZE))
    is_random_BL = (originals_BL != IGNORE) & (shown_BL != MASK) & (shown_BL != tokens_BL)
    counts_V = np.bincount(shown_BL[is_random_BL], minlength=VOCAB_SIZE)
    assert stats.chisquare(np.delete(counts_V, MASK)[:7]).pvalue > 1e-4
    assert counts_V[:MASK].min() > 0


def test_ordinary_draws_are_those_of_a_range_of_ids() -> None:
    """A table of ids behind an index gives the numbers that drawing from the range gave."""
    one, other = rng.stream(3, "x"), rng.stream(3, "x")
    table = np.arange(8, 500)
    assert np.array_equal(one.integers(8, 500, size=(9, 7)), table[other.integers(len(table), size=(9, 7))])
