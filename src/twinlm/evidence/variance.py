"""How much of a figure's chance is that of examples, of pre-training and of fine-tuning.

Examples are crossed with models, and fine-tuning seeds are nested in pre-trainings. The parts are estimated
from the expectations of mean squares, and none is below 0 (Searle, Casella & McCulloch, Variance Components,
1992, ch. 4). Rows of right and wrong differ by chance even if their models are equally good: that is noise,
which more examples take away, and no variance of seeds.
"""

from collections.abc import Sequence

import numpy as np

from twinlm.evidence.outcomes import Matrix, Numbers, Outcomes, as_outcomes, paired
from twinlm.evidence.records import ArmVariances, Effect, Variances


def variances(first: Outcomes | Matrix, second: Outcomes | Matrix | None = None) -> Variances:
    """Return the components of variance of an arm's figure, or of its difference to a second one's."""
    given = [as_outcomes(arm) for arm in (first, second) if arm is not None]
    means_E = given[0].means_E - (given[1].means_E if len(given) > 1 else 0.0)
    arms = [_of_arm(arm) for arm in given]
    return Variances(examples=max(0.0, _variance(means_E) - sum(map(noise, arms))), arms=arms)


def noise(arm: ArmVariances) -> float:
    """Return what one example's mean over an arm's models has of chance: the models' own noise on it."""
    per_model = arm.finetuning_by_example / arm.seeds
    return (arm.pretraining_by_example + per_model) / arm.pretrainings


def of_models(arm: ArmVariances) -> float:
    """Return the variance of an arm's figure that its models have, without any of examples."""
    return (arm.pretraining + arm.finetuning / arm.seeds) / arm.pretrainings


def shares(found: Variances, examples: int) -> tuple[float, float, float]:
    """Return what examples, pre-training and fine-tuning are of the variance of the figure or difference.

    Args:
        found: its components.
        examples: how many test examples there are.

    Returns:
        Three shares whose sum is 1, or 0 where nothing varies at all.
    """
    parts = (
        (found.examples + sum(map(noise, found.arms))) / examples,
        sum(arm.pretraining / arm.pretrainings for arm in found.arms),
        sum(arm.finetuning / arm.seeds / arm.pretrainings for arm in found.arms),
    )
    whole = sum(parts) or 1.0
    return parts[0] / whole, parts[1] / whole, parts[2] / whole


def effect(first: Outcomes | Matrix, second: Outcomes | Matrix) -> Effect:
    """Return the effect sizes of the first arm against the second; positive ones speak for the first."""
    one, other = paired(first, second)
    ahead = chance_to_be_ahead(one, other)
    if one.values_RE.dtype != np.bool_:
        size = standardized_mean(one, other)
        nothing = {"only_first": None, "only_second": None, "odds_ratio": None}
        return Effect(name="d_z", size=size, first_is_ahead=ahead, **nothing)
    only_first, only_second = discordant(one, other)
    return Effect(
        name="h",
        size=cohens_h(one, other),
        first_is_ahead=ahead,
        only_first=only_first,
        only_second=only_second,
        # A half more of both, so that the ratio is finite (Haldane 1956).
        odds_ratio=(only_first + 0.5) / (only_second + 0.5),
    )


def cohens_h(first: Outcomes, second: Outcomes) -> float:
    """Return the difference of two shares as angles (Cohen 1988, ch. 6): 0.2 is small, 0.5 medium."""
    angles = [2 * np.arcsin(np.sqrt(arm.means_E.mean())) for arm in (first, second)]
    return float(angles[0] - angles[1])


def standardized_mean(first: Outcomes, second: Outcomes) -> float:
    """Return the mean difference over the deviation of the examples' differences, Cohen's d_z.

    0 where all examples have the same difference, which says nothing about its size.
    """
    differences_E = first.means_E - second.means_E
    deviation = float(differences_E.std(ddof=1)) if len(differences_E) > 1 else 0.0
    return float(differences_E.mean()) / deviation if deviation > 1e-12 else 0.0


def chance_to_be_ahead(first: Outcomes, second: Outcomes) -> float:
    """Return how probably a model of the first has a better figure than one of the second; a tie is a half.

    That is A of Vargha & Delaney (2000), over all pairs of the models that were trained.
    """
    ones_R1, others_R = first.values_RE.mean(axis=1)[:, None], second.values_RE.mean(axis=1)
    return float(((ones_R1 > others_R) + 0.5 * (ones_R1 == others_R)).mean())


def discordant(first: Outcomes, second: Outcomes) -> tuple[float, float]:
    """Return on how many examples only the first or only the second is right, means over pairs of models."""
    ones_E, others_E = first.means_E, second.means_E
    return float(ones_E @ (1 - others_E)), float(others_E @ (1 - ones_E))


def _of_arm(arm: Outcomes) -> ArmVariances:
    values_PSE = arm.values_PSE
    cells_PE, rows_PS = values_PSE.mean(axis=1), values_PSE.mean(axis=2)
    own_noise = float(np.mean([_interaction(values_SE) for values_SE in values_PSE]))
    of_rows = float(np.mean([_variance(rows_S) for rows_S in rows_PS]))
    group_noise = max(0.0, _interaction(cells_PE) - own_noise / arm.seeds)
    of_groups = _variance(rows_PS.mean(axis=1)) - of_rows / arm.seeds - group_noise / arm.examples
    return ArmVariances(
        pretrainings=arm.groups,
        seeds=arm.seeds,
        pretraining=max(0.0, of_groups),
        pretraining_by_example=group_noise,
        finetuning=max(0.0, of_rows - own_noise / arm.examples),
        finetuning_by_example=own_noise,
    )


def _variance(numbers: Sequence[float] | Numbers) -> float:
    """Return the variance; 0 of a single number, which shows none."""
    return float(np.var(numbers, ddof=1)) if len(numbers) > 1 else 0.0


def _interaction(values_UE: Numbers) -> float:
    """Return the mean square of what the means of rows and columns leave over."""
    freedom = (values_UE.shape[0] - 1) * (values_UE.shape[1] - 1)
    if freedom == 0:
        return 0.0
    rest_UE = values_UE - values_UE.mean(axis=0) - values_UE.mean(axis=1)[:, None] + values_UE.mean()
    return float((rest_UE**2).sum() / freedom)
