"""The training loop, for pre-training and fine-tuning of either kind. It knows no model and no task.

A step is a function of its number: batches, dropout and learning rate are computed from (seed, step), so a
run that was stopped goes on from its last checkpoint exactly as if it had never been.
"""

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from twinlm import checkpoint, hardware, rng, storage
from twinlm.batch import Batch
from twinlm.errors import DivergedError, ModelError
from twinlm.log import MetricsLog, Progress
from twinlm.objectives import Objective
from twinlm.stopping import Stop, stopped

BEST = "best.safetensors"
_HINT = "lower the learning rate; the last checkpoint is whole"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One training run."""

    name: str
    """Shown beside the progress bar."""
    module: nn.Module
    """What is trained, in place."""
    objective: Objective[Any, Any]
    """Turns module and batch into a loss."""
    batches: Callable[[int], Sequence[Batch]]
    """The micro-batches of a step, from 0; their losses weigh the same."""
    optimizer: torch.optim.Optimizer
    """Its learning rate is set before each step."""
    learning_rate: Callable[[int], float]
    """Of a step, from 0."""
    validate: Callable[[], dict[str, float]]
    """Measures the module; the first value decides which weights are best: the lowest."""
    flops: Callable[[Batch, int], float]
    """Operations of a training step on a batch with so many targets."""
    steps: int
    """Optimizer steps in all."""
    validate_every: int
    """Steps from one validation to the next; the last step is always validated."""
    checkpoint_every: int
    """Steps that a crash can cost."""
    clip_norm: float
    """Largest length of the gradient."""
    seed: int
    """Of dropout."""
    precision: str
    """"float32" or "bfloat16"."""
    folder: Path
    """Where checkpoints and metrics go."""


def train(job: Job, *, progress: Progress, stop: Stop) -> dict[str, Any]:
    """Train to the end, from the newest checkpoint if there is one; leave the best weights in the module.

    Returns:
        What was spent and reached: step, tokens, targets, flops, seconds, peak_memory_bytes, best, best_step,
        best_sha256.

    Raises:
        StoppedError: a signal came; the state is saved.
        DivergedError: a loss or gradient is not finite; the update was not made.
    """
    where = hardware.device()
    job.module.to(where)
    log, clock = MetricsLog(job.folder / "metrics.jsonl"), MetricsLog(job.folder / "timings.jsonl")
    state = _fresh_state() | (
        checkpoint.load_training(job.folder / "checkpoints", job.module, job.optimizer) or {}
    )
    first = state["step"]
    log.keep_until(first)
    clock.keep_until(first)
    hardware.forget_peak_memory()
    progress.start(job.name, job.steps, "steps")
    with stop.deferred(), torch.random.fork_rng():
        for step in range(first, job.steps):
            began = time.perf_counter()
            parts = _take_step(job, step, state, where)
            state["seconds"] += time.perf_counter() - began
            state["step"] = step + 1
            log.write(step + 1, {"tokens": state["tokens"], "flops": state["flops"], **parts})
            clock.write(step + 1, {"seconds": round(state["seconds"], 3)})
            is_last, is_stopped = step + 1 == job.steps, stop.asked
            if is_last or (step + 1) % job.validate_every == 0:
                _validate(job, state, log)
            if is_last or is_stopped or (step + 1) % job.checkpoint_every == 0:
                state["peak_memory_bytes"] = max(state["peak_memory_bytes"], hardware.peak_memory_bytes())
                checkpoint.save_training(
                    job.folder / "checkpoints", step + 1, job.module, job.optimizer, state
                )
            if is_stopped and not is_last:
                raise stopped()
            rate = state["tokens"] / max(1e-9, state["seconds"])
            progress.advance(step + 1, loss=parts["loss"], tokens_per_second=round(rate))
    progress.finish()
    _load_best(job, state)
    return state


def timed_steps(job: Job, *, least: int, enough_s: float) -> list[float]:
    """Take the first steps of a run and return the seconds of each, as `train` counts them; write nothing.

    Args:
        job: of at most so many steps.
        least: steps to take however long they take.
        enough_s: time after which there are no more of them.
    """
    where = hardware.device()
    job.module.to(where)
    state, times_s = _fresh_state(), list[float]()
    with torch.random.fork_rng():
        for step in range(job.steps):
            began = time.perf_counter()
            _take_step(job, step, state, where)
            times_s.append(time.perf_counter() - began)
            if len(times_s) >= least and sum(times_s) >= enough_s:
                break
    return times_s


def evaluate(job: Job, batches: Sequence[Batch]) -> dict[str, float]:
    """Return the mean of the loss and of each of its parts over batches, weighted by their targets."""
    where = hardware.device()
    was_training = job.module.training
    job.module.eval()
    sums: dict[str, float] = {}
    targets = 0
    with torch.inference_mode(), hardware.autocast(job.precision, where):
        for batch in batches:
            loss = job.objective(job.module, batch.to(where))
            for name, value in {"loss": loss.total, **loss.parts}.items():
                sums[name] = sums.get(name, 0.0) + float(value) * loss.targets
            targets += loss.targets
    job.module.train(was_training)
    return {f"valid_{name}": value / targets for name, value in sums.items()}


def _fresh_state() -> dict[str, Any]:
    counts = {"step": 0, "tokens": 0, "targets": 0, "flops": 0.0, "seconds": 0.0, "peak_memory_bytes": 0}
    return {**counts, "best": None, "best_step": 0, "best_sha256": ""}


def _take_step(job: Job, step: int, state: dict[str, Any], where: torch.device) -> dict[str, float]:
    """Make one update; count what it took; return the losses."""
    job.module.train()
    for group in job.optimizer.param_groups:
        group["lr"] = job.learning_rate(step)
    batches = job.batches(step)
    parts: dict[str, float] = {}
    for number, batch in enumerate(batches):
        torch.manual_seed(rng.torch_seed(job.seed, "dropout", step, number))
        with hardware.autocast(job.precision, where):
            loss = job.objective(job.module, batch.to(where))
        (loss.total / len(batches)).backward()  # type: ignore[no-untyped-call]
        for name, value in {"loss": loss.total, **loss.parts}.items():
            parts[name] = parts.get(name, 0.0) + value.detach().item() / len(batches)
        state["tokens"] += int(batch.real_BL.sum())
        state["targets"] += loss.targets
        state["flops"] += job.flops(batch, loss.targets)
    norm = float(torch.nn.utils.clip_grad_norm_(job.module.parameters(), job.clip_norm))
    if not math.isfinite(parts["loss"]) or not math.isfinite(norm):
        message = f"{job.name}: step {step + 1} has a loss of {parts['loss']} and a gradient of length {norm}"
        raise DivergedError(message, file=job.folder, hint=_HINT)
    job.optimizer.step()
    job.optimizer.zero_grad()
    return parts


def _load_best(job: Job, state: dict[str, Any]) -> None:
    """Bring the module back to the weights that did best.

    Raises:
        ModelError: they are not what was written.
    """
    path = job.folder / BEST
    if not path.is_file() or storage.file_sha256(path) != state["best_sha256"]:
        hint = f"remove {job.folder} to train it anew"
        raise ModelError("the weights that did best are missing or damaged", file=path, hint=hint)
    checkpoint.load_weights(job.module, path)


def _validate(job: Job, state: dict[str, Any], log: MetricsLog) -> None:
    """Measure the module, and keep its weights if they are the best so far.

    Raises:
        DivergedError: the measure is not finite.
    """
    values = job.validate()
    name, score = next(iter(values.items()))
    if not math.isfinite(score):
        message = f"{job.name}: after step {state['step']} {name} is {score}"
        raise DivergedError(message, file=job.folder, hint=_HINT)
    log.write(state["step"], {"tokens": state["tokens"], "flops": state["flops"], **values})
    if state["best"] is None or score < state["best"]:
        state["best"], state["best_step"] = score, state["step"]
        contents = checkpoint.tensor_bytes(job.module.state_dict())
        state["best_sha256"] = hashlib.sha256(contents).hexdigest()
        storage.write_file(job.folder / BEST, contents)
