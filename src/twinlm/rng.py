"""Named streams of random numbers: every draw is a function of (seed, names), never of time or order.

A stream is asked for by what it is for and which step it serves, `stream(seed, "masking", step)`, so a
resumed run draws what the run that was never stopped would have drawn.
"""

import hashlib

import numpy as np


def key(seed: int, *names: str | int) -> int:
    """Return 128 bits that only this seed and these names give."""
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator of this seed and these names, at its beginning."""
    return np.random.Generator(np.random.Philox(key=key(seed, *names)))


def torch_seed(seed: int, *names: str | int) -> int:
    """Return a seed for PyTorch's own generator, 63 bits: its dropout takes no other source."""
    return key(seed, *names) >> 65
