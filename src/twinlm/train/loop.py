"""The training loop, for pre-training and fine-tuning of either kind. It knows no model and no task.

A step is a function of its number: batches, dropout and learning rate are computed from (seed, step), so a
run that was stopped goes on from its last checkpoint exactly as if it had never been. Next: `gradients.py`,
what one process or several make of a step's micro-batches, and `resuming.py`, what lies on the disk.
"""

import math
import time
from collections.abc import Sequence
from typing import Any

import torch

from twinlm import rng
from twinlm.batch import Batch
from twinlm.errors import DivergedError, ModelError
from twinlm.system import hardware, storage
from twinlm.system.log import MetricsLog, Progress
from twinlm.system.stopping import Stop, stopped
from twinlm.train.gradients import Gradients, gradients_of
from twinlm.train.job import BEST, Job
from twinlm.train.ranks import ALONE, Ranks
from twinlm.train.resuming import HINT, fresh_state, leave_out, note_stop, resume, save


def train(job: Job, *, progress: Progress, stop: Stop, ranks: Ranks = ALONE) -> dict[str, Any]:
    """Train to the end, from the newest checkpoint if there is one; leave the best weights in the module.

    Args:
        job: what to train, the same in all processes.
        progress: where to report.
        stop: set by signals; one to any process stops all.
        ranks: the processes that train together. Only the leader writes.

    Returns:
        What was spent and reached: step, tokens, targets, flops, seconds, peak_memory_bytes, best, best_step,
        best_sha256, non_finite_steps, lost_steps.

    Raises:
        StoppedError: a signal came; the state is saved.
        DivergedError: a loss or gradient is not finite; the update was not made.
        ModelError: nothing that is left on the disk can be gone on with.
        PeerError: another process ended, or does not answer.
    """
    job.module.to(hardware.device())
    gradients = gradients_of(job.module, job.objective, ranks)
    log, clock = (
        MetricsLog(job.folder / name, is_kept=ranks.leads) for name in ("metrics.jsonl", "timings.jsonl")
    )
    state = resume(job, log, gradients, ranks, progress)
    clock.keep_until(state["step"])
    hardware.forget_peak_memory()
    progress.start(job.name, job.steps, "steps")
    with stop.deferred(), hardware.own_generators():
        _validate_if_due(job, state, log, gradients, stop)
        if ranks.any(stop.asked):
            raise stopped()
        if state["step"] == 0 and job.non_finite == "roll_back":
            save(job, state, log, gradients)
        for step in range(state["step"], job.steps):
            began = time.perf_counter()
            parts, wrong = _take_step(job, step, state, gradients, ranks)
            state["seconds"] += time.perf_counter() - began
            if wrong:
                parts = leave_out(job, step, state, wrong, gradients, ranks, progress)
            state["step"] = step + 1
            log.write(step + 1, {"tokens": state["tokens"], "flops": state["flops"], **parts})
            clock.write(step + 1, {"seconds": round(state["seconds"], 3)})
            is_last = step + 1 == job.steps
            state["is_validation_due"] = is_last or (step + 1) % job.validate_every == 0
            _validate_if_due(job, state, log, gradients, stop)
            is_stopped = ranks.any(stop.asked)
            if is_last or is_stopped or (step + 1) % job.checkpoint_every == 0:
                save(job, state, log, gradients)
            if is_stopped and (not is_last or state["is_validation_due"]):
                note_stop(job, ranks, step + 1)
                raise stopped()
            rate = state["tokens"] / max(1e-9, state["seconds"])
            progress.advance(step + 1, loss=parts.get("loss", math.nan), tokens_per_second=round(rate))
    progress.finish()
    _load_best(job, state, gradients)
    ranks.any(False)  # nobody goes on, and removes files, before all have read them
    return {name: value for name, value in state.items() if name != "is_validation_due"}


