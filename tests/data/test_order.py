"""The shuffled order: a permutation, in constant memory, that can be cut anywhere."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from twinlm.data import order


def test_every_size_up_to_500_is_permuted() -> None:
    for size in range(1, 501):
        permuted_N = order.permute(np.arange(size), size, 0, "x", size)
        assert np.array_equal(np.sort(permuted_N), np.arange(size)), size


@pytest.mark.parametrize("size", [4**9, 4**9 + 1, 2**17 - 1, 300_007])
def test_large_sizes_are_permuted(size: int) -> None:
    assert np.array_equal(np.sort(order.permute(np.arange(size), size, 7, "x")), np.arange(size))


@pytest.mark.parametrize("size", [10**9 + 7, 2**40 + 1, 2**62])
def test_a_huge_size_costs_only_what_is_asked_of_it(size: int) -> None:
    numbers_N = np.linspace(0, size - 1, 50_000).astype(np.int64)
    numbers_N = np.unique(np.minimum(numbers_N, size - 1))
    tracemalloc.start()
    permuted_N = order.permute(numbers_N, size, 0, "x")
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(np.unique(permuted_N)) == len(numbers_N)
    assert permuted_N.min() >= 0
    assert permuted_N.max() < size
    assert peak_bytes < 40 * numbers_N.nbytes


def test_neither_the_numbers_asked_for_nor_their_order_matter() -> None:
    numbers_N = np.array([5, 99, 0, 5])
    alone = [order.permute(np.array([number]), 100, 1, "x").item() for number in numbers_N]
    assert order.permute(numbers_N, 100, 1, "x").tolist() == alone
    assert numbers_N.tolist() == [5, 99, 0, 5]


def test_seeds_names_and_passes_give_other_orders() -> None:
    every = [
        tuple(order.permute(np.arange(50), 50, seed, name, turn))
        for seed in (0, 1)
        for name in ("chunks", "windows")
        for turn in range(5)
    ]
    assert len(set(every)) == len(every)


def test_every_number_comes_equally_often_to_every_place() -> None:
    # 3,000 permutations of 12 numbers: a chi-square test of the 12 x 12 counts, 121 degrees of freedom.
    permuted_TN = np.array([order.permute(np.arange(12), 12, seed, "x") for seed in range(3000)])
    counts_NN = np.array([np.bincount(permuted_TN[:, place], minlength=12) for place in range(12)])
    chi_square = ((counts_NN - 250) ** 2 / 250).sum()
    assert stats.chi2.sf(chi_square, 121) > 1e-4


def test_neighbours_do_not_stay_neighbours() -> None:
    size = 100_000
    places_N = order.permute(np.arange(size), size, 0, "x")
    assert abs(np.corrcoef(places_N[:-1], places_N[1:])[0, 1]) < 5 / np.sqrt(size)
    assert (np.abs(np.diff(places_N)) == 1).mean() < 1e-3  # 2 / size in a random order
    counts = np.bincount(places_N[: size // 2] * 50 // size, minlength=50)
    assert stats.chisquare(counts).pvalue > 1e-4


@settings(deadline=None)
@given(
    size=st.integers(1, 60),
    first=st.integers(0, 500),
    cuts=st.lists(st.integers(0, 40), min_size=1, max_size=8),
    seed=st.integers(0, 3),
)
def test_an_order_is_the_same_however_it_is_cut(size: int, first: int, cuts: list[int], seed: int) -> None:
    cuts = [*cuts, 1]
    whole_N = order.passes(first, sum(cuts), size, seed, "x")
    begins = first + np.cumsum([0, *cuts[:-1]])
    pieces = [
        order.passes(int(begin), count, size, seed, "x")
        for begin, count in zip(begins, cuts, strict=True)
        if count
    ]
    assert np.array_equal(np.concatenate(pieces), whole_N)


@settings(deadline=None)
@given(size=st.integers(1, 40), turns=st.integers(1, 6))
def test_every_pass_has_each_number_once_in_an_order_of_its_own(size: int, turns: int) -> None:
    places_TN = order.passes(0, size * turns, size, 0, "x").reshape(turns, size)
    assert np.array_equal(np.sort(places_TN, axis=1), np.tile(np.arange(size), (turns, 1)))
    for turn in range(turns):
        assert np.array_equal(places_TN[turn], order.permute(np.arange(size), size, 0, "x", turn))
