"""Pre-training of either kind on a token store, to a model folder."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from twinlm import checkpoint, hardware, rng, storage
from twinlm.batch import Batch
from twinlm.checkpoint import Trained
from twinlm.core import count
from twinlm.core.initialize import initialize
from twinlm.data.token_store import TokenStore
from twinlm.errors import ResourceError, UsageError
from twinlm.families import Examples, Family
from twinlm.log import Progress
from twinlm.settings import BudgetSettings, KindSettings
from twinlm.stopping import Stop
from twinlm.tokenizer import Tokenizer
from twinlm.train.loop import Job, evaluate, train
from twinlm.train.optimizer import build_optimizer
from twinlm.train.schedule import learning_rate

RESULT = "pretraining.json"
_PROBED_STEPS = 16
_TIMED_STEPS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainPlan:
    """What a step of pre-training takes on average, and how many of them the budget buys."""

    family: str
    """Its name."""
    steps: int
    """Optimizer steps."""
    tokens: float
    """Real tokens, padding left out."""
    targets: float
    """Tokens to predict."""
    flops: float
    """Operations, forward and backward."""
    seconds: float
    """Training time on this machine, from a few measured steps."""
    memory_bytes: int
    """Largest resident memory of those steps."""
    corpus_passes: float
    """How often the corpus is read, in tokens."""
    parameters: int
    """Weights in all."""
    non_embedding_parameters: int
    """Weights in the transformer layers."""


def fresh_model(family: Family, settings: KindSettings, tokenizer: Tokenizer, seed: int) -> Any:
    """Return a model with its first weights."""
    model = family.model(family.configure(settings.model, tokenizer.vocab_size))
    initialize(
        model,
        seed=rng.torch_seed(seed, "first weights"),
        is_truncated=family.is_truncated,
        deviation=settings.model.first_deviation,
        positions=settings.model.first_positions,
    )
    return model


def micro_batches(examples: Examples, settings: KindSettings, step: int) -> Sequence[Batch]:
    """Return the micro-batches of a step, each at fixed places of the examples' order."""
    size = settings.pretrain.micro_batch_sequences or settings.pretrain.batch_sequences
    first = step * settings.pretrain.batch_sequences
    return [
        examples.batch(first + offset, size) for offset in range(0, settings.pretrain.batch_sequences, size)
    ]


def step_costs(
    family: Family, settings: KindSettings, store: TokenStore, tokenizer: Tokenizer, seed: int
) -> dict[str, float]:
    """Return mean tokens, targets and flops of a step, counted on the first batches of the real order."""
    examples = family.examples(store, settings.pretrain, tokenizer, seed)
    sizes = family.configure(settings.model, tokenizer.vocab_size)
    rows = []
    for step in range(_PROBED_STEPS):
        for batch in micro_batches(examples, settings, step):
            targets = count_targets(batch)
            count, length = batch.tokens_BL.shape
            flops = family.training_flops(sizes, sequences=count, length=length, targets=targets)
            rows.append((int(batch.real_BL.sum()), targets, flops))
    tokens, targets, flops = np.sum(rows, axis=0) / _PROBED_STEPS
    return {"tokens": float(tokens), "targets": float(targets), "flops": float(flops)}


def count_targets(batch: Batch) -> int:
    """Return how many tokens of a pre-training batch are predicted."""
    originals_BL = getattr(batch, "originals_BL", None)
    return int(batch.real_BL[:, 1:].sum() if originals_BL is None else (originals_BL >= 0).sum())


def seconds_per_step(
    family: Family,
    settings: KindSettings,
    store: TokenStore,
    tokenizer: Tokenizer,
    *,
    seed: int,
    precision: str,
) -> float:
    """Return the median time of a few real steps on a model that is thrown away."""
    model = fresh_model(family, settings, tokenizer, seed).to(hardware.device()).train()
    examples = family.examples(store, settings.pretrain, tokenizer, seed)
    optimizer = build_optimizer(model, settings.pretrain.optimizer)
    objective = family.objective(settings.pretrain)
    times_s = []
    for step in range(_TIMED_STEPS):
        began = time.perf_counter()
        for batch in micro_batches(examples, settings, step):
            with hardware.autocast(precision, hardware.device()):
                loss = objective(model, batch.to(hardware.device()))
            loss.total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        times_s.append(time.perf_counter() - began)
    return float(np.median(times_s[1:]))


