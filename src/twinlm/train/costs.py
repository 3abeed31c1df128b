"""Costs of a training, counted and measured before it, and the steps that a budget buys."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from twinlm.batch import Batch
from twinlm.checkpoint import Trained
from twinlm.core import count
from twinlm.core.initialize import without_weights
from twinlm.data.labels.task import LabelledTask
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import ResourceError, UsageError
from twinlm.families import Family
from twinlm.settings import LEAST_STEPS, BudgetSettings, FinetuneSettings, KindSettings, ModelSettings
from twinlm.system import hardware
from twinlm.system.records import Count, Positive, Record
from twinlm.tokenizer import Tokenizer
from twinlm.train.finetune import finetuning_job, steps_of
from twinlm.train.job import Job
from twinlm.train.loop import timed_steps
from twinlm.train.phases import Phase, micro_batches, phases
from twinlm.train.pretrain import phase_examples, pretraining_job
from twinlm.train.start import fresh_model
from twinlm.train.transfer import with_head
from twinlm.use.predict import predict

_COUNTED_STEPS = 16  # masks and pairs make steps differ
_FIRST_STEPS = 3  # left out: kernels for new shapes are compiled in them
_LEAST_STEPS, _MOST_STEPS, _PROBED_S = 8, 43, 3.0
_LEAST_TUNING_STEPS, _MOST_TUNING_STEPS, _TUNING_PROBED_S = 6, 23, 1.5
_PREDICTIONS = 64
_OUTSIDE = 0.25  # left out at each end: other work on the machine lengthens some steps


class PretrainPlan(Record):
    """Steps of pre-training that the budget buys, and their expected costs."""

    family: str  # name of the kind
    steps: Count  # number of optimizer steps
    tokens: Positive  # number of real tokens, padding left out
    targets: Positive  # number of tokens to predict
    flops: Positive  # floating point operations, forward and backward
    seconds: Positive  # training time on this machine, estimated from a few measured steps
    memory_bytes: Count  # peak memory of those steps
    corpus_passes: Positive  # passes through the corpus, in tokens
    parameters: Count  # number of weights
    non_embedding_parameters: Count  # number of weights in the transformer layers


def step_costs(
    family: Family, settings: KindSettings, store: TokenStore, tokenizer: Tokenizer, seed: int
) -> dict[str, float]:
    """Return the mean costs of a step by the name of a budget, counted on each phase's first batches."""
    sizes = family.configure(settings.model, tokenizer.vocab_size)
    rows = []
    for phase in phases(settings.pretrain):
        examples = phase_examples(family, phase, store, tokenizer, seed)
        for step in range(_COUNTED_STEPS):  # in the real order, with its padding and short pairs
            for batch in micro_batches(examples, phase.settings, step):
                targets = count_targets(batch)
                count, length = batch.tokens_BL.shape
                flops = family.training_flops(sizes, sequences=count, length=length, targets=targets)
                rows.append(phase.share * np.array([int(batch.real_BL.sum()), targets, flops]))
    tokens, targets, flops = (np.sum(rows, axis=0) / _COUNTED_STEPS).tolist()
    passes = tokens / store.token_count
    return {"tokens": tokens, "targets": targets, "flops": flops, "passes": passes, "steps": 1.0}


def count_targets(batch: Batch) -> int:
    """Return the number of tokens to predict in a pre-training batch."""
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
    """Return the mean time of a step, measured for a few seconds on a model that is thrown away."""

    def phase_job(phase: Phase) -> Job:
        examples = phase_examples(family, phase, store, tokenizer, seed)
        return pretraining_job(
            family,
            settings,
            fresh_model(family, settings, tokenizer, seed),
            name=f"timing {family.label}",
            batches=lambda step: micro_batches(examples, phase.settings, step),
            learning_rate=lambda step: 0.0,  # so that no timed step can diverge
            validate=dict,
            steps=_MOST_STEPS,
            seed=seed,
            precision=precision,
            folder=Path(),
            averaging="step",
        )

    mean_s = 0.0
    for phase in phases(settings.pretrain):
        times_s = timed_steps(phase_job(phase), least=_LEAST_STEPS, enough_s=_PROBED_S)
        mean_s += phase.share * usual_s(times_s)
    return mean_s


