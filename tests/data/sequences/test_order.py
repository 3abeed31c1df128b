"""The shuffled order: a permutation, in constant memory, that can be cut anywhere."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from twinlm import rng
from twinlm.data.sequences import order

BILLION = 10**9


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


def _slow_feistel(number: int, size: int, turns: list[int], *, backwards: bool) -> int:
    """Permute one number with plain integers, or find which number was sent there."""
    half_bits = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = 2**half_bits - 1
    keys = [rng.key(7, "x", turn) % 2**64 for turn in turns]
    while True:
        left, right = number >> half_bits, number & mask
        if backwards:
            left, right = right, left
        for key in reversed(keys) if backwards else keys:
            mixed = (right ^ key) * 0x9E3779B97F4A7C15 % 2**64
            mixed = (mixed ^ (mixed >> 29)) * 0x9E3779B97F4A7C15 % 2**64
            left, right = right, left ^ ((mixed >> 32) & mask)
        if backwards:
            left, right = right, left
        number = (left << half_bits) | right
        if number < size:
            return number


def test_of_a_billion_samples_each_place_leads_back_to_its_number() -> None:
    numbers_N = rng.stream(0, "numbers").integers(BILLION, size=2000)
    places_N = order.permute(numbers_N, BILLION, 7, "x")
    for number, place in zip(numbers_N.tolist(), places_N.tolist(), strict=True):
        assert _slow_feistel(number, BILLION, [0, 1, 2, 3], backwards=False) == place
        assert _slow_feistel(place, BILLION, [0, 1, 2, 3], backwards=True) == number


def test_any_stretch_of_a_billion_samples_is_spread_evenly() -> None:
    """Where 300,000 neighbours go: 1,000 bins, chi-square with 999 degrees of freedom, four stretches."""
    for turn, first in enumerate([0, 123_456_789, BILLION // 2, BILLION - 300_000]):
        places_N = order.permute(np.arange(first, first + 300_000), BILLION, 7, "x", turn)
        bins = np.bincount(places_N // (BILLION // 1000), minlength=1000)
        assert stats.chisquare(bins).pvalue > 1e-4
        steps_N = np.diff(places_N) % BILLION  # the step to the next one is as even
        assert stats.chisquare(np.bincount(steps_N // (BILLION // 1000), minlength=1000)).pvalue > 1e-4


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
