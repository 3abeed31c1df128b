"""Records of what pre-trained models know of the language, without labels, for `evidence/results.py`."""

from twinlm.evidence.records import Comparison, Interval
from twinlm.system.records import Number, Record, Whole


class QualityFigure(Record):
    """One measure of one pre-training on the sample."""

    pretraining: str
    """Its name."""
    label: str
    """For people."""
    value: Number
    """Mean over pre-training seeds; the lower, the better."""
    standard_error: Number
    """Over passages, and over pre-training seeds if there are several."""
    passages: Whole
    """Of the sample."""
    value_by_seed: dict[str, Number]
    """By pre-training seed."""
    difference: Interval | None
    """It minus the first figure of its group, paired by passage; None for the first."""
    caveat: str
    """What to know about it; "" if nothing."""


class FigureGroup(Record):
    """Figures that may be compared with one another, and with no other ones."""

    comparable: str
    """What they have in common: measure, sample, and tokenizer if it matters."""
    unit: str
    """Such as "bits per byte"."""
    figures: list[QualityFigure]
    """One for each pre-training that has it."""


class PairAccuracy(Record):
    """How often one pre-training finds the right text of a pair, or word of a gap, likeliest; ties share."""

    pretraining: str
    """Its name."""
    label: str
    """For people."""
    accuracy: Interval
    """Over pairs and pre-training seeds; chance is 0.5, or one over the words of a gap."""


class Phenomenon(Record):
    """Pairs that test the same, or all of a set; or all gaps."""

    name: str
    """Of the phenomenon, or `ALL_PAIRS` or `ALL_GAPS`."""
    pairs: Whole
    """How many."""
    scores: list[PairAccuracy]
    """One for each pre-training."""
    comparison: Comparison
    """The two kinds, paired by pair."""


class PairsResult(Record):
    """What the models chose in one set of minimal pairs."""

    name: str
    """Of the file, or `OWN_TEXT`."""
    methods: dict[str, str]
    """For each pre-training, by what it scores a text."""
    overall: Phenomenon
    """All pairs, each counting alike; its p is adjusted for the sets."""
    macro: dict[str, Number]
    """For each pre-training the mean over phenomena, each counting alike."""
    phenomena: list[Phenomenon]
    """Their p values are adjusted for the phenomena of the set."""


class ClozeView(Record):
    """One way to look at gaps, which models of one kind have."""

    sees: str
    """What is scored, and what the models see of the text."""
    method: str
    """By which texts are scored."""
    scores: list[PairAccuracy]
    """One for each pre-training of the kind."""


class ClozeResult(Record):
    """Which words the models chose for gaps in held-out text."""

    name: str
    """`OWN_TEXT`."""
    chance: Number
    """Accuracy of a blind guess."""
    overall: Phenomenon
    """By the ways that have the whole text to go by; its p is adjusted together with those of the sets of
    pairs."""
    whole: list[ClozeView]
    """Those ways, one for each kind."""
    others: list[ClozeView]
    """What each kind chooses looking at the text otherwise."""


class QualityResult(Record):
    """What was asked of the pre-trained models without labels."""

    groups: list[FigureGroup]
    """Figures of held-out text: a table for each group."""
    pairs: list[PairsResult]
    """Set by set."""
    cloze: ClozeResult | None
    """Gaps; None if none were asked for, or could be made."""
    notes: list[str]
    """What could not be made or read, in plain words."""
