"""What each model's share of the budget buys, counted and measured before any training starts."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from twinlm import config, families, hardware, storage
from twinlm.compare import stage
from twinlm.compare.pretrainings import Pretraining
from twinlm.core.count import layer_count, parameter_count
from twinlm.data.token_store import TokenStore
from twinlm.errors import UsageError
from twinlm.families import Family
from twinlm.settings import BudgetSettings, KindSettings, Settings
from twinlm.tokenizer import Tokenizer
from twinlm.train.pretrain import (
    PretrainPlan,
    budget_steps,
    check_memory,
    seconds_per_step,
    step_costs,
)
from twinlm.train.start import fresh_model

_LARGEST_DIFFERENCE = 0.05


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
        return PretrainPlan(**storage.read_json(path))
    family = families.family(pretraining.family)
    plan = _plan(family, kind, *part, budget=budget, seed=settings.seed, precision=precision)
    storage.write_json(path, config.plain(plan))
    return plan


def check_match(plans: list[PretrainPlan], same_parameters: Literal["layers", "total"] = "layers") -> None:
    """Refuse to compare a pair whose sizes differ.

    Raises:
        UsageError: the parameters of their transformer layers, or all, differ by more than 5 %.
    """
    is_total = same_parameters == "total"
    sizes = [plan.parameters if is_total else plan.non_embedding_parameters for plan in plans]
    if max(sizes) > (1 + _LARGEST_DIFFERENCE) * min(sizes):
        shown = " and ".join(f"{plan.family} {size:,}" for plan, size in zip(plans, sizes, strict=True))
        message = (
            f"the models are not of one size: {shown} parameters in {'all' if is_total else 'their layers'}"
        )
        raise UsageError(message, hint="set both sizes in [model], not in [gpt.model] or [bert.model]")


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
    model = fresh_model(family, settings, tokenizer, seed)
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
        parameters=parameter_count(model),
        non_embedding_parameters=layer_count(model),
    )
