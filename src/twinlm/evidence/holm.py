"""Holm's step-down method (1979): p values of several claims, made larger for their number."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the adjusted p of each claim, in the order given.

    Claiming all those below a level keeps the chance of one false claim or more below that level, whatever
    depends on what. The smallest of m values is taken m times, the next one m - 1 times, and so on; none may
    be smaller than the one before it.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(order), 0, -1)
    steps = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, np.float64)[order] * factors))
    adjusted = np.empty(len(order))
    adjusted[order] = steps
    found: list[float] = adjusted.tolist()
    return found
