"""Windows over a store whose tokens say where they stand."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from twinlm.data.sequences.windows import Windows
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import DataError

Writer = Callable[..., TokenStore]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, write_numbers: Writer) -> TokenStore:
    """A store of 1,009 tokens in which token i is 8 + i: two documents' <start> are at 0 and 505."""
    first = [list(range(9 + 10 * row, 19 + 10 * row)) for row in range(50)]
    second = [list(range(8 + 506, 8 + 1009))]
    first[-1] = list(range(9 + 490, 8 + 505))
    return write_numbers(tmp_path_factory.mktemp("store") / "places", [first, second], 5000)


def _begins(windows: Windows, first: int, count: int) -> np.ndarray:
    """Return where windows begin, found from their last token, which is never a <start> here."""
    tokens_BL = windows.tokens(first, count)
    return tokens_BL[:, -1] - 8 - (windows.length - 1)


def test_the_store_says_where_its_tokens_stand(places: TokenStore) -> None:
    expected_T = np.arange(1009) + 8
    expected_T[[0, 505]] = 5
    assert places.tokens_T.tolist() == expected_T.tolist()


@pytest.mark.parametrize("length", [8, 10, 63, 100, 252])
def test_windows_are_contiguous_pieces_of_the_store(places: TokenStore, length: int) -> None:
    windows = Windows(places, length=length, seed=0)
    tokens_BL = windows.tokens(0, 5 * windows.per_pass)
    rows = {tuple(places.tokens_T[begin : begin + length]) for begin in range(1009 - length + 1)}
    assert {tuple(row) for row in tokens_BL} <= rows


@pytest.mark.parametrize("length", [8, 10, 63, 100, 252, 504])
def test_a_pass_covers_the_store_once_without_overlap_from_an_offset_of_its_own(
    places: TokenStore, length: int
) -> None:
    windows = Windows(places, length=length, seed=3)
    offsets = []
    for turn in range(20):
        tokens_BL = windows.tokens(turn * windows.per_pass, windows.per_pass)
        firsts = np.sort([row[np.argmax(row > 5)] - np.argmax(row > 5) - 8 for row in tokens_BL])
        assert np.array_equal(firsts, firsts[0] + length * np.arange(windows.per_pass))
        assert 0 <= firsts[0] < length
        assert firsts[-1] + length <= 1009
        assert 1009 - (firsts[-1] + length) < 2 * length
        offsets.append(int(firsts[0]))
    assert len(set(offsets)) > 5


def test_windows_are_the_same_however_they_are_cut(places: TokenStore) -> None:
    windows = Windows(places, length=20, seed=1)
    whole_BL = windows.tokens(40, 60)
    assert np.array_equal(np.concatenate([windows.tokens(40, 1), windows.tokens(41, 59)]), whole_BL)
    assert np.array_equal(Windows(places, length=20, seed=1).tokens(40, 60), whole_BL)


def test_another_seed_gives_another_order(places: TokenStore) -> None:
    one, other = (Windows(places, length=20, seed=seed).tokens(0, 20) for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_a_batch_has_no_padding_and_one_segment(places: TokenStore) -> None:
    windows = Windows(places, length=16, seed=1)
    batch = windows.batch(3, 4)
    assert batch.tokens_BL.tolist() == windows.tokens(3, 4).tolist()
    assert batch.tokens_BL.shape == (4, 16)
    assert batch.real_BL.all()
    assert not batch.segments_BL.any()


def test_two_windows_are_enough_and_one_token_less_is_an_error_with_numbers(
    tmp_path: Path, write_numbers: Writer
) -> None:
    store = write_numbers(tmp_path / "store", [[list(range(8, 8 + 1999))]], 5000)
    windows = Windows(store, length=1000, seed=0)
    assert windows.per_pass == 1
    assert windows.tokens(0, 30).shape == (30, 1000)
    with pytest.raises(DataError, match=r"2,000 tokens, but training needs at least 2,002") as caught:
        Windows(store, length=1001, seed=0)
    assert "lower pretrain.length" in caught.value.hint


class _Endless:
    """Tokens that say where they stand, made where they are looked at."""

    def __getitem__(self, places: slice) -> np.ndarray:
        return np.arange(places.start, places.stop)


def test_a_billion_windows_cost_only_what_is_asked_of_them() -> None:
    store = SimpleNamespace(token_count=128 * (10**9 + 1), tokens_T=_Endless(), folder="x")
    tracemalloc.start()
    windows = Windows(store, length=128, seed=0)
    every = [windows.tokens(first, 256) for first in (0, 10**9 - 128, 5 * 10**9 + 7)]
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert windows.per_pass == 10**9
    assert peak_bytes < 4 * sum(tokens_BL.nbytes for tokens_BL in every)
    assert all((np.diff(tokens_BL) == 1).all() for tokens_BL in every)
    assert all(len(np.unique(tokens_BL[:128, 0])) == 128 for tokens_BL in every)
