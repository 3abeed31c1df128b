"""What each model's share of the budget buys, counted and measured before any training starts."""

from dataclasses import replace
from pathlib import Path

from twinlm import families
from twinlm.compare.plan.pretrainings import Pretraining
from twinlm.compare.stages.own_records import read_plan
from twinlm.data.tokens.store import TokenStore
from twinlm.families import Family
from twinlm.prepare import stage
from twinlm.settings import BudgetSettings, KindSettings, Settings, build
from twinlm.system import hardware, storage
from twinlm.tokenizer import Tokenizer
from twinlm.train.costs import (
    PretrainPlan,
    budget_steps,
    check_memory,
    count_parameters,
    seconds_per_step,
    step_costs,
)


def plan_pretraining(
    folder: Path,
    pretraining: Pretraining,
    settings: Settings,
    part: tuple[TokenStore, Tokenizer],
    *,
    precision: str,
) -> PretrainPlan:
    """Plan a pre-training, or read the plan that was made.

    The number of steps is decided once and kept: a resumed run takes the same ones, also where the budget is
    seconds, which are measured on a few real steps.

    Raises:
        UsageError: the budget is too small.
    """
    store, tokenizer = part
    kind = pretraining.settings
    budget = replace(settings.budget, amount=pretraining.share * settings.budget.amount)
    inputs = {
        "budget": {"match": budget.match, "amount": budget.amount},
        "model": kind.model,
        "pretrain": kind.pretrain,
        "tokens": store.token_count,
        "tokenizer": tokenizer.fingerprint,
    }
    if budget.match == "money":
        inputs["price_per_hour"] = budget.price_per_hour
    stage.enter(folder, inputs)
    path = folder / "plan.json"
    if path.is_file():
        return read_plan(path)
    family = families.family(pretraining.family)
    plan = _plan(family, kind, *part, budget=budget, seed=settings.seed, precision=precision)
    storage.write_json(path, build.plain(plan))
    return plan


def _plan(
    family: Family,
    settings: KindSettings,
    store: TokenStore,
    tokenizer: Tokenizer,
    *,
    budget: BudgetSettings,
    seed: int,
    precision: str,
) -> PretrainPlan:
    check_memory(family, settings, tokenizer.vocab_size)
    parameters, non_embedding = count_parameters(family, settings.model, tokenizer.vocab_size)
    costs = step_costs(family, settings, store, tokenizer, seed)
    hardware.forget_peak_memory()
    step_s = seconds_per_step(family, settings, store, tokenizer, seed=seed, precision=precision)
    steps = budget_steps(budget, costs, step_s)
    return PretrainPlan(
        family=family.name,
        steps=steps,
        tokens=steps * costs["tokens"],
        targets=steps * costs["targets"],
        flops=steps * costs["flops"],
        seconds=steps * step_s,
        memory_bytes=hardware.peak_memory_bytes(),
        corpus_passes=steps * costs["tokens"] / store.token_count,
        parameters=parameters,
        non_embedding_parameters=non_embedding,
    )
