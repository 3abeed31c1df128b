"""Records that `evidence/results.py` is made of: intervals, comparisons, what was tuned, curves of scores."""

from dataclasses import dataclass

from twinlm.evidence.evidence import Effect, Variances


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
class Comparison:
    """One arm against another on one task: same test examples, same seeds."""

    first: str
    """Name of an arm or baseline; a positive difference speaks for it."""
    second: str
    """Name of the other arm or baseline."""
    difference: Interval
    """The main figure of `first` minus that of `second`, over examples and seeds."""
    p_value: float
    """Two-sided, from the paired permutation test over test examples."""
    p_interval: float
    """The level at which the interval, which holds the seeds too, would just reach 0."""
    p_adjusted: float
    """The greater of both, adjusted by Holm's method for the tasks on which the same is asked."""
    claims: int
    """How many tasks it is adjusted for."""
    over_examples: Interval
    """Paired bootstrap over examples only, BCa."""
    over_both: Interval
    """Bootstrap over examples and seeds."""
    effect: Effect
    """How large the difference is."""
    variances: Variances
    """What its chance is made of."""
    examples: int
    """Test examples."""
    seeds: int
    """Fine-tuning seeds of each pre-training."""
    pretraining_seeds: int
    """Pre-trainings; with one, nothing here holds what another would change."""
    winner: str | None
    """`first`, `second`, or None where the evidence does not tell them apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorFinding:
    """A problem or a warning of the data doctor."""

    level: str
    """"problem" or "warning"."""
    where: str
    """Part of the settings, kind of model or task."""
    message: str
    """What was found, with numbers."""
    why: str
    """What it does to the models; "" if that is plain."""
    hint: str
    """The way out; "" if there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorResult:
    """What the data doctor said of text and labels before training."""

    findings: list[DoctorFinding]
    """Problems, then warnings."""
    notes: int
    """How many notes it has beside them."""


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
