"""What each other choice of `budget.match` would mean for every pre-training, from the plans alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from twinlm.train.costs import PretrainPlan

AXES = ("tokens", "targets", "flops", "seconds", "money", "steps", "passes")  # names of `budget.match`


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """The plans if one axis was matched, at the amount that the first model's plan takes of it."""

    axis: str  # matched axis, as `budget.match` names it
    amount: float  # amount for each model; an arm with a share of the budget gets that share of it
    plans: dict[str, PretrainPlan]  # plans by name; the first is unchanged


def all_matches(
    plans: Mapping[str, PretrainPlan], shares: Mapping[str, float], price_per_hour: float = 0
) -> list[Match]:
    """Return a match for every axis (money needs a price); the first plan has the whole budget."""
    matches = []
    first, *others = plans
    for axis in (axis for axis in AXES if axis != "money" or price_per_hour):
        amount = taken(plans[first], axis, price_per_hour)
        matched = {first: plans[first]}
        for name in others:
            steps = shares[name] * amount / taken(plans[name], axis, price_per_hour) * plans[name].steps
            matched[name] = scaled(plans[name], math.floor(round(steps, 6)))  # 99.9999999 is 100
        matches.append(Match(axis=axis, amount=amount, plans=matched))
    return matches


def taken(plan: PretrainPlan, axis: str, price_per_hour: float = 0) -> float:
    """Return how much of an axis a plan takes."""
    if axis == "money":
        return plan.seconds / 3600 * price_per_hour
    value: float = getattr(plan, "corpus_passes" if axis == "passes" else axis)
    return value


def scaled(plan: PretrainPlan, steps: int) -> PretrainPlan:
    """Return the plan with another number of steps, each costing the same."""
    totals = ("tokens", "targets", "flops", "seconds", "corpus_passes")
    return replace(plan, steps=steps, **{name: getattr(plan, name) / plan.steps * steps for name in totals})
