"""Records of how large a difference is and what its chance is made of: parts of `results.Comparison`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Discordant:
    """Examples that one of two arms gets right and the other wrong: means over all pairs of their models."""

    only_first: float
    """How many only the first has right."""
    only_second: float
    """How many only the second has right."""
    odds_ratio: float
    """The first over the second, a half added to each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """How large a difference is, beside its points."""

    name: str
    """What `size` is: "h" (Cohen's, of two shares) or "d_z" (over the deviation of the examples)."""
    size: float
    """Positive where the first arm is better."""
    first_is_ahead: float
    """Chance that a model of the first has a better figure than one of the second."""
    discordant: Discordant | None
    """None where examples are not just right or wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmVariances:
    """Components of variance of an arm's figure: of one draw each, in squared units of the figure."""

    pretrainings: int
    """Pre-trainings with a seed of their own; with one, its variance is unknown and 0 here."""
    seeds: int
    """Fine-tuning seeds of each; with one, its variance is unknown and 0 here."""
    pretraining: float
    """From one pre-training to another; with one fine-tuning of each, that one's variance is in it."""
    pretraining_by_example: float
    """What a pre-training changes at single examples."""
    finetuning: float
    """From one fine-tuning of a pre-training to another."""
    finetuning_by_example: float
    """What a fine-tuning changes at single examples."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variances:
    """What the chance in a figure, or in a difference of two, is made of."""

    examples: float
    """From one test example to another."""
    arms: list[ArmVariances]
    """Of each arm's models."""
