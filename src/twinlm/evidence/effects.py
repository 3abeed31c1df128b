"""How large a difference is, in measures that other studies give too."""

import numpy as np

from twinlm.evidence.evidence import Effect
from twinlm.evidence.outcomes import Matrix, Outcomes, paired


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
