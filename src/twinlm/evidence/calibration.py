"""Whether an arm is right as often as its probabilities say: of answers given with 80 %, are 80 % right?

The expected calibration error is the mean gap between the two over bins of equal size (Naeini et al. 2015;
equal mass after Nguyen & O'Connor 2015). Binned gaps are never quite 0, even where the truth is, so that the
plain figure is too high; resampled examples show by how much, and that much is taken off.
"""

import numpy as np

from twinlm import rng
from twinlm.evidence import intervals as statistics
from twinlm.evidence.decisions import Judged, Places, outcomes
from twinlm.evidence.outcomes import Numbers, Outcomes
from twinlm.evidence.records import Interval
from twinlm.system.records import Number, Record, Whole

BINS = 10
_RESAMPLES = 500
_FEWEST = 2 * BINS
"""Decisions below which there is nothing to put into bins."""


class Bin(Record):
    """Answers that were given about equally surely."""

    confidence: Number
    """Mean probability."""
    right: Interval
    """Share that is right, with its interval over examples."""
    decisions: Whole
    """Over all models."""


class Calibration(Record):
    """How well an arm's probabilities fit how often it is right."""

    arm: str
    """Its name."""
    decisions: Whole
    """On the test examples, for each model."""
    examples: Whole
    """Test examples."""
    models: Whole
    """Fine-tuned ones."""
    right: Interval
    """Share of the decisions that are right, mean over models."""
    confidence: Interval
    """Mean probability of the answers."""
    excess: Interval
    """Mean probability minus share that is right: above 0 the arm is too sure of itself."""
    error: Interval
    """Expected calibration error, mean over models; less what resampling shows it to be too high."""
    brier: Interval
    """Mean of (probability of the answer - 1 if right, 0 if wrong) squared; the lower, the better."""
    bins: list[Bin]
    """From the least sure answers to the surest, those of all models together."""


def calibration(found: Judged) -> Calibration | None:
    """Return how well an arm is calibrated; None if its answers have no probabilities, or are too few.

    Args:
        found: its answers.
    """
    if not found.is_sure or len(found.owners_U) < _FEWEST:
        return None
    rights_RU, sure_RU = found.rights_RU.astype(np.float64), found.confidences_RU
    of = {"right": rights_RU, "confidence": sure_RU, "brier": (sure_RU - rights_RU) ** 2}
    intervals = {
        name: statistics.mean_interval(outcomes(values_RU, found.owners_U, found.groups))
        for name, values_RU in of.items()
    }
    excess = outcomes(sure_RU - rights_RU, found.owners_U, found.groups)
    return Calibration(
        arm=found.arm,
        decisions=len(found.owners_U),
        examples=int(found.owners_U[-1]) + 1,
        models=len(rights_RU),
        excess=statistics.mean_interval(excess, least=-1.0),
        error=calibration_error(rights_RU, sure_RU, found.owners_U, found.groups),
        bins=_bins(rights_RU, sure_RU, found.owners_U),
        **intervals,
    )


def calibration_error(rights_RU: Numbers, sure_RU: Numbers, owners_U: Places, groups: int = 1) -> Interval:
    """Return the expected calibration error, mean over models, and its 95 % interval.

    Examples are resampled N times, with all their decisions and models. As the mean over B bins of gaps g is
    no further from the true one than the mean of |g - true g| (the triangle inequality), the interval begins
    at 0 unless the figure is larger than that mean is in 95 of 100 samples. Elsewhere it reaches from the
    corrected figure to the plain one, and by the spread of the samples beyond both. In simulations with 200
    to 2,000 decisions it held the truth in 89 to 100 of 100 cases, and the bootstrap's basic interval in
    54 to 98 (2026-11). The chance of the models widens it as in `evidence/intervals.py`.

    Args:
        rights_RU: 1 where right, 0 where wrong.
        sure_RU: probabilities of the answers.
        owners_U: the example of each decision.
        groups: pre-trainings.
    """
    examples = int(owners_U[-1]) + 1
    chance = rng.stream(0, "calibration", examples)
    counts_NE = chance.multinomial(examples, np.full(examples, 1 / examples), _RESAMPLES)
    plain_R, sampled_RN, noise_RN = [], [], []
    for rights_U, sure_U in zip(rights_RU, sure_RU, strict=True):
        order = sure_U.argsort(kind="stable")
        gaps_U, owners = (sure_U - rights_U)[order], owners_U[order]
        gaps_B = _gaps(gaps_U, np.ones(len(gaps_U)))
        gaps_NB = np.array([_gaps(gaps_U, counts_E[owners]) for counts_E in counts_NE])
        plain_R.append(np.abs(gaps_B).sum())
        sampled_RN.append(np.abs(gaps_NB).sum(axis=1))
        noise_RN.append(np.abs(gaps_NB - gaps_B).sum(axis=1))
    plain, sampled_N = float(np.mean(plain_R)), np.mean(sampled_RN, axis=0)
    estimate = max(0.0, 2 * plain - float(sampled_N.mean()))
    of_examples = float(np.quantile(np.abs(sampled_N - sampled_N.mean()), 1 - statistics.LEVEL))
    half_width = float(np.hypot(of_examples, _half_width_of_models(np.array(plain_R), groups)))
    is_shown = plain > np.quantile(np.mean(noise_RN, axis=0), 1 - statistics.LEVEL)
    return Interval(
        estimate=estimate,
        low=max(0.0, estimate - half_width) if is_shown else 0.0,
        high=min(1.0, max(plain, estimate) + half_width),
    )


def _gaps(gaps_U: Numbers, weights_U: Numbers | Places) -> Numbers:
    """Return the mean gap of each of the bins times the bin's share, (B,); all bins weigh the same.

    Args:
        gaps_U: probability minus truth, sorted by probability.
        weights_U: how often each decision counts.
    """
    below_U = weights_U.cumsum()
    places_U = np.minimum((below_U - weights_U) * BINS // below_U[-1], BINS - 1).astype(np.int64)
    means_B: Numbers = np.bincount(places_U, gaps_U * weights_U, BINS).astype(np.float64) / below_U[-1]
    return means_B


def _half_width_of_models(errors_R: Numbers, groups: int) -> float:
    """Return by how much the mean over models may be off since few were drawn; 0 of a single one."""
    errors_U = Outcomes(errors_R[:, None], groups).figures_U
    count = len(errors_U)
    parts = [(float(errors_U.var(ddof=1)) / count, float(count - 1))] if count > 1 else []
    return float(statistics.half_width(parts, statistics.LEVEL))


def _bins(rights_RU: Numbers, sure_RU: Numbers, owners_U: Places) -> list[Bin]:
    """Return bins with as many answers each, those of all models together."""
    owners, rights, sure = np.tile(owners_U, len(rights_RU)), rights_RU.ravel(), sure_RU.ravel()
    found = []
    for places in np.array_split(sure.argsort(kind="stable"), BINS):
        values = outcomes(rights[None, places], owners[places], groups=1)
        found.append(
            Bin(
                confidence=float(sure[places].mean()),
                right=statistics.mean_interval(values),
                decisions=len(places),
            )
        )
    return found
