"""Where two curves of scores cross, and how sure that is.

The curves are straight between their points on a logarithmic axis. Test examples and seeds are drawn again
and again with replacement (a two-level bootstrap); each draw gives two curves and their crossing, if any.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from twinlm import rng
from twinlm.compare.records import Interval
from twinlm.compare.statistics import Matrix

_DRAWS = 1000
_AGREEMENT = 0.95


def crossing(
    places: Sequence[float], first: Sequence[Matrix], second: Sequence[Matrix]
) -> tuple[int, Interval] | None:
    """Return which is ahead below the crossing (1 the first, -1 the second), and where it is.

    There is one only if 95 of 100 draws have a crossing in the same direction.

    Args:
        places: of the points on the axis, ascending, above 0.
        first: for each place what each example adds to one arm's figure, seeds by examples.
        second: the same of the other arm, on the same examples.
    """
    logs_X = np.log(np.asarray(places, float))
    seen = np.array([a.mean() - b.mean() for a, b in zip(first, second, strict=True)])
    at = _crossing(logs_X, seen)
    if at is None:
        return None
    ahead = 1 if np.sign(seen[np.flatnonzero(seen)[-1]]) < 0 else -1
    chance = rng.stream(0, "crossing", len(logs_X), first[0].shape[1])
    found = []
    for _ in range(_DRAWS):
        examples_E: npt.NDArray[np.int64] = chance.integers(0, first[0].shape[1], size=first[0].shape[1:])
        drawn = np.array(
            [
                _drawn_mean(a, examples_E, chance) - _drawn_mean(b, examples_E, chance)
                for a, b in zip(first, second, strict=True)
            ]
        )
        place = _crossing(logs_X, drawn)
        if place is not None and np.sign(drawn[-1]) == -ahead:
            found.append(place)
    if len(found) < _AGREEMENT * _DRAWS:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return ahead, Interval(
        estimate=float(np.exp(at)), low=float(np.exp(min(low, at))), high=float(np.exp(max(high, at)))
    )


def _crossing(logs_X: npt.NDArray[np.float64], difference_X: npt.NDArray[np.float64]) -> float | None:
    """Return the last place where the difference changes its sign."""
    for place in range(len(logs_X) - 1, 0, -1):
        before, after = difference_X[place - 1], difference_X[place]
        if before * after < 0:
            share = before / (before - after)
            return float(logs_X[place - 1] + share * (logs_X[place] - logs_X[place - 1]))
    return None


def _drawn_mean(values_SE: Matrix, examples_E: npt.NDArray[np.int64], chance: np.random.Generator) -> float:
    rows = chance.integers(0, len(values_SE), len(values_SE))
    return float(values_SE[rows].mean(axis=0)[examples_E].mean())
