"""Records that `evidence/results.py` is made of: intervals, comparisons, what was tuned, curves of scores."""

from twinlm.evidence.evidence import Effect, Variances
from twinlm.system.records import Number, Record, Whole


class Interval(Record):
    """An estimate and the range that holds the true value in 95 of 100 repetitions."""

    estimate: Number
    """The value found."""
    low: Number
    """Lower end, 95 %."""
    high: Number
    """Upper end, 95 %."""


class Comparison(Record):
    """One arm against another on one task: same test examples, same seeds."""

    first: str
    """Name of an arm or baseline; a positive difference speaks for it."""
    second: str
    """Name of the other arm or baseline."""
    difference: Interval
    """The main figure of `first` minus that of `second`, over examples and seeds."""
    p_value: Number
    """Two-sided, from the paired permutation test over test examples."""
    p_interval: Number
    """The level at which the interval, which holds the seeds too, would just reach 0."""
    p_adjusted: Number
    """The greater of both, adjusted by Holm's method for the tasks on which the same is asked."""
    claims: Whole
    """How many tasks it is adjusted for."""
    over_examples: Interval
    """Paired bootstrap over examples only, BCa."""
    over_both: Interval
    """Bootstrap over examples and seeds."""
    effect: Effect
    """How large the difference is."""
    variances: Variances
    """What its chance is made of."""
    examples: Whole
    """Test examples."""
    seeds: Whole
    """Fine-tuning seeds of each pre-training."""
    pretraining_seeds: Whole
    """Pre-trainings; with one, nothing here holds what another would change."""
    winner: str | None
    """`first`, `second`, or None where the evidence does not tell them apart."""


class DoctorFinding(Record):
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


class DoctorResult(Record):
    """What the data doctor said of text and labels before training."""

    findings: list[DoctorFinding]
    """Problems, then warnings."""
    notes: Whole
    """How many notes it has beside them."""


class RateTried(Record):
    """The fine-tunings of one arm on one task at one learning rate."""

    learning_rate: Number
    """The highest of its schedule."""
    trials: Whole
    """Pre-training seeds times fine-tuning seeds."""
    failed: Whole
    """Of these, those that diverged, or gave one answer to all validation examples."""
    validation: Number | None
    """Mean main figure on validation examples; None if a trial diverged."""
    flops: Number
    """Operations in all."""
    seconds: Number
    """Time in all."""


class Ledger(Record):
    """What was tried for one arm on one task before test examples were looked at."""

    arm: str
    """Its name."""
    label: str
    """For people."""
    task: str
    """The task's name."""
    tried: list[RateTried]
    """By learning rate."""
    kept: Number
    """The learning rate whose models are compared."""


class ScorePoint(Record):
    """The score of one arm at one place of an axis."""

    arm: str
    """"gpt", "bert", or the name of a baseline."""
    label: str
    """For people."""
    x: Number
    """Training examples, or what pre-training could spend, in the unit of the budget."""
    tokens: Number
    """Pre-training tokens."""
    score: Interval
    """The main figure, over examples and seeds."""


class Crossing(Record):
    """Where the curves of two arms cross, on a logarithmic axis."""

    first: str
    """The arm that is ahead below the crossing."""
    second: str
    """The arm that is ahead above it."""
    at: Interval
    """Where, with the range of 95 of 100 bootstrap samples."""


class ScoreCurve(Record):
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
