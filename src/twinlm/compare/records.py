"""Records that `results.py` is made of: an interval, what was tried in tuning, curves of scores."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """An estimate and the range that holds the true value in 95 of 100 repetitions."""

    estimate: float
    """The value found."""
    low: float
    """Lower end, 95 %."""
    high: float
    """Upper end, 95 %."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RateTried:
    """The fine-tunings of one arm on one task at one learning rate."""

    learning_rate: float
    """The highest of its schedule."""
    trials: int
    """Pre-training seeds times fine-tuning seeds."""
    failed: int
    """Of these, those that diverged, or gave one answer to all validation examples."""
    validation: float | None
    """Mean main figure on validation examples; None if a trial diverged."""
    flops: float
    """Operations in all."""
    seconds: float
    """Time in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """What was tried for one arm on one task before test examples were looked at."""

    arm: str
    """Its name."""
    label: str
    """For people."""
    task: str
    """The task's name."""
    tried: list[RateTried]
    """By learning rate."""
    kept: float
    """The learning rate whose models are compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScorePoint:
    """The score of one arm at one place of an axis."""

    arm: str
    """"gpt", "bert", or the name of a baseline."""
    label: str
    """For people."""
    x: float
    """Training examples, or what pre-training could spend, in the unit of the budget."""
    tokens: float
    """Pre-training tokens."""
    score: Interval
    """The main figure, over examples and seeds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossing:
    """Where the curves of two arms cross, on a logarithmic axis."""

    first: str
    """The arm that is ahead below the crossing."""
    second: str
    """The arm that is ahead above it."""
    at: Interval
    """Where, with the range of 95 of 100 bootstrap samples."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreCurve:
    """Score against labels, or against pre-training."""

    task: str
    """The task's name."""
    metric: str
    """Name of the main figure."""
    axis: str
    """"labels" or "pre-training budget"."""
    points: list[ScorePoint]
    """Arm by arm, by x."""
    crossing: Crossing | None
    """Of the two kinds, where the samples agree that there is one."""
    verdict: str
    """In plain words."""
