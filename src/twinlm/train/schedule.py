"""The learning rate at each step: a linear rise, then a fall to zero.

GPT-1 falls along a cosine (Radford et al. 2018, 4.1), BERT linearly (Devlin et al. 2018, A.2).
"""

import math
from collections.abc import Callable

from twinlm.settings import OptimizerSettings

_FALLS: dict[str, Callable[[float], float]] = {
    "linear": lambda done: 1 - done,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
}


def learning_rate(settings: OptimizerSettings, steps: int) -> Callable[[int], float]:
    """Return the function from a step, counted from 0, to its learning rate.

    Warm-up takes `warmup_steps`, or `warmup_share` of the steps. The first and the last step learn.
    """
    # BERT's released code (optimization.py, run_classifier.py) rounds the share down, starts at rate 0, and
    # measures the fall from step 0, so that the rate drops a little where the warm-up ends.
    rounded = int if settings.released_schedule else math.ceil
    warmup = settings.warmup_steps or rounded(settings.warmup_share * steps)
    first, origin = (0, 0) if settings.released_schedule else (1, warmup)
    fall, peak = _FALLS[settings.schedule], settings.learning_rate

    def rate(step: int) -> float:
        if step < warmup:
            return peak * (step + first) / warmup
        return peak * fall((step - origin) / max(1, steps - origin))

    return rate
