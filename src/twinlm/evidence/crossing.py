"""Where two curves of scores cross, and how sure that is.

The curves are straight between their points on a logarithmic axis. Test examples and seeds are drawn again
and again with replacement (a two-level bootstrap); each draw gives two curves and their crossing, if any.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from twinlm.evidence.bootstrap import redrawn, resampled_means
from twinlm.evidence.outcomes import Numbers, Outcomes
from twinlm.evidence.records import Interval

_DRAWS = 1999
_AGREEMENT = 0.95


def crossing(
    places: Sequence[float], first: Sequence[Outcomes], second: Sequence[Outcomes]
) -> tuple[int, Interval] | None:
    """Return which is ahead below the crossing (1 the first, -1 the second), and where it is.

    There is one only if 95 of 100 draws have a crossing in the same direction.

    Args:
        places: of the points on the axis, ascending, above 0.
        first: for each place what each example adds to one arm's figure.
        second: the same of the other arm, on the same examples.
    """
    logs_X = np.log(np.asarray(places, float))
    pairs = list(zip(first, second, strict=True))
    seen_X = np.array([one.values_RE.mean() - other.values_RE.mean() for one, other in pairs])
    at = _crossing(logs_X, seen_X)
    if at is None:
        return None
    ahead = -int(np.sign(seen_X[-1]))
    draws_NX = _drawn_differences(pairs)
    crossings = [_crossing(logs_X, draw_X) for draw_X in draws_NX if np.sign(draw_X[-1]) == -ahead]
    found = [place for place in crossings if place is not None]
    if len(found) < _AGREEMENT * _DRAWS:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    ends = np.exp([at, min(low, at), max(high, at)])
    return ahead, Interval(estimate=float(ends[0]), low=float(ends[1]), high=float(ends[2]))


def _drawn_differences(pairs: Sequence[tuple[Outcomes, Outcomes]]) -> Numbers:
    """Return the difference at each place in each draw; all places of a draw have the same examples."""
    arms = list(chain.from_iterable(pairs))
    means_NR = resampled_means(np.vstack([arm.values_RE for arm in arms]), _DRAWS)
    ends = np.cumsum([arm.rows for arm in arms])
    figures = [
        redrawn(arm, means_NR[:, end - arm.rows : end], f"curve {number}")
        for number, (arm, end) in enumerate(zip(arms, ends, strict=True))
    ]
    return np.stack([one - other for one, other in zip(figures[::2], figures[1::2], strict=True)], axis=1)


def _crossing(logs_X: Numbers, difference_X: Numbers) -> float | None:
    """Return the last place where the difference changes its sign."""
    for place in range(len(logs_X) - 1, 0, -1):
        before, after = difference_X[place - 1], difference_X[place]
        if before * after < 0:
            share = before / (before - after)
            return float(logs_X[place - 1] + share * (logs_X[place] - logs_X[place - 1]))
    return None
