"""Each match is equal on its axis within a step, and is what a plan with that budget would say."""

import pytest
from msgspec.structs import replace

from twinlm.comparison.plan.matches import AXES, all_matches, scaled, taken
from twinlm.settings import BudgetSettings
from twinlm.train.costs import PretrainPlan, budget_steps

GPT = PretrainPlan(
    family="gpt",
    steps=1000,
    tokens=2.0e6,
    targets=1.9e6,
    flops=1.2e13,
    seconds=150.0,
    memory_bytes=2**29,
    corpus_passes=2.5,
    parameters=937_216,
    non_embedding_parameters=396_544,
)
BERT = replace(
    GPT,
    family="bert",
    steps=1500,
    tokens=2.4e6,
    targets=0.9e6,
    flops=1.2e13,
    seconds=160.0,
    corpus_passes=3.0,
)
PRICE = 0.36


@pytest.mark.parametrize("axis", AXES)
def test_each_match_is_equal_on_its_axis_within_a_step(axis: str) -> None:
    matches = {match.axis: match for match in all_matches({"gpt": GPT, "bert": BERT}, {"bert": 1}, PRICE)}
    match = matches[axis]
    first, second = match.plans.values()
    assert first == GPT and match.amount == taken(GPT, axis, PRICE)
    spent = taken(second, axis, PRICE)
    assert match.amount - spent / second.steps < spent <= match.amount * (1 + 1e-12)


@pytest.mark.parametrize("axis", AXES)
def test_a_match_buys_the_steps_that_such_a_budget_buys(axis: str) -> None:
    per_step = {"tokens": 1600.0, "targets": 600.0, "flops": 8e9, "passes": 0.002, "steps": 1.0}
    budget = BudgetSettings(match=axis, amount=taken(GPT, axis, PRICE), price_per_hour=PRICE)
    matches = {match.axis: match for match in all_matches({"gpt": GPT, "bert": BERT}, {"bert": 1}, PRICE)}
    assert abs(matches[axis].plans["bert"].steps - budget_steps(budget, per_step, 160 / 1500)) <= 1


def test_an_arm_gets_its_share_and_without_a_price_there_is_no_money() -> None:
    plans = {"gpt": GPT, "bert": BERT, "small-data": scaled(BERT, 375)}
    matches = all_matches(plans, {"gpt": 1, "bert": 1, "small-data": 0.25})
    assert [match.axis for match in matches] == [axis for axis in AXES if axis != "money"]
    for match in matches:
        whole, part = match.plans["bert"], match.plans["small-data"]
        assert part.steps == whole.steps // 4
        assert part.parameters == BERT.parameters and part.memory_bytes == BERT.memory_bytes
