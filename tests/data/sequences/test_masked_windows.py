"""Masked windows: GPT's windows between [CLS] and [SEP]."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from twinlm import rng
from twinlm.batch import IGNORE
from twinlm.data.sequences.mask_units import choose_tokens
from twinlm.data.sequences.masked_examples import Dynamic
from twinlm.data.sequences.masked_windows import PlainRows, WindowRows
from twinlm.data.sequences.masking import Masking, special_tokens
from twinlm.data.tokens.store import TokenStore
from twinlm.tokenizer import SpecialIds

IDS = SpecialIds()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, write_numbers: Callable[..., TokenStore]) -> TokenStore:
    """A store of 30 documents of five sentences."""
    chance = rng.stream(0, "store")
    documents = [[chance.integers(8, 500, size=9).tolist() for _ in range(5)] for _ in range(30)]
    return write_numbers(tmp_path_factory.mktemp("store") / "store", documents, 500)


def _masked(store: TokenStore, seed: int = 0, length: int = 32) -> Dynamic:
    masking = Masking(
        choose=choose_tokens,
        share=0.15,
        most=0,
        mask_id=IDS.mask,
        is_special_V=special_tokens(IDS.ids, 500),
        drawn_N=np.arange(8, 500),
    )
    return Dynamic(WindowRows(store, length=length, seed=seed), masking, IDS)


def test_without_its_masks_a_batch_is_windows_between_cls_and_sep(store: TokenStore) -> None:
    masked = _masked(store)
    batch = masked.batch(5, 40)
    is_guessed_BL = batch.originals_BL != IGNORE
    plain_BL = torch.where(is_guessed_BL, batch.originals_BL, batch.tokens_BL)
    assert plain_BL.shape == (40, 32)
    assert (plain_BL[:, 0] == IDS.cls).all()
    assert (plain_BL[:, -1] == IDS.sep).all()
    assert np.array_equal(plain_BL[:, 1:-1].numpy(), masked.source.windows.tokens(5, 40))
    assert batch.real_BL.all()
    assert not batch.segments_BL.any()
    assert not batch.is_random_B.any()
    assert (is_guessed_BL.sum(1) == round(0.15 * 32)).all()


def test_special_tokens_between_documents_are_never_guessed(store: TokenStore) -> None:
    batch = _masked(store).batch(0, 300)
    guessed = batch.originals_BL[batch.originals_BL != IGNORE]
    assert (guessed > IDS.extract).all()
    assert (batch.tokens_BL == IDS.start).any()
    shown = batch.tokens_BL[batch.originals_BL != IGNORE]
    assert ((shown == IDS.mask) | (shown > IDS.extract)).all()


def test_a_batch_depends_on_seed_and_place_only(store: TokenStore) -> None:
    one, again = _masked(store), _masked(store)
    again.batch(0, 3)
    assert torch.equal(one.batch(7, 9).tokens_BL, again.batch(7, 9).tokens_BL)
    assert not torch.equal(one.batch(7, 9).tokens_BL, _masked(store, seed=1).batch(7, 9).tokens_BL)


def test_masks_are_drawn_afresh_in_each_pass(store: TokenStore) -> None:
    masked = _masked(store, length=52)
    size = masked.source.windows.per_pass
    guessed_by_window: dict[tuple[int, ...], set[tuple[bool, ...]]] = {}
    for turn in range(200):
        batch = masked.batch(turn * size, size)
        is_guessed_BL = batch.originals_BL != IGNORE
        plain_BL = torch.where(is_guessed_BL, batch.originals_BL, batch.tokens_BL)
        for row, guessed in zip(plain_BL.tolist(), is_guessed_BL.tolist(), strict=True):
            guessed_by_window.setdefault(tuple(row), set()).add(tuple(guessed))
    # 200 passes share 50 offsets, so most windows come several times, with other masks each time.
    assert np.mean([len(guessed) > 1 for guessed in guessed_by_window.values()]) > 0.8


def test_plain_rows_are_the_same_windows_without_masks(store: TokenStore) -> None:
    source = WindowRows(store, length=32, seed=0)
    batch = PlainRows(source, IDS).batch(5, 40)
    assert np.array_equal(batch.tokens_BL[:, 1:-1].numpy(), source.windows.tokens(5, 40))
    assert (batch.tokens_BL[:, 0] == IDS.cls).all()
    assert (batch.tokens_BL[:, -1] == IDS.sep).all()
    assert batch.real_BL.all()
    assert not batch.segments_BL.any()
