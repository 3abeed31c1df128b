"""Budgets: the size of both kinds, and what each model's share of the budget buys, before any training.

A pair counts as of one size if its layers, or all its parameters, differ by at most 5 %.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from twinlm import families
from twinlm.compare.plan.pretrainings import Pretraining
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
        return read_record(PretrainPlan, path)
    family = families.family(pretraining.family)
    plan = _plan(family, kind, *part, budget=budget, seed=settings.seed, precision=precision)
    storage.write_json(path, to_json(plan))
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


def check_match(plans: Sequence[PretrainPlan], settings: Settings, vocab_sizes: Mapping[str, int]) -> None:
    """Refuse to compare a pair whose sizes differ.

    Args:
        plans: of the two kinds.
        settings: of the run; `budget.same_parameters` says which parameters count.
        vocab_sizes: V of each kind, by its name.

    Raises:
        UsageError: they differ by more than 5 %; the hint says what makes them equal.
    """
    is_total = settings.budget.same_parameters == "total"
    sizes = [plan.parameters if is_total else plan.non_embedding_parameters for plan in plans]
    if _differ(min(sizes), max(sizes)) <= _LARGEST_DIFFERENCE:
        return
    shown = " and ".join(f"{plan.family} {size:,}" for plan, size in zip(plans, sizes, strict=True))
    message = f"the models are not of one size: {shown} parameters in {'all' if is_total else 'their layers'}"
    hint = "set both sizes in [model], not in [gpt.model] or [bert.model]"
    raise UsageError(message, hint=_equal_totals(plans, settings, vocab_sizes) if is_total else hint)


def resized(family: Family, sizes: ModelSettings, vocab_size: int, wanted: int) -> ModelSettings | None:
    """Return sizes that come to as many parameters, in all, as are wanted; None if none do.

    The width inside the feed-forward layers is the finest knob; if that would get out of proportion, there
    are other layers too, and at last another width.
    """
    now = count_parameters(family, sizes, vocab_size)[0]
    for layers, width in _shapes(sizes, is_shrinking=now > wanted):
        shape = replace(sizes, layers=layers, width=width, feed_forward=width)
        least, more = (
            count_parameters(family, replace(shape, feed_forward=factor * width), vocab_size)[0]
            for factor in (1, 2)
        )
        exact = width + (wanted - least) * width / (more - least)
        low, high = (factor * width for factor in _FEED_FORWARD_OVER_WIDTH)
        for grain in _GRAINS:
            found = replace(shape, feed_forward=max(1, grain * round(exact / grain)))
            is_like = low <= found.feed_forward <= high
            if (
                is_like
                and _differ(count_parameters(family, found, vocab_size)[0], wanted) <= _FINE_DIFFERENCE
            ):
                return found
    return None


def _shapes(sizes: ModelSettings, *, is_shrinking: bool) -> Iterator[tuple[int, int]]:
    """Yield layers and width, the given ones first, then ever smaller or larger ones, each with the other."""
    yield sizes.layers, sizes.width
    step, layers, width = (-1, 0, 0) if is_shrinking else (1, 2 * sizes.layers + 1, 2 * sizes.width + 1)
    yield from ((count, sizes.width) for count in range(sizes.layers + step, layers, step))
    heads = step * sizes.heads
    yield from ((sizes.layers, each) for each in range(sizes.width + heads, width, heads))


def _equal_totals(plans: Sequence[PretrainPlan], settings: Settings, vocab_sizes: Mapping[str, int]) -> str:
    """Return the settings of the larger one, or of the smaller one, that make them equal."""
    smaller, *_, larger = sorted(plans, key=lambda plan: plan.parameters)
    for plan, other in ((larger, smaller), (smaller, larger)):
        kind: KindSettings = getattr(settings, plan.family)
        if kind.pretrain.start:  # whose sizes are what they are
            continue
        family, vocab_size = families.family(plan.family), vocab_sizes[plan.family]
        if found := resized(family, kind.model, vocab_size, other.parameters):
            changed = [name for name in _KNOBS if getattr(found, name) != getattr(kind.model, name)]
            return "set " + " and ".join(
                f"{plan.family}.model.{name} = {getattr(found, name)}" for name in changed
            )
    return "take sizes or tokenizers that are more alike"


def _differ(first: int, second: int) -> float:
    return max(first, second) / min(first, second) - 1
