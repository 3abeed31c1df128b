"""How much of a figure's chance is that of examples, of pre-training and of fine-tuning.

Examples are crossed with models, and fine-tuning seeds are nested in pre-trainings. The parts are estimated
from the expectations of mean squares, and none is below 0 (Searle, Casella & McCulloch, Variance Components,
1992, ch. 4). Rows of right and wrong differ by chance even if their models are equally good: that is noise,
which more examples take away, and no variance of seeds.
"""

from collections.abc import Sequence

import numpy as np

from twinlm.evidence.evidence import ArmVariances, Variances
from twinlm.evidence.outcomes import Matrix, Numbers, Outcomes, as_outcomes


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
