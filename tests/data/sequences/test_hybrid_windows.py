"""Windows of which a share is masked: the same windows, an exact share, whatever is asked at once."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from twinlm import rng
from twinlm.batch import IGNORE
from twinlm.data.sequences.hybrid_windows import HybridWindows
from twinlm.data.sequences.mask_units import choose_tokens
from twinlm.data.sequences.masking import Masking, special_tokens
from twinlm.data.sequences.windows import Windows
from twinlm.data.tokens.store import TokenStore
from twinlm.tokenizer import SpecialIds

IDS = SpecialIds()


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory, write_numbers: Callable[..., TokenStore]) -> Windows:
    """Windows of 32 tokens over 30 documents of five sentences."""
    chance = rng.stream(0, "store")
    documents = [[chance.integers(8, 500, size=9).tolist() for _ in range(5)] for _ in range(30)]
    store = write_numbers(tmp_path_factory.mktemp("store") / "store", documents, 500)
    return Windows(store, length=32, seed=0)


def hybrid(windows: Windows, share: float) -> HybridWindows:
    masking = Masking(
        choose=choose_tokens,
        share=0.25,
        most=0,
        mask_id=IDS.mask,
        is_special_V=special_tokens(IDS.ids, 500),
        drawn_N=np.arange(8, 500),
    )
    return HybridWindows(windows, masking, share)


def test_rows_are_gpts_windows_and_only_some_are_masked(windows: Windows) -> None:
    batch = hybrid(windows, 0.25).batch(6, 40)
    is_target_BL = batch.originals_BL != IGNORE
    plain_BL = torch.where(is_target_BL, batch.originals_BL, batch.tokens_BL)
    assert np.array_equal(plain_BL.numpy(), windows.tokens(6, 40))
    assert int(batch.sees_all_B.sum()) == 10
    causal = ~batch.sees_all_B
    assert torch.equal(batch.tokens_BL[causal], plain_BL[causal])
    assert is_target_BL[causal][:, 1:].all()
    assert not is_target_BL[:, 0].any()
    assert (is_target_BL[batch.sees_all_B].sum(1) == round(0.25 * 31)).all()
    guessed = batch.originals_BL[batch.sees_all_B][is_target_BL[batch.sees_all_B]]
    assert (guessed > IDS.extract).all()
    shown = batch.tokens_BL[batch.sees_all_B][is_target_BL[batch.sees_all_B]]
    assert 0.6 < float((shown == IDS.mask).float().mean()) < 0.95


@given(st.integers(0, 900), st.integers(1, 300), st.sampled_from([0.05, 0.1, 0.25, 0.3, 0.5, 0.9, 0.95]))
def test_every_stretch_of_the_order_has_the_share(
    windows: Windows, first: int, count: int, share: float
) -> None:
    batch = hybrid(windows, share).batch(first, count)
    assert abs(int(batch.sees_all_B.sum()) - share * count) <= 1


def test_which_rows_are_masked_depends_on_their_place_only(windows: Windows) -> None:
    rows = hybrid(windows, 0.3)
    whole = rows.batch(0, 20).sees_all_B
    assert torch.equal(whole, torch.cat([rows.batch(0, 7).sees_all_B, rows.batch(7, 13).sees_all_B]))
