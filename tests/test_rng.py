"""Random streams: the same names give the same numbers, other names give others."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlm import rng


def test_the_same_seed_and_names_give_the_same_numbers() -> None:
    assert np.array_equal(rng.stream(3, "masks", 7).random(50), rng.stream(3, "masks", 7).random(50))


def test_a_stream_never_changes_between_releases() -> None:
    # Written down once: a change would make every resumed run another run.
    assert rng.key(0, "chunks", 0) == 339480617068310332246306406202703299367
    assert rng.stream(1, "a", 2).integers(0, 1000, 5).tolist() == [9, 703, 808, 984, 559]


@pytest.mark.parametrize("names", [("a", 12), ("a", 1, 2), ("a1", 2), ("a", 1), (), ("a", "1", "")])
def test_other_names_give_other_streams(names: tuple[str | int, ...]) -> None:
    every = [
        rng.key(0, *other) for other in [("a", 12), ("a", 1, 2), ("a1", 2), ("a", 1), (), ("a", "1", "")]
    ]
    assert every.count(rng.key(0, *names)) == 1


def test_streams_of_neighbouring_steps_are_not_alike() -> None:
    draws_SN = np.array([rng.stream(0, "masks", step).random(200) for step in range(50)])
    likeness_SS = np.corrcoef(draws_SN) - np.eye(50)
    # 2,450 correlations of 200 draws each: one beyond 5 standard errors has a chance below 0.002.
    assert np.abs(likeness_SS).max() < 5 / np.sqrt(200)


@settings(deadline=None)
@given(st.integers(), st.lists(st.text() | st.integers(), max_size=3))
def test_keys_have_128_bits_and_torch_seeds_fit_in_63(seed: int, names: list[str | int]) -> None:
    names = [name.encode(errors="replace").decode() if isinstance(name, str) else name for name in names]
    assert 0 <= rng.key(seed, *names) < 2**128
    assert 0 <= rng.torch_seed(seed, *names) < 2**63
    torch.Generator().manual_seed(rng.torch_seed(seed, *names))


def test_a_stream_leaves_the_global_generators_alone() -> None:
    np.random.seed(1)
    torch.manual_seed(1)
    before = np.random.random(), torch.rand(1).item()
    np.random.seed(1)
    torch.manual_seed(1)
    rng.stream(5, "x").random(10)
    rng.torch_seed(5, "x")
    assert (np.random.random(), torch.rand(1).item()) == before


def test_words_follow_from_key_and_names_alone_and_never_change() -> None:
    words = rng.Words(5)
    first = words.draw(3, 1, 2).tolist()
    assert (
        words.draw(5, 1, 2)[:3].tolist()
        == first
        == [10607236375060354456, 17070247519911961134, 349870596130946585]
    )
    assert (
        len(
            {
                tuple(rng.Words(key).draw(2, *names).tolist())
                for key in (5, 6)
                for names in [(1, 2), (12,), (2, 1)]
            }
        )
        == 6
    )


def test_bits_of_short_streams_are_even() -> None:
    words = np.concatenate([rng.Words(1).draw(4, call, row) for call in range(20) for row in range(500)])
    ones = np.array([(words >> np.uint64(bit) & np.uint64(1)).mean() for bit in range(64)])
    assert np.abs(ones - 0.5).max() < 5 * 0.5 / len(words) ** 0.5
