"""Named streams of random numbers: every draw is a function of (seed, names), never of time or order.

A stream is named by its purpose and step, `stream(seed, "masking", step)`, so a resumed run draws the same
numbers as a run that was never stopped.
"""

import hashlib

import numpy as np


def key(seed: int, *names: str | int) -> int:
    """Return 128 bits that depend on this seed and these names only."""
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return a new generator for this seed and these names."""
    return np.random.Generator(np.random.Philox(key=key(seed, *names)))


def torch_seed(seed: int, *names: str | int) -> int:
    """Return a seed of 63 bits for PyTorch's own generator, which its dropout requires."""
    return key(seed, *names) >> 65
