"""The table of `twinlm plan`, for two models and for more."""

from dataclasses import replace

from twinlm.cli.plan import table
from twinlm.settings import BudgetSettings, Settings
from twinlm.train.costs import PretrainPlan

PLAN = PretrainPlan(
    family="gpt",
    steps=100,
    tokens=4000.0,
    targets=3900.0,
    flops=1e12,
    seconds=7200.0,
    memory_bytes=2**30,
    corpus_passes=1.5,
    parameters=500_000,
    non_embedding_parameters=400_000,
)


def lines(plans: dict[str, PretrainPlan], budget: BudgetSettings) -> dict[str, list[str]]:
    rows = [line.split("  ") for line in table(plans, Settings(budget=budget)).split("\n")[1:]]
    return {row[0] or row[1]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}


def test_two_models_are_shown_with_their_ratio_and_the_matched_axis():
    found = lines({"gpt": PLAN, "bert": replace(PLAN, tokens=6000.0)}, BudgetSettings(match="flops"))
    assert found["tokens read"] == ["4,000", "6,000", "x 1.50"]
    assert found["operations (FLOPs)"][-1] == "matched"
    assert "price" not in found


def test_every_arm_has_a_column_and_a_price_where_there_is_one():
    plans = {"gpt": PLAN, "bert": PLAN, "no-nsp": replace(PLAN, seconds=3600.0)}
    text = table(plans, Settings(budget=BudgetSettings(match="money", amount=1, price_per_hour=1.5)))
    assert text.split("\n")[0].split() == ["gpt", "bert", "no-nsp"]
    found = lines(plans, BudgetSettings(match="money", amount=1, price_per_hour=1.5))
    assert found["price"] == ["3.00", "3.00", "1.50", "matched"]
