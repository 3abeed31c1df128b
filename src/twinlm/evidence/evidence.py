"""Records of how large a difference is and what its chance is made of: parts of `results.Comparison`."""

from twinlm.system.records import Number, Record, Whole


class Effect(Record):
    """How large a difference is, beside its points."""

    name: str
    """What `size` is: "h" (Cohen's, of two shares) or "d_z" (over the deviation of the examples)."""
    size: Number
    """Positive where the first arm is better."""
    first_is_ahead: Number
    """Chance that a model of the first has a better figure than one of the second."""
    only_first: Number | None
    """Examples that the first has right and the second wrong, a mean over all pairs of their models; None, as
    the next two, where examples are not just right or wrong."""
    only_second: Number | None
    """Examples that only the second has right."""
    odds_ratio: Number | None
    """`only_first` over `only_second`, a half added to each."""


class ArmVariances(Record):
    """Components of variance of an arm's figure: of one draw each, in squared units of the figure."""

    pretrainings: Whole
    """Pre-trainings with a seed of their own; with one, its variance is unknown and 0 here."""
    seeds: Whole
    """Fine-tuning seeds of each; with one, its variance is unknown and 0 here."""
    pretraining: Number
    """From one pre-training to another; with one fine-tuning of each, that one's variance is in it."""
    pretraining_by_example: Number
    """What a pre-training changes at single examples."""
    finetuning: Number
    """From one fine-tuning of a pre-training to another."""
    finetuning_by_example: Number
    """What a fine-tuning changes at single examples."""


class Variances(Record):
    """What the chance in a figure, or in a difference of two, is made of."""

    examples: Number
    """From one test example to another."""
    arms: list[ArmVariances]
    """Of each arm's models."""