def timed_steps(job: Job, *, least: int, enough_s: float) -> list[float]:
    """Take the first steps of a run and return the seconds of each, as `train` counts them; write nothing.

    Args:
        job: of at most so many steps.
        least: steps to take however long they take.
        enough_s: time after which there are no more of them.
    """
    job.module.to(hardware.device())
    gradients = gradients_of(job.module, job.objective, ALONE)
    state, times_s = fresh_state(), list[float]()
    with hardware.own_generators():
        for step in range(job.steps):
            began = time.perf_counter()
            _take_step(job, step, state, gradients, ALONE)
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
    with torch.no_grad(), hardware.autocast(job.precision, where):
        for batch in batches:
            loss = job.objective(job.module, batch.to(where))
            for name, value in {"loss": loss.total, **loss.parts}.items():
                sums[name] = sums.get(name, 0.0) + float(value) * loss.targets
            targets += loss.targets
    job.module.train(was_training)
    return {f"valid_{name}": value / targets for name, value in sums.items()}


def _take_step(
    job: Job, step: int, state: dict[str, Any], gradients: Gradients, ranks: Ranks
) -> tuple[dict[str, float], str]:
    """Make one update; count what it took; return the losses, and why there was no update, if so."""
    job.module.train()
    for group in job.optimizer.param_groups:
        group["lr"] = job.learning_rate(step)
    batches, where = job.batches(step), hardware.device()
    divisor = gradients.begin(len(batches))
    rows: list[dict[str, float]] = []
    for number in ranks.share(len(batches)):
        batch = batches[number]
        torch.manual_seed(rng.torch_seed(job.seed, "dropout", step, number))
        with gradients.adding(number):
            with hardware.autocast(job.precision, where):
                loss = gradients.loss(batch.to(where))
            (loss.total / divisor).backward()  # type: ignore[no-untyped-call]
        values = {name: value.detach().item() for name, value in {"loss": loss.total, **loss.parts}.items()}
        spent = {"tokens": int(batch.real_BL.sum()), "targets": loss.targets}
        rows.append({**values, **spent, "flops": job.flops(batch, loss.targets)})
    gradients.finish()
    parts: dict[str, float] = {}
    for row in ranks.gather(rows):
        for name in ("tokens", "targets"):
            state[name] += int(row.pop(name))
        state["flops"] += row.pop("flops")
        for name, value in row.items():
            parts[name] = parts.get(name, 0.0) + value / len(batches)
    norm = gradients.clip(job.clip_norm)
    wrong = ""
    if math.isfinite(parts["loss"]) and math.isfinite(norm):
        job.optimizer.step()
    else:
        wrong = f"a loss of {parts['loss']} and a gradient of length {norm}"
    job.optimizer.zero_grad()
    return parts, wrong


def _load_best(job: Job, state: dict[str, Any], gradients: Gradients) -> None:
    """Bring the module back to the weights that did best.

    Raises:
        ModelError: they are not what was written.
    """
    path = job.folder / BEST
    if not path.is_file() or storage.file_sha256(path) != state["best_sha256"]:
        hint = f"remove {job.folder} to train it anew"
        raise ModelError("the weights that did best are missing or damaged", file=path, hint=hint)
    gradients.load_best(path)


def _validate_if_due(
    job: Job, state: dict[str, Any], log: MetricsLog, gradients: Gradients, stop: Stop
) -> None:
    """Measure the module after some steps, and keep its weights if they are the best so far.

    A signal ends it at once: it stays due, and whoever goes on measures first.

    Raises:
        DivergedError: the measure is not finite.
    """
    if not state["is_validation_due"]:
        return
    values = gradients.measured(job.validate, stop)
    if values is None:
        return
    name, score = next(iter(values.items()))
    if not math.isfinite(score):
        message = f"{job.name}: after step {state['step']} {name} is {score}"
        raise DivergedError(message, file=job.folder, hint=HINT)
    log.write(state["step"], {"tokens": state["tokens"], "flops": state["flops"], **values})
    if state["best"] is None or score < state["best"]:
        state["best"], state["best_step"] = score, state["step"]
        state["best_sha256"] = gradients.keep_best(job.folder / BEST)
    state["is_validation_due"] = False
