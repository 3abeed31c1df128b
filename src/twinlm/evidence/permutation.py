"""The paired permutation test over test examples."""

import numpy as np
import numpy.typing as npt

from twinlm import rng
from twinlm.evidence.outcomes import Matrix, Outcomes, paired

_SAMPLED_SIGNS = 9999


def paired_permutation_p(first: Outcomes | Matrix, second: Outcomes | Matrix) -> float:
    """Return the two-sided p of the paired permutation test over test examples.

    If the arms were equally good, the sign of each example's difference (its mean over seeds) would be
    random: p is the share of the 2^E choices of signs whose mean is at least as far from 0 as the observed
    one. Where examples are right or wrong it is exact: scaled to whole numbers, the signed differences have a
    sum with the characteristic function prod_k cos(k t)^(number of differences of size k), which one Fourier
    transform inverts. With one row on each side this is McNemar's exact test. Other values take 9,999 sampled
    signs.
    """
    one, other = paired(first, second)
    if one.values_RE.dtype != np.bool_:
        return _sampled_permutation_p(one.means_E - other.means_E)
    scale = int(np.lcm(one.rows, other.rows))
    right_E = one.values_RE.sum(axis=0, dtype=np.int64) * (scale // one.rows)
    right_E = right_E - other.values_RE.sum(axis=0, dtype=np.int64) * (scale // other.rows)
    sizes, counts = np.unique(np.abs(right_E[right_E != 0]), return_counts=True)
    largest = int((sizes * counts).sum())
    # The sum lies in -largest..largest, so this many angles determine its distribution.
    angles = 2 * np.pi * np.arange(2 * largest + 1) / (2 * largest + 1)
    characteristic = np.ones_like(angles)
    for size, count in zip(sizes, counts, strict=True):
        characteristic *= np.cos(size * angles) ** count
    probability = np.fft.fft(characteristic).real / len(angles)
    seen = abs(int(right_E.sum()))
    tail = probability[seen : largest + 1].sum()
    return float(np.clip(2 * tail if seen else 1.0, np.finfo(float).eps, 1.0))


def _sampled_permutation_p(differences_E: npt.NDArray[np.float64]) -> float:
    chance = rng.stream(0, "signs", len(differences_E))
    seen = abs(differences_E.sum()) * (1 - 1e-12)
    as_far = 0
    for _ in range(9):
        signs_NE = chance.integers(0, 2, (_SAMPLED_SIGNS // 9, len(differences_E)), np.int8)
        sums_N = 2 * (signs_NE @ differences_E) - differences_E.sum()
        as_far += int((abs(sums_N) >= seen).sum())
    return (as_far + 1) / (_SAMPLED_SIGNS + 1)  # the observed signs count too
