"""Parts of `evidence/results.py`: comparisons, tuning, curves of scores, measurements without labels."""

from twinlm.system.records import Number, Record, Whole


class ArmFacts(Record):
    """Name and nature of an arm or baseline; part of several records."""

    arm: str
    """Name: "gpt", "bert", "gpt-scratch", an imported model's name, a baseline such as "majority", ..."""
    label: str
    """Name in the report: "BERT", "BERT without pre-training", "TF-IDF + logistic regression"."""
    family: str
    """Kind: "gpt" or "bert"; empty for a baseline."""
    is_pretrained: bool
    """Whether the model was pre-trained, here or elsewhere; False for a baseline."""


class Interval(Record):
    """An estimate and its 95 % interval."""

    estimate: Number
    """Estimate."""
    low: Number
    """Lower end."""
    high: Number
    """Upper end."""


class Effect(Record):
    """Effect sizes of a difference."""

    name: str
    """Name of `size`: "h" (Cohen's, of two shares) or "d_z" (mean over deviation of the examples)."""
    size: Number
    """Effect size; positive where the first arm is better."""
    first_is_ahead: Number
    """Probability that a model of the first arm has a better figure than one of the second."""
    only_first: Number | None
    """Number of examples only the first arm gets right, mean over pairs of models; None (as the next two)
    where examples are not just right or wrong."""
    only_second: Number | None
    """Number of examples that only the second arm gets right."""
    odds_ratio: Number | None
    """Ratio of `only_first` to `only_second`, a half added to each."""


class ArmVariances(Record):
    """Variance components of an arm's figure, each of a single draw, in squared units of the figure."""

    pretrainings: Whole
    """Number of pre-training seeds; with one, its variance is unknown and 0 here."""
    seeds: Whole
    """Number of fine-tuning seeds of each; with one, its variance is unknown and 0 here."""
    pretraining: Number
    """Variance between pre-training runs; includes that of fine-tuning if each has only one."""
    pretraining_by_example: Number
    """Variance of single examples between pre-training runs."""
    finetuning: Number
    """Variance between fine-tuning runs of one pre-training."""
    finetuning_by_example: Number
    """Variance of single examples between fine-tuning runs."""


class Variances(Record):
    """Variance components of a figure, or of a difference of two."""

    examples: Number
    """Variance between test examples."""
    arms: list[ArmVariances]
    """Variances of each arm's models."""


class Comparison(Record):
    """One arm against another on the same test examples."""

    first: str
    """Name of an arm or baseline; a positive difference speaks for it."""
    second: str
    """Name of the other arm or baseline."""
    difference: Interval
    """The main figure of `first` minus that of `second`, over examples and seeds."""
    p_value: Number
    """Two-sided p value of the paired permutation test over test examples."""
    p_interval: Number
    """Level at which the interval over examples and seeds would just reach 0."""
    p_adjusted: Number
    """Greater of both, adjusted by Holm's method for the tasks that ask the same question."""
    claims: Whole
    """Number of tasks it is adjusted for."""
    over_examples: Interval
    """Paired bootstrap over examples only, BCa."""
    over_both: Interval
    """Bootstrap over examples and seeds."""
    effect: Effect
    """Effect sizes of the difference."""
    variances: Variances
    """Variance components of the difference."""
    examples: Whole
    """Number of test examples."""
    seeds: Whole
    """Number of fine-tuning seeds of each pre-training."""
    pretraining_seeds: Whole
    """Number of pre-training seeds; with one, the variation between them is not included anywhere here."""
    winner: str | None
    """Better arm, or None where the evidence does not show one."""


class FrozenGap(Record):
    """A fine-tuned arm against a linear model on the states of its own body."""

    arm: str
    """Name of the arm."""
    difference: Interval
    """Main figure of the arm minus that of the linear model, paired by test example and by pre-training."""


class RateTried(Record):
    """Fine-tuning runs of one arm on one task at one learning rate."""

    learning_rate: Number
    """Peak of the learning rate schedule."""
    trials: Whole
    """Number of runs: pre-training seeds times fine-tuning seeds."""
    failed: Whole
    """Number of runs that diverged or gave one answer to all validation examples."""
    validation: Number | None
    """Mean main figure on validation examples; None if a run diverged."""
    flops: Number
    """Total floating point operations."""
    seconds: Number
    """Total time."""


class Ledger(Record):
    """Learning rates tried for one arm on one task, before any use of the test examples."""

    arm: str
    """Name."""
    label: str
    """Name in the report."""
    task: str
    """Name of the task."""
    tried: list[RateTried]
    """Results by learning rate."""
    kept: Number
    """Learning rate of the compared models."""


