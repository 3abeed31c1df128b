"""Variance components of a figure (examples, pre-training, fine-tuning), and effect sizes.

Examples are crossed with models, and fine-tuning seeds are nested in pre-trainings. The components are
estimated from expected mean squares and cut at 0 (Searle, Casella & McCulloch, Variance Components, 1992, ch.
4). Equally good models still differ on single examples: that is noise, which more examples reduce, not
variance of seeds.
"""

from collections.abc import Sequence

import numpy as np

from twinlm.evidence.outcomes import Matrix, Numbers, Outcomes, as_outcomes, paired
from twinlm.evidence.records import ArmVariances, Effect, Variances


def variances(first: Outcomes | Matrix, second: Outcomes | Matrix | None = None) -> Variances:
    """Return the variance components of an arm's figure, or of its difference to a second one's."""
    outcomes = [as_outcomes(arm) for arm in (first, second) if arm is not None]
    means_E = outcomes[0].means_E - (outcomes[1].means_E if len(outcomes) > 1 else 0.0)
    arms = [_of_arm(arm) for arm in outcomes]
    return Variances(examples=max(0.0, _variance(means_E) - sum(map(noise, arms))), arms=arms)


def noise(arm: ArmVariances) -> float:
    """Return the variance of one example's mean over an arm's models that is the models' noise on it."""
    per_model = arm.finetuning_by_example / arm.seeds
    return (arm.pretraining_by_example + per_model) / arm.pretrainings


def of_models(arm: ArmVariances) -> float:
    """Return the variance of an arm's figure between models, without noise on examples."""
    return (arm.pretraining + arm.finetuning / arm.seeds) / arm.pretrainings


def shares(variances: Variances, examples: int) -> tuple[float, float, float]:
    """Return the shares of examples, pre-training and fine-tuning in the variance; 0 where nothing varies."""
    parts = (
        (variances.examples + sum(map(noise, variances.arms))) / examples,
        sum(arm.pretraining / arm.pretrainings for arm in variances.arms),
        sum(arm.finetuning / arm.seeds / arm.pretrainings for arm in variances.arms),
    )
    whole = sum(parts) or 1.0
    return parts[0] / whole, parts[1] / whole, parts[2] / whole


def effect(first: Outcomes | Matrix, second: Outcomes | Matrix) -> Effect:
    """Return the effect sizes of the first arm against the second; positive ones speak for the first."""
    one, other = paired(first, second)
    ahead = chance_to_be_ahead(one, other)
    if one.values_RE.dtype != np.bool_:
        nothing = {"only_first": None, "only_second": None, "odds_ratio": None}
        return Effect(name="d_z", size=standardized_mean(one, other), first_is_ahead=ahead, **nothing)
    only_first, only_second = discordant(one, other)
    return Effect(
        name="h",
        size=cohens_h(one, other),
        first_is_ahead=ahead,
        only_first=only_first,
        only_second=only_second,
        odds_ratio=(only_first + 0.5) / (only_second + 0.5),  # finite (Haldane 1956)
    )


def cohens_h(first: Outcomes, second: Outcomes) -> float:
    """Return the difference of two shares as angles (Cohen 1988, ch. 6): 0.2 is small, 0.5 medium."""
    angles = [2 * np.arcsin(np.sqrt(arm.means_E.mean())) for arm in (first, second)]
    return float(angles[0] - angles[1])


def standardized_mean(first: Outcomes, second: Outcomes) -> float:
    """Return Cohen's d_z: mean over deviation of the examples' differences; 0 where all are equal."""
    differences_E = first.means_E - second.means_E
    deviation = float(differences_E.std(ddof=1)) if len(differences_E) > 1 else 0.0
    return float(differences_E.mean()) / deviation if deviation > 1e-12 else 0.0


def chance_to_be_ahead(first: Outcomes, second: Outcomes) -> float:
    """Return the share of model pairs whose first is better, ties as half: A of Vargha & Delaney (2000)."""
    ones_R1, others_R = first.values_RE.mean(axis=1)[:, None], second.values_RE.mean(axis=1)
    return float(((ones_R1 > others_R) + 0.5 * (ones_R1 == others_R)).mean())


def discordant(first: Outcomes, second: Outcomes) -> tuple[float, float]:
    """Return the numbers of examples only the first or only the second gets right, means over model pairs."""
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
    """Return the mean square of the residuals from row and column means."""
    freedom = (values_UE.shape[0] - 1) * (values_UE.shape[1] - 1)
    if freedom == 0:
        return 0.0
    rest_UE = values_UE - values_UE.mean(axis=0) - values_UE.mean(axis=1)[:, None] + values_UE.mean()
    return float((rest_UE**2).sum() / freedom)