def check_memory(family: Family, settings: KindSettings, vocab_size: int) -> None:
    """Refuse, before anything is built, what can't fit into memory.

    Raises:
        ResourceError: even the least that training takes is more than there is.
    """
    sizes = family.configure(settings.model, vocab_size)
    with torch.device("meta"):
        parameters = count.parameter_count(family.model(sizes))
    options = settings.pretrain
    needed = count.least_training_bytes(
        parameters=parameters,
        positions=(options.micro_batch_sequences or options.batch_sequences) * options.length,
        width=sizes.width,
        layers=sizes.layers,
        feed_forward=sizes.feed_forward,
    )
    free_bytes = hardware.available_memory_bytes()
    if needed > free_bytes:
        message = (
            f"pre-training a {family.label} of {parameters:,} parameters takes at least "
            f"{needed / 2**30:,.1f} GiB of memory, and {free_bytes / 2**30:,.1f} GiB are free"
        )
        hint = "lower pretrain.micro_batch_sequences, pretrain.length or the model's size"
        raise ResourceError(message, hint=hint)


def budget_steps(budget: BudgetSettings, costs: dict[str, float], step_s: float) -> int:
    """Return how many steps a budget buys.

    Raises:
        UsageError: not even ten.
    """
    per_step = step_s if budget.match == "seconds" else costs[budget.match]
    steps = math.floor(budget.amount / per_step)
    if steps < 10:
        message = f"a budget of {budget.amount:g} {budget.match} buys {steps} steps of {per_step:.3g} each"
        raise UsageError(message, hint="raise budget.amount, or lower the batch or the model's size")
    return steps


def pretrain(
    family: Family,
    settings: KindSettings,
    *,
    steps: int,
    train_store: TokenStore,
    valid_store: TokenStore,
    tokenizer: Tokenizer,
    seed: int,
    precision: str,
    folder: Path,
    progress: Progress,
    stop: Stop,
) -> Trained:
    """Pre-train a model, or go on from where it was stopped, and publish it as `folder/model`.

    Args:
        family: the kind.
        settings: its sizes and training.
        steps: optimizer steps, as planned.
        train_store: tokens to learn from.
        valid_store: tokens to validate on.
        tokenizer: the stores' tokenizer.
        seed: of first weights, order, masks, pairs and dropout.
        precision: "float32" or "bfloat16".
        folder: of this run.
        progress: where to report.
        stop: set by signals.

    Raises:
        StoppedError: a signal came; the same call goes on.
        DivergedError: a loss is not finite.
    """
    if (folder / RESULT).is_file():
        return checkpoint.load_model(folder / "model")
    model = fresh_model(family, settings, tokenizer, seed)
    options = settings.pretrain
    examples = family.examples(train_store, options, tokenizer, seed)
    held_out = family.examples(valid_store, options, tokenizer, seed)
    size = min(options.batch_sequences, options.validation_sequences)
    validation = [held_out.batch(first, size) for first in range(0, options.validation_sequences, size)]

    def flops(batch: Batch, targets: int) -> float:
        count, length = batch.tokens_BL.shape
        return family.training_flops(model.config, sequences=count, length=length, targets=targets)

    job = Job(
        name=f"pre-training {family.label}",
        module=model,
        objective=family.objective(options),
        batches=lambda step: micro_batches(examples, settings, step),
        optimizer=build_optimizer(model, options.optimizer),
        learning_rate=learning_rate(options.optimizer, steps),
        validate=lambda: evaluate(job, validation),
        flops=flops,
        steps=steps,
        validate_every=max(1, steps // options.validations),
        checkpoint_every=options.checkpoint_every_steps,
        clip_norm=options.optimizer.clip_norm,
        seed=rng.torch_seed(seed, family.name),
        precision=precision,
        folder=folder,
    )
    spent = train(job, progress=progress, stop=stop)
    trained = Trained(
        family=family, model=model.cpu().eval(), tokenizer=tokenizer, history={"pretraining": spent}
    )
    checkpoint.save_model(folder / "model", trained)
    storage.write_json(folder / RESULT, spent)
    return trained
