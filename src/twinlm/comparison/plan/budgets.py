"""Budgets: the size of both kinds, and what each model's share of the budget buys, before any training."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from twinlm import families
from twinlm.comparison.plan.pretrainings import Pretraining
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import UsageError
from twinlm.families import Family
from twinlm.prepare import stage
from twinlm.settings import BudgetSettings, KindSettings, ModelSettings, Settings
from twinlm.system import hardware, storage
from twinlm.system.records import read_record, to_json
from twinlm.tokenizer import Tokenizer
from twinlm.train.costs import (
    PretrainPlan,
    budget_steps,
    check_memory,
    count_parameters,
    seconds_per_step,
    step_costs,
)

_LARGEST_DIFFERENCE = 0.05
_FINE_DIFFERENCE = 0.01
_GRAINS = (64, 8, 1)  # matrix kernels like round numbers
_FEED_FORWARD_OVER_WIDTH = (1, 8)
_KNOBS = ("width", "layers", "feed_forward")


def plan_pretraining(
    folder: Path,
    pretraining: Pretraining,
    settings: Settings,
    part: tuple[TokenStore, Tokenizer],
    *,
    precision: str,
    has_started: bool,
) -> PretrainPlan:
    """Plan a pre-training, or read its stored plan; a UsageError if the budget is too small.

    If the pre-training `has_started`, its plan is kept, and another one refused.
    """
    store, tokenizer = part
    kind, budget = pretraining.settings, budget_of(pretraining, settings)
    inputs = {
        **planned_from(pretraining, settings),
        "tokens": store.token_count,
        "tokenizer": tokenizer.fingerprint,
    }
    try:
        stage.enter(folder, inputs)
    except UsageError:
        if has_started:
            raise
        storage.remove(folder)
        stage.enter(folder, inputs)
    path = folder / "plan.json"
    if path.is_file():
        # Planned once: a resumed run takes as many steps, also where seconds of steps were measured.
        return read_record(PretrainPlan, path)
    family, seed = families.family(pretraining.family), settings.seed
    check_memory(family, kind, tokenizer.vocab_size)
    parameters, non_embedding = count_parameters(family, kind.model, tokenizer.vocab_size)
    costs = step_costs(family, kind, store, tokenizer, seed)
    hardware.forget_peak_memory()
    step_s = seconds_per_step(family, kind, store, tokenizer, seed=seed, precision=precision)
    steps = budget_steps(budget, costs, step_s)
    plan = PretrainPlan(
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
    storage.write_json(path, to_json(plan))
    return plan


def budget_of(pretraining: Pretraining, settings: Settings) -> BudgetSettings:
    """Return the budget of one pre-training, which may be a share of the whole one."""
    return replace(settings.budget, amount=pretraining.share * settings.budget.amount)


def planned_from(pretraining: Pretraining, settings: Settings) -> dict[str, Any]:
    """Return the settings that a plan depends on."""
    kind, budget = pretraining.settings, budget_of(pretraining, settings)
    price = {"price_per_hour": budget.price_per_hour} if budget.match == "money" else {}
    spent = {"budget": {"match": budget.match, "amount": budget.amount}, **price}
    return {**spent, "model": kind.model, "pretrain": kind.pretrain}


def check_match(plans: Sequence[PretrainPlan], settings: Settings, vocab_sizes: Mapping[str, int]) -> None:
    """Raise a UsageError if both kinds differ by more than 5 % in what `budget.same_parameters` names."""
    is_total = settings.budget.same_parameters == "total"
    sizes = [plan.parameters if is_total else plan.non_embedding_parameters for plan in plans]
    if _difference(min(sizes), max(sizes)) <= _LARGEST_DIFFERENCE:
        return
    shown = " and ".join(f"{plan.family} {size:,}" for plan, size in zip(plans, sizes, strict=True))
    message = f"the models are not of one size: {shown} parameters in {'all' if is_total else 'their layers'}"
    hint = "set both sizes in [model], not in [gpt.model] or [bert.model]"
    raise UsageError(message, hint=_equal_totals(plans, settings, vocab_sizes) if is_total else hint)


def resized(family: Family, sizes: ModelSettings, vocab_size: int, wanted: int) -> ModelSettings | None:
    """Return sizes with as many parameters in all as are wanted; None if there are none."""
    now = count_parameters(family, sizes, vocab_size)[0]
    for layers, width in _shapes(sizes, is_shrinking=now > wanted):
        shape = replace(sizes, layers=layers, width=width, feed_forward=width)
        least, more = (
            count_parameters(family, replace(shape, feed_forward=factor * width), vocab_size)[0]
            for factor in (1, 2)
        )
        exact = width + (wanted - least) * width / (more - least)  # the finest knob, tried first
        low, high = (factor * width for factor in _FEED_FORWARD_OVER_WIDTH)
        for grain in _GRAINS:
            fitted = replace(shape, feed_forward=max(1, grain * round(exact / grain)))
            parameters = count_parameters(family, fitted, vocab_size)[0]
            if low <= fitted.feed_forward <= high and _difference(parameters, wanted) <= _FINE_DIFFERENCE:
                return fitted
    return None


def _shapes(sizes: ModelSettings, *, is_shrinking: bool) -> Iterator[tuple[int, int]]:
    yield sizes.layers, sizes.width
    step, layers, width = (-1, 0, 0) if is_shrinking else (1, 2 * sizes.layers + 1, 2 * sizes.width + 1)
    yield from ((count, sizes.width) for count in range(sizes.layers + step, layers, step))
    heads = step * sizes.heads
    yield from ((sizes.layers, each) for each in range(sizes.width + heads, width, heads))


def _equal_totals(plans: Sequence[PretrainPlan], settings: Settings, vocab_sizes: Mapping[str, int]) -> str:
    smaller, *_, larger = sorted(plans, key=lambda plan: plan.parameters)
    for plan, other in ((larger, smaller), (smaller, larger)):
        kind: KindSettings = getattr(settings, plan.family)
        if kind.pretrain.start:  # the sizes of a start model can't change
            continue
        family, vocab_size = families.family(plan.family), vocab_sizes[plan.family]
        if sizes := resized(family, kind.model, vocab_size, other.parameters):
            changed = [name for name in _KNOBS if getattr(sizes, name) != getattr(kind.model, name)]
            wanted = (f"{plan.family}.model.{name} = {getattr(sizes, name)}" for name in changed)
            return f"set {' and '.join(wanted)}"
    return "take sizes or tokenizers that are more alike"


def _difference(first: int, second: int) -> float:
    return max(first, second) / min(first, second) - 1
