"""The table of `twinlm plan`, for two models and for more."""

from dataclasses import replace

from msgspec import structs

from twinlm.cli.compare.plan import Whole, matches_table, table, whole_table
from twinlm.comparison.plan.matches import all_matches
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
    found = lines({"gpt": PLAN, "bert": structs.replace(PLAN, tokens=6000.0)}, BudgetSettings(match="flops"))
    assert found["tokens read"] == ["4,000", "6,000", "x 1.50"]
    assert found["operations (FLOPs)"][-1] == "matched"
    assert "price" not in found


def test_every_arm_has_a_column_and_a_price_where_there_is_one():
    plans = {"gpt": PLAN, "bert": PLAN, "no-nsp": structs.replace(PLAN, seconds=3600.0)}
    text = table(plans, Settings(budget=BudgetSettings(match="money", amount=1, price_per_hour=1.5)))
    assert text.split("\n")[0].split() == ["gpt", "bert", "no-nsp"]
    found = lines(plans, BudgetSettings(match="money", amount=1, price_per_hour=1.5))
    assert found["price"] == ["3.00", "3.00", "1.50", "matched"]


def test_each_match_has_a_line_for_each_model_but_the_first_in_80_columns():
    plans = {"gpt": PLAN, "bert": structs.replace(PLAN, steps=200, tokens=6000.0), "no-nsp": PLAN}
    budget = BudgetSettings(match="flops", price_per_hour=0.5)
    text = matches_table(all_matches(plans, dict.fromkeys(plans, 1.0), 0.5), Settings(budget=budget))
    heading, header, *rows = text.split("\n")
    assert max(map(len, [heading, header, *rows])) <= 100
    assert header.split()[-2:] == ["takes", "price"]
    assert len(rows) == 2 * 7
    tokens, other = (row.split() for row in rows[:2])
    assert tokens[:6] == ["tokens", "4,000", "bert", "1.33", "1.00", "0.67"]
    assert tokens[-2:] == ["1:19:48", "0.67"]
    assert other[0] == "no-nsp" and set(other[1:7]) == {"1.00"}
    assert [row.split()[0] for row in rows if "*" in row] == ["FLOPs"]


def test_the_whole_comparison_is_added_up_and_too_small_a_disk_is_shouted():
    rows = [("pre-training gpt", 1, 100.0, 30 << 20), ("fine-tuning gpt", 9, 80.0, 20 << 20)]
    sizes = {"text_bytes": 1 << 20, "working_bytes": 5 << 20, "missing_bytes": 55 << 20}
    whole = Whole(rows=rows, free_bytes=100 << 30, **sizes)
    found = {row.split("  ")[0]: row.split() for row in whole_table(whole).split("\n")}
    assert found["in all"][2:] == ["10", "3:00", "51", "MiB"]
    assert found["free"][1:] == ["100.0", "GiB"]
    full = whole_table(replace(whole, free_bytes=54 << 20))
    assert full.endswith("THE DISK IS TOO SMALL by 1 MiB: twinlm compare would not start.")
