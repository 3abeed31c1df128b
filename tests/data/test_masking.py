"""Statistics of masking, by tests that a wrong share or an uneven choice fails."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from twinlm import rng
from twinlm.batch import IGNORE
from twinlm.data.masking import mask_tokens

MASK, VOCAB_SIZE = 4, 60
ORDINARY = (8, VOCAB_SIZE)


def _mask(tokens_BL, maskable_BL, lengths_B, seed=0, share=0.15):
    return mask_tokens(
        tokens_BL,
        maskable_BL,
        lengths_B,
        share=share,
        mask_id=MASK,
        ordinary=ORDINARY,
        generator=rng.stream(seed, "test"),
    )


def _many(rows: int = 6000, length: int = 42):
    """Return many sequences of [CLS] text [SEP]."""
    tokens_BL = rng.stream(1, "tokens").integers(*ORDINARY, size=(rows, length))
    tokens_BL[:, 0], tokens_BL[:, -1] = 2, 3
    return tokens_BL, tokens_BL >= 8, np.full(rows, length)


def test_exactly_the_rounded_share_of_each_sequence_is_chosen() -> None:
    tokens_BL, maskable_BL, _ = _many(300)
    for length in range(1, 43):
        real_BL = np.arange(42) < length
        lengths_B = np.full(300, length)
        _, originals_BL = _mask(tokens_BL, maskable_BL & real_BL, lengths_B)
        wanted = min(max(1, round(0.15 * length)), int((maskable_BL & real_BL)[0].sum()))
        assert ((originals_BL != IGNORE).sum(1) == wanted).all()


def test_eighty_ten_and_ten_percent_become_mask_another_token_and_the_same() -> None:
    tokens_BL, maskable_BL, lengths_B = _many()
    shown_BL, originals_BL = _mask(tokens_BL, maskable_BL, lengths_B)
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
    tokens_BL, maskable_BL, lengths_B = _many()
    _, originals_BL = _mask(tokens_BL, maskable_BL, lengths_B)
    counts_L = (originals_BL != IGNORE).sum(0)
    assert counts_L[0] == counts_L[-1] == 0
    assert stats.chisquare(counts_L[1:-1]).pvalue > 1e-4


def test_random_tokens_are_even_over_ordinary_ones_and_never_special() -> None:
    tokens_BL, maskable_BL, lengths_B = _many()
    shown_BL, originals_BL = _mask(tokens_BL, maskable_BL, lengths_B)
    is_random_BL = (originals_BL != IGNORE) & (shown_BL != MASK) & (shown_BL != tokens_BL)
    drawn = shown_BL[is_random_BL]
    assert drawn.min() >= 8
    assert drawn.max() < VOCAB_SIZE
    assert stats.chisquare(np.bincount(drawn, minlength=VOCAB_SIZE)[8:]).pvalue > 1e-4


@pytest.mark.parametrize("share", [0.01, 0.15, 0.5, 0.9])
def test_other_shares_are_kept(share: float) -> None:
    tokens_BL, maskable_BL, lengths_B = _many(50)
    _, originals_BL = _mask(tokens_BL, maskable_BL, lengths_B, share=share)
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
    shown_BL, originals_BL = _mask(tokens_BL, maskable_BL, lengths_B, seed, share)
    assert np.array_equal(tokens_BL, before_BL)
    assert np.array_equal(shown_BL[~maskable_BL], tokens_BL[~maskable_BL])
    assert (originals_BL[~maskable_BL] == IGNORE).all()
    assert ((originals_BL != IGNORE).any(1) == maskable_BL.any(1)).all()
