"""The point where two curves of scores cross, with its interval from a two-level bootstrap.

The curves are straight between their points on a logarithmic axis.
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
    positions: Sequence[float], first: Sequence[Outcomes], second: Sequence[Outcomes]
) -> tuple[int, Interval] | None:
    """Return who is ahead below the crossing (1 the first, -1 the second), and where the curves cross.

    None unless 95 of 100 bootstrap samples cross in the same direction. The positions on the axis are
    ascending and above 0; both arms have outcomes on the same test examples at each.
    """
    logs_X = np.log(np.asarray(positions, float))
    pairs = list(zip(first, second, strict=True))
    seen_X = np.array([one.values_RE.mean() - other.values_RE.mean() for one, other in pairs])
    at = _crossing(logs_X, seen_X)
    if at is None:
        return None
    ahead = -int(np.sign(seen_X[np.flatnonzero(seen_X)[-1]]))
    draws_NX = _drawn_differences(pairs)
    crossings = [_crossing(logs_X, draw_X) for draw_X in draws_NX if np.sign(draw_X[-1]) == -ahead]
    drawn = [log for log in crossings if log is not None]
    if len(drawn) < _AGREEMENT * _DRAWS:
        return None
    low, high = np.quantile(drawn, [0.025, 0.975])
    ends = np.exp([at, min(low, at), max(high, at)])
    return ahead, Interval(estimate=float(ends[0]), low=float(ends[1]), high=float(ends[2]))


def _drawn_differences(pairs: Sequence[tuple[Outcomes, Outcomes]]) -> Numbers:
    """Return the difference at each position in each sample; a sample has the same examples everywhere."""
    arms = list(chain.from_iterable(pairs))
    means_NR = resampled_means(np.vstack([arm.values_RE for arm in arms]), _DRAWS)
    ends = np.cumsum([arm.rows for arm in arms])
    figures = [
        redrawn(arm, means_NR[:, end - arm.rows : end], f"curve {number}")
        for number, (arm, end) in enumerate(zip(arms, ends, strict=True))
    ]
    return np.stack([one - other for one, other in zip(figures[::2], figures[1::2], strict=True)], axis=1)


def _crossing(logs_X: Numbers, difference_X: Numbers) -> float | None:
    """Return the last position where the difference changes its sign, perhaps over points where it is 0."""
    apart = np.flatnonzero(difference_X)
    changes = np.flatnonzero(difference_X[apart[:-1]] * difference_X[apart[1:]] < 0)
    if not len(changes):
        return None
    last, after = apart[changes[-1]], apart[changes[-1] + 1]
    if after > last + 1:
        return float(logs_X[last + 1 : after].mean())
    share = difference_X[last] / (difference_X[last] - difference_X[after])
    return float(logs_X[last] + share * (logs_X[after] - logs_X[last]))
