"""Records of the cost of predictions: time, memory and operations. `serving.py` measures them."""

import numpy as np
from numpy.typing import ArrayLike

from twinlm.system.records import Number, Record, Whole


class Spread(Record):
    """Median and spread of measurements."""

    median: Number
    """Median of the measurements."""
    low: Number
    """Lower quantile; the field that holds the record says which."""
    high: Number
    """Upper quantile."""

    def times(self, factor: float) -> "Spread":
        """Return the spread in another unit."""
        return Spread(median=factor * self.median, low=factor * self.low, high=factor * self.high)


class Timing(Record):
    """Times of one model for requests of one size, from texts to answers, in this process."""

    batch: Whole
    """Number of examples in a request."""
    requests: Whole
    """Number of different requests, all of which are answered in each round."""
    request_s: Spread
    """Seconds of one request over all requests and rounds; 5th to 95th percentile."""
    rounds_s: list[Number]
    """Seconds of each round. The n-th rounds of models measured together are next to each other in time."""

    @property
    def predictions(self) -> int:
        """Number of measured predictions."""
        return self.batch * self.requests * len(self.rounds_s)

    @property
    def per_thousand_s(self) -> Spread:
        """Seconds for 1,000 predictions, one request after another; median and quartiles of the rounds."""
        return spread(self.rounds_s, 25, 75).times(1000 / (self.batch * self.requests))


class ServingCost(Record):
    """Cost of a fine-tuned model's predictions on one machine."""

    timings: list[Timing]
    """Times for each size of request, the smallest first."""
    flops: Number
    """Floating point operations of one prediction on its own, by the formula in `core/count.py`: the forward
    passes over all its sequences, without the head. Mean over examples."""
    sequences: Number
    """Number of sequences for one prediction: both orders of two texts, each choice, each window."""
    tokens: Number
    """Number of tokens in these sequences, with special tokens and without padding."""
    weight_bytes: Whole
    """Size of all weights of model and head, including those that only pre-training used."""
    peak_memory_bytes: Whole | None
    """Peak memory (of the GPU, if there is one) of a process that only answers requests of the largest size
    with this model; None if it was not measured."""
    others_share: Number
    """Share of processor time that other processes used meanwhile, from 0 to 1. From about 0.1 on all times
    are too long, and times of several threads much too long. 0 if the system does not report it."""
    threads: Whole
    """Number of processor threads for PyTorch."""
    precision: str
    """Precision of matrix products: "float32"."""
    device: str
    """Device: "cpu" or "cuda"."""

    def timing(self, batch: int) -> Timing:
        """Return the timing of requests of one size."""
        return next(timing for timing in self.timings if timing.batch == batch)


def spread(values: ArrayLike, low: float, high: float) -> Spread:
    """Return the median of values and two of their percentiles."""
    below, middle, above = np.percentile(np.asarray(values, np.float64), [low, 50, high]).tolist()
    return Spread(median=middle, low=below, high=above)


def ratio(first: Timing, second: Timing) -> Spread:
    """Return the time of the first as a multiple of the second's; median and quartiles of the rounds.

    Both must have been measured in alternation: rounds are compared with their neighbours in time, so that
    a moment in which the machine was busy affects both.
    """
    assert (first.batch, first.requests) == (second.batch, second.requests), "not the same requests"
    rounds = zip(first.rounds_s, second.rounds_s, strict=True)
    return spread([one / other for one, other in rounds], 25, 75)