class ScorePoint(Record):
    """Score of one arm at one point of an axis."""

    arm: str
    """Name of the arm: "gpt", "bert", or a baseline."""
    label: str
    """Name in the report."""
    x: Whole | Number
    """Number of training examples, or the pre-training budget in its unit."""
    tokens: Whole | Number
    """Number of pre-training tokens."""
    score: Interval
    """Main figure, over examples and seeds."""


class Crossing(Record):
    """Point where the curves of two arms cross, on a logarithmic axis."""

    first: str
    """Arm that is ahead below the crossing."""
    second: str
    """Arm that is ahead above it."""
    at: Interval
    """Position of the crossing, with its 95 % bootstrap interval."""


class ScoreCurve(Record):
    """Scores against the number of labels or the pre-training budget."""

    task: str
    """Name of the task."""
    metric: str
    """Name of the main figure."""
    axis: str
    """Quantity on the axis: "labels" or "pre-training budget"."""
    points: list[ScorePoint]
    """Points by arm, then by x."""
    crossing: Crossing | None
    """Crossing of the two kinds; None unless 95 of 100 bootstrap samples have one."""
    verdict: str
    """Verdict in plain words."""


class QualityFigure(Record):
    """One figure of one pre-training run on the sample."""

    pretraining: str
    """Name."""
    label: str
    """Name in the report."""
    value: Number
    """Mean over pre-training seeds; lower is better."""
    standard_error: Number
    """Standard error over passages, and over pre-training seeds if there are several."""
    passages: Whole
    """Number of passages in the sample."""
    value_by_seed: dict[str, Number]
    """Values by pre-training seed."""
    difference: Interval | None
    """Difference from the group's first figure, paired by passage; None for that figure itself."""
    caveat: str
    """Caveat; "" if there is none."""


class FigureGroup(Record):
    """Figures that may be compared with each other, and with no others."""

    comparable: str
    """Common ground: measure, sample, and tokenizer if it matters."""
    unit: str
    """Unit, such as "bits per byte"."""
    figures: list[QualityFigure]
    """Figure of each pre-training run that has one."""


class PairAccuracy(Record):
    """Share of pairs or gaps whose right text a pre-trained model finds likeliest; ties count in part."""

    pretraining: str
    """Name."""
    label: str
    """Name in the report."""
    accuracy: Interval
    """Accuracy over pairs and pre-training seeds; by chance 0.5, or one over the words of a gap."""


class Phenomenon(Record):
    """Pairs that test one phenomenon, all pairs of a set, or all gaps."""

    name: str
    """Name of the phenomenon, or `ALL_PAIRS` or `ALL_GAPS`."""
    pairs: Whole
    """Number of pairs."""
    scores: list[PairAccuracy]
    """Accuracy of each pre-training run."""
    comparison: Comparison
    """Comparison of the two kinds, paired by pair."""


class PairsResult(Record):
    """Results on one set of minimal pairs."""

    name: str
    """Name of the file, or `OWN_TEXT`."""
    methods: dict[str, str]
    """Scoring method of each pre-training run."""
    overall: Phenomenon
    """All pairs with equal weight; its p value is adjusted for the sets."""
    macro: dict[str, Number]
    """Mean over phenomena with equal weight, by pre-training run."""
    phenomena: list[Phenomenon]
    """Results by phenomenon; p values are adjusted for the phenomena of the set."""


class ClozeView(Record):
    """One way of scoring gaps, for the models of one kind."""

    sees: str
    """Scored part and visible part of the text."""
    method: str
    """Scoring method."""
    scores: list[PairAccuracy]
    """Accuracy of each pre-training run of the kind."""


class ClozeResult(Record):
    """Results on gaps in held-out text."""

    name: str
    """Name: `OWN_TEXT`."""
    chance: Number
    """Accuracy of a random guess."""
    overall: Phenomenon
    """Results with the whole text visible; its p value is adjusted together with the sets of pairs."""
    whole: list[ClozeView]
    """Views with the whole text visible, one for each kind."""
    others: list[ClozeView]
    """Other views of each kind."""


class QualityResult(Record):
    """Measurements of the pre-trained models without labels."""

    groups: list[FigureGroup]
    """Figures on held-out text: a table for each group."""
    pairs: list[PairsResult]
    """Results by set."""
    cloze: ClozeResult | None
    """Results on gaps; None if there are none."""
    notes: list[str]
    """Remarks on what could not be measured, in plain words."""
