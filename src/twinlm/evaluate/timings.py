"""What answering takes, as plain records: seconds of a request and of 1,000 predictions, memory, operations.

`serving.py` measures them, `serving_memory.py` the memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """The median of measurements, and between which values most of them lie."""

    median: float
    """As many lie below as above."""
    low: float
    """The lower quantile that the holder of the record states."""
    high: float
    """The upper one."""

    def times(self, factor: float) -> "Spread":
        """Return it in another unit."""
        return Spread(median=factor * self.median, low=factor * self.low, high=factor * self.high)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """How long a model took for requests of one size: from texts to answers, in this process."""

    batch: int
    """Examples in a request."""
    requests: int
    """Different requests that were answered, all of them in each round."""
    request_s: Spread
    """Seconds of one request, over all requests and rounds; 5th to 95th percentile."""
    rounds_s: list[float]
    """Seconds of each round. Of models measured in turns, the n-th rounds lie side by side in time."""

    @property
    def predictions(self) -> int:
        """How many predictions were measured."""
        return self.batch * self.requests * len(self.rounds_s)

    @property
    def per_thousand_s(self) -> Spread:
        """Seconds for 1,000 predictions, one request after another; median and quartiles of the rounds."""
        return spread(self.rounds_s, 25, 75).times(1000 / (self.batch * self.requests))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingCost:
    """What a fine-tuned model's predictions cost on one machine."""

    timings: list[Timing]
    """One for each size of request, the smallest first."""
    flops: float
    """Floating point operations of one prediction that is asked for alone, by the formula in
    `core/count.py`: the forward passes over all its sequences, without the head. Mean over examples."""
    sequences: float
    """Sequences read for one prediction: both orders of two texts, each choice, each window of a context."""
    tokens: float
    """Tokens in them, special tokens included and padding not."""
    weight_bytes: int
    """All weights of the model and its head, those included that only pre-training needed."""
    peak_memory_bytes: int | None = None
    """Largest memory of a process that does nothing but answer requests of the largest size with this model
    (of the GPU, if there is one); None where it was not measured."""
    others_share: float
    """Share of the processors' time that other processes took meanwhile, from 0 to 1: from about 0.1 on all
    times are too long, and those of several threads much too long, as each waits for the others. 0 where the
    system does not tell."""
    threads: int
    """Of the processor, for PyTorch."""
    precision: str
    """Of matrix products: "float32"."""
    device: str
    """"cpu" or "cuda"."""

    def timing(self, batch: int) -> Timing:
        """Return the timing of requests of a size that was measured."""
        return next(timing for timing in self.timings if timing.batch == batch)


def spread(values: ArrayLike, low: float, high: float) -> Spread:
    """Return the median of values and two of their percentiles."""
    below, middle, above = np.percentile(np.asarray(values, np.float64), [low, 50, high]).tolist()
    return Spread(median=middle, low=below, high=above)


def ratio(first: Timing, second: Timing) -> Spread:
    """Return how many times as long the first takes as the second; median and quartiles of the rounds.

    Both must have been measured in turns: each round of the first is set against the second's round beside
    it, so that a moment in which the machine was busy hits both.
    """
    assert (first.batch, first.requests) == (second.batch, second.requests), "not the same requests"
    rounds = zip(first.rounds_s, second.rounds_s, strict=True)
    return spread([one / other for one, other in rounds], 25, 75)
