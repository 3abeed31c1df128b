"""A random order of any length, computed item by item from (seed, pass, number) and never stored.

A Feistel network (Luby and Rackoff 1988) permutes the numbers below a power of four. Results that are too
large are permuted again until they fit ("cycle walking"), so each number below `size` comes exactly once.
"""

import numpy as np
from numpy.typing import NDArray

from twinlm import rng

_ROUNDS = 4
_MIX = np.uint64(0x9E3779B97F4A7C15)


def permute(numbers_N: NDArray[np.int64], size: int, seed: int, *names: str | int) -> NDArray[np.int64]:
    """Return where the permutation of 0 .. size - 1 that seed and names select sends each number."""
    # Both halves of a number need equally many bits.
    half_bits = max(1, ((size - 1).bit_length() + 1) // 2)
    keys = [np.uint64(rng.key(seed, *names, turn) & (2**64 - 1)) for turn in range(_ROUNDS)]
    permuted_N = _feistel(numbers_N.astype(np.uint64), half_bits, keys)
    while (outside_N := permuted_N >= size).any():
        permuted_N[outside_N] = _feistel(permuted_N[outside_N], half_bits, keys)
    return permuted_N.astype(np.int64)


def passes(first: int, count: int, size: int, seed: int, name: str) -> NDArray[np.int64]:
    """Return items `first` .. `first + count` of an endless order; each pass shuffles 0 .. size - 1 anew."""
    turns = range(first // size, (first + count - 1) // size + 1)
    bounds = [(max(first - turn * size, 0), min(first + count - turn * size, size)) for turn in turns]
    pieces = [
        permute(np.arange(low, high), size, seed, name, turn)
        for turn, (low, high) in zip(turns, bounds, strict=True)
    ]
    return np.concatenate(pieces)


def passes_and_indices(first: int, count: int, size: int, seed: int, name: str) -> list[tuple[int, int]]:
    """Return the same items, each after the number of its pass."""
    turns_N = np.arange(first, first + count) // size
    return list(zip(turns_N.tolist(), passes(first, count, size, seed, name).tolist(), strict=True))


def _feistel(numbers_N: NDArray[np.uint64], half_bits: int, keys: list[np.uint64]) -> NDArray[np.uint64]:
    mask, shift = np.uint64(2**half_bits - 1), np.uint64(half_bits)
    left_N, right_N = numbers_N >> shift, numbers_N & mask
    with np.errstate(over="ignore"):
        for round_key in keys:
            mixed_N = (right_N ^ round_key) * _MIX
            mixed_N = (mixed_N ^ (mixed_N >> np.uint64(29))) * _MIX
            left_N, right_N = right_N, left_N ^ ((mixed_N >> np.uint64(32)) & mask)
    return (left_N << shift) | right_N
