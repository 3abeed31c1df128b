"""Pre-training of either kind on a token store, to a model folder.

What it begins with stands in `start.py`, lengths that change in `phases.py`.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from twinlm import checkpoint, hardware, rng, storage
from twinlm.batch import Batch
from twinlm.checkpoint import Trained
from twinlm.core import count
from twinlm.data.token_store import TokenStore
from twinlm.errors import ResourceError, UsageError
from twinlm.families import Examples, Family
from twinlm.log import Progress
from twinlm.settings import BudgetSettings, KindSettings
from twinlm.stopping import Stop
from twinlm.tokenizer import Tokenizer
from twinlm.train.loop import Job, evaluate, train
from twinlm.train.optimizer import build_optimizer
from twinlm.train.phases import Phase, micro_batches, phased_batches, phases
from twinlm.train.schedule import learning_rate
from twinlm.train.start import first_model, fresh_model

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


def step_costs(
    family: Family, settings: KindSettings, store: TokenStore, tokenizer: Tokenizer, seed: int
) -> dict[str, float]:
    """Return mean tokens, targets, flops and passes of a step, and 1 step, by the names of budgets.

    They are counted on the first batches of the real order, in each phase.
    """
    sizes = family.configure(settings.model, tokenizer.vocab_size)
    rows = []
    for phase in phases(settings.pretrain):
        examples = _phase_examples(family, phase, store, tokenizer, seed)
        for step in range(_PROBED_STEPS):
            for batch in micro_batches(examples, phase.settings, step):
                targets = count_targets(batch)
                count, length = batch.tokens_BL.shape
                flops = family.training_flops(sizes, sequences=count, length=length, targets=targets)
                rows.append(phase.share * np.array([int(batch.real_BL.sum()), targets, flops]))
    tokens, targets, flops = (np.sum(rows, axis=0) / _PROBED_STEPS).tolist()
    passes = tokens / store.token_count
    return {"tokens": tokens, "targets": targets, "flops": flops, "passes": passes, "steps": 1.0}


def _phase_examples(
    family: Family, phase: Phase, store: TokenStore, tokenizer: Tokenizer, seed: int
) -> Examples:
    make = family.causal_examples if phase.is_causal else family.examples
    return make(store, phase.settings, tokenizer, seed)


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
    """Return the median time of a few real steps on a model that is thrown away, the mean over the phases."""
    model = fresh_model(family, settings, tokenizer, seed).to(hardware.device()).train()
    optimizer = build_optimizer(model, settings.pretrain.optimizer)
    objective = family.objective(settings.pretrain)
    mean_s = 0.0
    for phase in phases(settings.pretrain):
        examples = _phase_examples(family, phase, store, tokenizer, seed)
        times_s = []
        for step in range(_TIMED_STEPS):
            began = time.perf_counter()
            for batch in micro_batches(examples, phase.settings, step):
                with hardware.autocast(precision, hardware.device()):
                    loss = objective(model, batch.to(hardware.device()))
                loss.total.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
            times_s.append(time.perf_counter() - began)
        mean_s += phase.share * float(np.median(times_s[1:]))
    return mean_s


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
    timed = {"seconds": step_s, "money": step_s / 3600 * budget.price_per_hour}
    per_step = {**costs, **timed}[budget.match]
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
    title: str,
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
        title: shown beside the progress bar.

    Raises:
        StoppedError: a signal came; the same call goes on.
        DivergedError: a loss is not finite.
    """
    if (folder / RESULT).is_file():
        return checkpoint.load_model(folder / "model")
    model, before = first_model(family, settings, tokenizer, seed, progress)
    options = settings.pretrain
    held_out = family.examples(valid_store, options, tokenizer, seed)
    size = min(options.batch_sequences, options.validation_sequences)
    validation = [held_out.batch(first, size) for first in range(0, options.validation_sequences, size)]

    def flops(batch: Batch, targets: int) -> float:
        count, length = batch.tokens_BL.shape
        return family.training_flops(model.config, sequences=count, length=length, targets=targets)

    job = Job(
        name=title,
        module=model,
        objective=family.objective(options),
        batches=phased_batches(
            options, steps, lambda phase: _phase_examples(family, phase, train_store, tokenizer, seed)
        ),
        optimizer=build_optimizer(model, options.optimizer),
        learning_rate=learning_rate(options.optimizer, steps),
        validate=lambda: evaluate(job, validation),
        flops=flops,
        steps=steps,
        validate_every=max(1, steps // options.validations),
        checkpoint_every=options.checkpoint_every_steps,
        clip_norm=options.optimizer.clip_norm,
        non_finite=options.optimizer.non_finite,
        seed=rng.torch_seed(seed, family.name),
        precision=precision,
        folder=folder,
    )
    spent = train(job, progress=progress, stop=stop)
    learned = {"sentence_task": options.sentence_task} if family.pretraining_heads else {}
    history = {**before, "pretraining": {**spent, **learned}}
    trained = Trained(family=family, model=model.cpu().eval(), tokenizer=tokenizer, history=history)
    checkpoint.save_model(folder / "model", trained)
    storage.write_json(folder / RESULT, spent)
    return trained