def usual_s(times_s: Sequence[float]) -> float:
    """Return the mean of the middle half of step times, without the first few."""
    # By hand, as scipy.stats takes a second to import in every process.
    sorted_s = np.sort(times_s[_FIRST_STEPS:])
    outside = int(_OUTSIDE * len(sorted_s))
    return float(sorted_s[outside : len(sorted_s) - outside].mean())


def count_parameters(family: Family, sizes: ModelSettings, vocab_size: int) -> tuple[int, int]:
    """Return the number of weights of a model, and of its transformer layers."""
    with without_weights():
        model = family.model(family.configure(sizes, vocab_size))
    return count.parameter_count(model), count.layer_count(model)


def check_memory(family: Family, settings: KindSettings, vocab_size: int) -> None:
    """Raise a ResourceError for a model that can't fit into memory, before it is built."""
    sizes = family.configure(settings.model, vocab_size)
    parameters, _ = count_parameters(family, settings.model, vocab_size)
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
            f"pre-training a {family.label} of {parameters:,} parameters needs at least "
            f"{needed / 2**30:,.1f} GiB of memory, but {free_bytes / 2**30:,.1f} GiB are free"
        )
        hint = "lower pretrain.micro_batch_sequences, pretrain.length or the model's size"
        raise ResourceError(message, hint=hint)


def budget_steps(budget: BudgetSettings, costs: dict[str, float], step_s: float) -> int:
    """Return the number of steps that a budget buys; a UsageError if there are fewer than ten."""
    timed = {"seconds": step_s, "money": step_s / 3600 * budget.price_per_hour}
    per_step = {**costs, **timed}[budget.match]
    steps = math.floor(budget.amount / per_step)
    if steps < LEAST_STEPS:
        message = f"a budget of {budget.amount:g} {budget.match} buys {steps} steps of {per_step:.3g} each"
        least = f"{steps} are too few: at least {LEAST_STEPS}, which take {LEAST_STEPS * per_step:.3g}"
        size = " or the model's size" if budget.match in ("flops", "seconds", "money") else ""
        raise UsageError(f"{message}; {least}", hint=f"raise budget.amount, or lower the batch{size}")
    return steps


def finetune_seconds(
    trained: Trained, task: LabelledTask, settings: FinetuneSettings, *, seed: int, precision: str
) -> float:
    """Return the expected time of a fine-tuning with predictions; the weights of `trained` are changed."""
    began = time.perf_counter()
    result, inputs = with_head(trained, task, settings, seed=seed, counts=Counter())
    reading_s = time.perf_counter() - began
    job = finetuning_job(
        result,
        inputs,
        settings,
        name=f"timing {task.name}",
        validate=dict,
        steps=_MOST_TUNING_STEPS,
        seed=seed,
        precision=precision,
        folder=Path(),
        averaging="step",
    )
    step_s = usual_s(
        timed_steps(
            replace(job, learning_rate=lambda step: 0.0), least=_LEAST_TUNING_STEPS, enough_s=_TUNING_PROBED_S
        )
    )
    predictions = (settings.epochs + 1) * len(task.valid) + len(task.test)  # after each epoch, and at the end
    return reading_s + steps_of(settings, len(inputs)) * step_s + predictions * _prediction_s(result, task)


def _prediction_s(result: Trained, task: LabelledTask) -> float:
    examples = task.test[:_PREDICTIONS]
    predict(result, examples)  # the first time is slower
    began = time.perf_counter()
    predict(result, examples)
    return (time.perf_counter() - began) / len(examples)
