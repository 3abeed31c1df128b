"""What each other choice of `budget.match` would come to for every pre-training.

Nothing is counted or timed again: what a plan says in all, over its steps, is what a step takes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from twinlm.train.costs import PretrainPlan

AXES = ("tokens", "targets", "flops", "seconds", "money", "steps", "passes")
"""As `budget.match` names them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """The plans if one axis was the matched one, with as much of it as the first model takes as planned."""

    axis: str
    """The matched one, as `budget.match` names it."""
    amount: float
    """What each gets of it, an arm with a share of the budget so much less."""
    plans: dict[str, PretrainPlan]
    """By name, the first one as it is."""


def all_matches(
    plans: Mapping[str, PretrainPlan], shares: Mapping[str, float], price_per_hour: float = 0
) -> list[Match]:
    """Return a match for every axis; for money only if there is a price.

    Args:
        plans: by name; the first one has the whole budget.
        shares: of the budget, by name.
        price_per_hour: of this machine.
    """
    axes = [axis for axis in AXES if axis != "money" or price_per_hour]
    return [_match(axis, plans, shares, price_per_hour) for axis in axes]


def taken(plan: PretrainPlan, axis: str, price_per_hour: float = 0) -> float:
    """Return how much of an axis a plan takes."""
    if axis == "money":
        return plan.seconds / 3600 * price_per_hour
    value: float = getattr(plan, "corpus_passes" if axis == "passes" else axis)
    return value


def scaled(plan: PretrainPlan, steps: int) -> PretrainPlan:
    """Return a plan of another number of steps, each like those of the plan."""
    totals = ("tokens", "targets", "flops", "seconds", "corpus_passes")
    return replace(plan, steps=steps, **{name: getattr(plan, name) / plan.steps * steps for name in totals})


def _match(
    axis: str, plans: Mapping[str, PretrainPlan], shares: Mapping[str, float], price_per_hour: float
) -> Match:
    first = next(iter(plans))
    amount = taken(plans[first], axis, price_per_hour)
    found = {first: plans[first]}
    for name, plan in plans.items():
        if name != first:
            steps = shares[name] * amount / taken(plan, axis, price_per_hour) * plan.steps
            found[name] = scaled(plan, math.floor(round(steps, 6)))  # 99.9999999 is 100
    return Match(axis=axis, amount=amount, plans=found)
