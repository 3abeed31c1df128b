"""The learning rate at each step: a linear rise, then a linear or cosine fall to zero."""

import math
from collections.abc import Callable

from twinlm.settings import OptimizerSettings


def learning_rate(settings: OptimizerSettings, steps: int) -> Callable[[int], float]:
    """Return the function from a step, from 0, to its learning rate.

    The warm-up takes `warmup_share` of the steps, rounded up. The first step already learns (rate / warm-up
    steps), the last one still does. GPT-1 falls by a cosine (Radford et al. 2018, 4.1), BERT linearly
    (Devlin et al. 2018, A.2).
    """
    warmup = math.ceil(settings.warmup_share * steps)

    def rate(step: int) -> float:
        if step < warmup:
            return settings.learning_rate * (step + 1) / warmup
        done = (step - warmup) / max(1, steps - warmup)
        fall = 0.5 * (1 + math.cos(math.pi * done)) if settings.schedule == "cosine" else 1 - done
        return settings.learning_rate * fall

    return rate
