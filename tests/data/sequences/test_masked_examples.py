"""Packing, and masks that are drawn afresh or come again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from twinlm import rng
from twinlm.batch import IGNORE, MaskedBatch
from twinlm.data.sequences.google_pairs import GooglePairs
from twinlm.data.sequences.mask_units import choose_tokens
from twinlm.data.sequences.masked_examples import Dynamic, Row, Source, Static, pack
from twinlm.data.sequences.masked_windows import WindowRows
from twinlm.data.sequences.masking import Masking, special_tokens
from twinlm.data.sequences.sentence_pairs import SentencePairs
from twinlm.data.tokens.store import TokenStore
from twinlm.tokenizer import SpecialIds

IDS = SpecialIds(cls=30, sep=31)
VARIANTS = 3
MASKING = Masking(
    choose=choose_tokens,
    share=0.15,
    most=0,
    mask_id=IDS.mask,
    is_special_V=special_tokens(IDS.ids, 500),
    drawn_N=np.arange(40, 500),
)
SOURCES: dict[str, Callable[..., Source]] = {
    "windows": lambda store: WindowRows(store, length=32, seed=0),
    "balanced": lambda store: SentencePairs(store, length=48, seed=0, short_share=0.1),
    "google": lambda store: GooglePairs(store, length=48, seed=0, short_share=0.1, variants=VARIANTS),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, write_numbers: Callable[..., TokenStore]) -> TokenStore:
    """A store of 30 documents of five sentences."""
    chance = rng.stream(0, "store")
    documents = [[chance.integers(40, 500, size=9).tolist() for _ in range(5)] for _ in range(30)]
    return write_numbers(tmp_path_factory.mktemp("store") / "store", documents, 500)


def test_one_segment_and_two_are_packed_side_by_side() -> None:
    rows = [Row(np.array([40, 41]), np.array([42]), 1), Row(np.array([43]), None, 0)]
    tokens_BL, segments_BL, real_BL = pack(rows, IDS)
    assert tokens_BL.tolist() == [[30, 40, 41, 31, 42, 31], [30, 43, 31, 0, 0, 0]]
    assert segments_BL.tolist() == [[0, 0, 0, 0, 1, 1], [0] * 6]
    assert real_BL.sum(1).tolist() == [6, 3]


def _rows(batch: MaskedBatch) -> list[tuple[object, ...]]:
    """Return each row of a batch as values that don't depend on its padding."""
    lengths = batch.real_BL.sum(1).tolist()
    parts = (batch.tokens_BL, batch.originals_BL, batch.segments_BL)
    return [
        (*(tuple(part[row, :length].tolist()) for part in parts), int(batch.is_random_B[row]))
        for row, length in enumerate(lengths)
    ]


def _pass_sizes(source: Source) -> list[int]:
    turns = [turn for turn, _ in source.indices(0, 4000)]
    return [turns.count(turn) for turn in range(2 * VARIANTS)]


@pytest.mark.parametrize("name", SOURCES)
def test_static_rows_come_again_after_so_many_passes_and_not_before(name: str, store: TokenStore) -> None:
    source = SOURCES[name](store)
    examples = Static(source, MASKING, IDS, VARIANTS)
    passes, begin = [], 0
    for size in _pass_sizes(source):
        passes.append(_rows(examples.batch(begin, size)))
        begin += size
    for turn in range(VARIANTS):
        assert passes[turn] != passes[turn + VARIANTS]  # in another order
        assert sorted(passes[turn]) == sorted(passes[turn + VARIANTS])
        assert not set(passes[turn]) & set(passes[(turn + 1) % VARIANTS])


@pytest.mark.parametrize("name", SOURCES)
def test_a_static_row_does_not_depend_on_the_rows_beside_it(name: str, store: TokenStore) -> None:
    examples = Static(SOURCES[name](store), MASKING, IDS, VARIANTS)
    together = _rows(examples.batch(3, 40))
    assert together == [row for first in range(3, 43, 8) for row in _rows(examples.batch(first, 8))]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("kind", [Dynamic, Static])
def test_a_batch_depends_on_seed_and_place_only(name: str, kind: type, store: TokenStore) -> None:
    more = [VARIANTS] if kind is Static else []
    one, again = (kind(SOURCES[name](store), MASKING, IDS, *more) for _ in range(2))
    again.batch(0, 3)
    for part in ("tokens_BL", "segments_BL", "real_BL", "originals_BL", "is_random_B"):
        assert torch.equal(getattr(one.batch(700, 9), part), getattr(again.batch(700, 9), part))


def test_static_masks_are_of_the_right_number_and_never_special(store: TokenStore) -> None:
    batch = Static(SOURCES["balanced"](store), MASKING, IDS, VARIANTS).batch(0, 500)
    is_guessed_BL = batch.originals_BL != IGNORE
    wanted_B = np.maximum(np.rint(0.15 * batch.real_BL.sum(1).numpy()), 1)
    assert is_guessed_BL.sum(1).tolist() == wanted_B.tolist()
    assert not torch.isin(batch.originals_BL[is_guessed_BL], torch.tensor(IDS.ids)).any()


def test_all_documents_of_a_store_are_seen(store: TokenStore, tmp_path: Path) -> None:
    source = SOURCES["google"](store)
    batch = Dynamic(source, MASKING, IDS).batch(0, _pass_sizes(source)[0])
    plain_BL = torch.where(batch.originals_BL != IGNORE, batch.originals_BL, batch.tokens_BL)
    assert set(np.unique(store.tokens_T)) - set(IDS.ids) <= set(plain_BL.flatten().tolist())
