"""The training loop, for pre-training and fine-tuning of either kind. It knows no model and no task.

A step is a function of its number: batches, dropout and learning rate are computed from (seed, step), so a
run that was stopped goes on from its last checkpoint exactly as if it had never been.
"""

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from twinlm import checkpoint, hardware, rng, storage
from twinlm.batch import Batch
from twinlm.errors import DivergedError, ModelError, StoppedError
from twinlm.log import MetricsLog, Progress, note_event
from twinlm.objectives import Objective
from twinlm.stopping import Stop, stopped
from twinlm.train.checkpoints import load_training, roll_back, save_training

BEST, CHECKPOINTS = "best.safetensors", "checkpoints"
_MARK = "metrics"
_MOST_ROLLED_BACK = 3
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
    non_finite: Literal["stop", "skip", "roll_back"] = "stop"
    """What to do about a loss or gradient that is not finite."""


def train(job: Job, *, progress: Progress, stop: Stop) -> dict[str, Any]:
    """Train to the end, from the newest checkpoint if there is one; leave the best weights in the module.

    Returns:
        What was spent and reached: step, tokens, targets, flops, seconds, peak_memory_bytes, best, best_step,
        best_sha256, non_finite_steps, lost_steps.

    Raises:
        StoppedError: a signal came; the state is saved.
        DivergedError: a loss or gradient is not finite; the update was not made.
        ModelError: nothing that is left on the disk can be gone on with.
    """
    where = hardware.device()
    job.module.to(where)
    log, clock = MetricsLog(job.folder / "metrics.jsonl"), MetricsLog(job.folder / "timings.jsonl")
    state = _resume(job, log, progress)
    clock.keep_until(state["step"])
    hardware.forget_peak_memory()
    progress.start(job.name, job.steps, "steps")
    with stop.deferred(), torch.random.fork_rng():
        _validate_if_due(job, state, log, stop)
        if stop.asked:
            raise stopped()
        if state["step"] == 0 and job.non_finite == "roll_back":
            _save(job, state, log)
        for step in range(state["step"], job.steps):
            began = time.perf_counter()
            parts, wrong = _take_step(job, step, state, where)
            state["seconds"] += time.perf_counter() - began
            if wrong:
                parts = _leave_out(job, step, state, wrong, progress)
            state["step"] = step + 1
            log.write(step + 1, {"tokens": state["tokens"], "flops": state["flops"], **parts})
            clock.write(step + 1, {"seconds": round(state["seconds"], 3)})
            is_last = step + 1 == job.steps
            state["is_validation_due"] = is_last or (step + 1) % job.validate_every == 0
            _validate_if_due(job, state, log, stop)
            if is_last or stop.asked or (step + 1) % job.checkpoint_every == 0:
                _save(job, state, log)
            if stop.asked and (not is_last or state["is_validation_due"]):
                note_event(job.folder, "stopped", step=step + 1)
                raise stopped()
            rate = state["tokens"] / max(1e-9, state["seconds"])
            progress.advance(step + 1, loss=parts.get("loss", math.nan), tokens_per_second=round(rate))
    progress.finish()
    _load_best(job, state)
    return {name: value for name, value in state.items() if name != "is_validation_due"}


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
    counts |= {"non_finite_steps": 0, "lost_steps": 0}
    best = {"best": None, "best_step": 0, "best_sha256": ""}
    return {**counts, **best, "is_validation_due": False}


def _resume(job: Job, log: MetricsLog, progress: Progress) -> dict[str, Any]:
    """Bring module, optimizer and metrics back to the newest whole checkpoint; return its state.

    Without any that is the state of a run that begins.

    Raises:
        ModelError: all checkpoints are damaged.
    """

    def check(state: Mapping[str, Any]) -> None:
        if _MARK in state:
            log.check(state[_MARK])

    def pass_over(damage: ModelError) -> None:
        progress.say(f"{damage.file}: {damage.message}; this checkpoint is passed over for the one before it")
        note_event(job.folder, "checkpoint passed over", file=damage.file, message=damage.message)

    found = load_training(
        job.folder / CHECKPOINTS, job.module, job.optimizer, check=check, pass_over=pass_over
    )
    if found is not None:
        note_event(job.folder, "resumed", step=found["step"])
    state = _fresh_state() | (found or {})
    if _MARK in state:
        log.cut(state.pop(_MARK))
    else:
        log.keep_until(state["step"])
    return state


def _save(job: Job, state: dict[str, Any], log: MetricsLog) -> None:
    """Publish a checkpoint, behind metrics that have reached the disk."""
    state["peak_memory_bytes"] = max(state["peak_memory_bytes"], hardware.peak_memory_bytes())
    contents = {**state, _MARK: log.sync()}
    place = job.folder / CHECKPOINTS
    save_training(place, state["step"], job.module, job.optimizer, contents, every=job.checkpoint_every)


def _take_step(
    job: Job, step: int, state: dict[str, Any], where: torch.device
) -> tuple[dict[str, float], str]:
    """Make one update; count what it took; return the losses, and why there was no update, if so."""
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
    wrong = ""
    if math.isfinite(parts["loss"]) and math.isfinite(norm):
        job.optimizer.step()
    else:
        wrong = f"a loss of {parts['loss']} and a gradient of length {norm}"
    job.optimizer.zero_grad()
    return parts, wrong


def _leave_out(
    job: Job, step: int, state: dict[str, Any], wrong: str, progress: Progress
) -> dict[str, float]:
    """Go on without the update of a step, as `Job.non_finite` says; return what is logged of it.

    To roll back is to go on with the weights of the last regular checkpoint: the updates since are lost, and
    their batches do not come again. The step alone is what "skip" leaves out.

    Raises:
        DivergedError: the job is to stop, or it happened too often.
    """
    message = f"{job.name}: step {step + 1} has {wrong}"
    most = {"stop": 0, "skip": max(1, job.steps // 10), "roll_back": _MOST_ROLLED_BACK}[job.non_finite]
    state["non_finite_steps"] += 1
    if state["non_finite_steps"] > most:
        again = f", and so had {most} before" if most else ""
        raise DivergedError(message + again, file=job.folder, hint=_HINT)
    lost = 1
    if job.non_finite == "roll_back":
        regular = step // job.checkpoint_every * job.checkpoint_every
        roll_back(job.folder / CHECKPOINTS, regular, job.module, job.optimizer)
        lost += step - regular
    state["lost_steps"] += lost
    progress.say(f"{message}: {lost} of {step + 1} updates left out")
    note_event(job.folder, "not finite", step=step + 1, lost=lost, message=message)
    return {"lost": lost}


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


def _validate_if_due(job: Job, state: dict[str, Any], log: MetricsLog, stop: Stop) -> None:
    """Measure the module after some steps, and keep its weights if they are the best so far.

    A signal ends it at once: it stays due, and whoever goes on measures first.

    Raises:
        DivergedError: the measure is not finite.
    """
    if not state["is_validation_due"]:
        return
    try:
        with stop.at_once():
            values = job.validate()
    except StoppedError:
        return
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
    state["is_validation_due"] = False
