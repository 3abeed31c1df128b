"""The training loop, for pre-training and fine-tuning of either kind. It knows no model and no task.

A step is a function of its number: batches, dropout and rate follow from (seed, step), so a stopped run
continues to the same bits. Next: `gradients.py` and `resuming.py`, how a run continues.
"""

import contextlib
import itertools
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

import torch

from twinlm import rng
from twinlm.batch import Batch, Counts, total
from twinlm.core.dropout import drawing
from twinlm.errors import DivergedError, ModelError
from twinlm.objectives import Loss, sum_values
from twinlm.system import hardware, storage
from twinlm.system.log import MetricsLog, Progress
from twinlm.system.stopping import Stop, stopped
from twinlm.train.gradients import Gradients, gradients_of
from twinlm.train.job import BEST, Job
from twinlm.train.ranks import ALONE, Ranks
from twinlm.train.records import Spent, TrainingState, fresh_state
from twinlm.train.resuming import HINT, leave_out, note, resume, save


def train(job: Job, *, progress: Progress, stop: Stop, ranks: Ranks = ALONE) -> Spent:
    """Train to the end, from the newest checkpoint if there is one; leave the best weights in the module.

    Raises:
        StoppedError: a signal came to any process; the state is saved.
        DivergedError: a loss or gradient is not finite; the update was not made.
        ModelError: no checkpoint on the disk can be continued from.
        PeerError: another process ended, or does not answer.
    """
    job.module.to(hardware.device())
    gradients = gradients_of(job.module, job.objective, ranks)
    # Seconds differ from run to run, so they have their own file: metrics of a resumed run stay equal.
    log, clock = (
        MetricsLog(job.folder / name, is_kept=ranks.leads) for name in ("metrics.jsonl", "timings.jsonl")
    )
    state = resume(job, log, gradients, ranks, progress)
    state.is_validation_due |= job.validates_first and state.step == 0
    clock.keep_until(state.step)
    hardware.forget_peak_memory()
    progress.start(job.name, job.steps, "steps")
    with stop.deferred(), hardware.own_generators():
        _validate_if_due(job, state, log, gradients, stop)
        if ranks.any(stop.asked):
            raise stopped()
        if state.step == 0 and job.non_finite == "roll_back":  # there must be something to roll back to
            save(job, state, log, gradients)
        for step in range(state.step, job.steps):
            began = time.perf_counter()
            parts, problem = _take_step(job, step, state, gradients, ranks)
            state.seconds += time.perf_counter() - began
            if problem:
                parts = leave_out(job, step, state, problem, gradients, ranks, progress)
            state.step = step + 1
            log.write(state.step, {"tokens": state.tokens, "flops": state.flops, **parts})
            clock.write(state.step, {"seconds": round(state.seconds, 3)})
            is_last = state.step == job.steps
            state.is_validation_due = is_last or state.step % job.validate_every == 0
            _validate_if_due(job, state, log, gradients, stop)
            is_stopped = ranks.any(stop.asked)  # all processes must stop after the same step
            if is_last or is_stopped or state.step % job.checkpoint_every == 0:
                save(job, state, log, gradients)
            if is_stopped and (not is_last or state.is_validation_due):
                note(job, ranks, "stopped", step=state.step)
                raise stopped()
            rate = state.tokens / max(1e-9, state.seconds)
            progress.advance(state.step, loss=parts.get("loss", math.nan), tokens_per_second=round(rate))
    progress.finish()
    _load_best(job, state, gradients)
    ranks.any(False)  # nobody removes files before all processes have read them
    return state.spent()


def timed_steps(job: Job, *, least: int, enough_s: float) -> list[float]:
    """Take at least `least` steps and `enough_s` seconds of steps; return each one's, and write nothing."""
    job.module.to(hardware.device())
    gradients = gradients_of(job.module, job.objective, ALONE)
    state, times_s = fresh_state(job.averaging), list[float]()
    with hardware.own_generators():
        for step in range(job.steps):
            began = time.perf_counter()
            _take_step(job, step, state, gradients, ALONE)
            times_s.append(time.perf_counter() - began)
            if len(times_s) >= least and sum(times_s) >= enough_s:
                break
    return times_s


def evaluate(job: Job, batches: Sequence[Batch]) -> dict[str, float]:
    """Return the mean of the loss and of each of its parts over the targets of all batches."""
    device = hardware.device()
    was_training = job.module.training
    job.module.eval()
    everything = total(batch.counts() for batch in batches)
    with torch.no_grad(), hardware.autocast(job.precision, device):
        if job.averaging == "step":
            losses = (job.objective(job.module, batch.to(device), everything) for batch in batches)
            means = sum_values(losses)
        else:
            means = _means_of_means(job.objective(job.module, batch.to(device)) for batch in batches)
    job.module.train(was_training)
    return {f"valid_{name}": value for name, value in means.items()}


def _means_of_means(losses: Iterable[Loss]) -> dict[str, float]:
    """Return what versions before 0.2.0 validated by: all parts weighted by the number of main targets."""
    rows = [(loss.values(), loss.targets) for loss in losses]
    targets = sum(count for _, count in rows)
    return {name: sum(values[name] * count for values, count in rows) / targets for name in rows[0][0]}


def _take_step(
    job: Job, step: int, state: TrainingState, gradients: Gradients, ranks: Ranks
) -> tuple[dict[str, float], str]:
    """Make one update and count its cost; return the losses, and why there was no update, if so."""
    job.module.train()
    for group in job.optimizer.param_groups:
        group["lr"] = job.learning_rate(step)
    batches, device = job.batches(step), hardware.device()
    own = {number: batches[number] for number in ranks.share(len(batches))}  # made when indexed
    counts, rows_before, longest = _counts(job, own, len(batches), ranks)
    parts_of_mean = 1 if job.averaging == "step" else len(batches)
    scale = gradients.begin(len(batches))
    rows: list[dict[str, float]] = []
    for number, batch in own.items():
        # Masks that are not drawn by row follow from the micro-batch's number, whichever process computes it.
        hardware.seed_generators(rng.torch_seed(job.seed, "dropout", step, number), device)
        with gradients.adding(number):
            masks = _masks(job, step, rows_before[number], longest)
            with masks, hardware.autocast(job.precision, device):
                loss = gradients.loss(batch.to(device), counts[number])
            (loss.total * scale / parts_of_mean).backward()  # type: ignore[no-untyped-call]
        spent = {"tokens": int(batch.real_BL.sum()), "targets": loss.targets}
        rows.append({**loss.values(), **spent, "flops": job.flops(batch, loss.targets)})
    gradients.finish()
    parts: dict[str, float] = {}
    # All processes add all rows in the order of micro-batches, so that counts and losses agree to the bit.
    for row in ranks.gather(rows):
        state.tokens += int(row.pop("tokens"))
        state.targets += int(row.pop("targets"))
        state.flops += row.pop("flops")
        for name, value in row.items():
            parts[name] = parts.get(name, 0.0) + value / parts_of_mean
    norm = gradients.clip(job.clip_norm)
    problem = ""
    if math.isfinite(parts["loss"]) and math.isfinite(norm):
        job.optimizer.step()
    else:
        problem = f"a loss of {parts['loss']} and a gradient of norm {norm}"
    job.optimizer.zero_grad()
    return parts, problem


def _masks(job: Job, step: int, first_row: int, longest: int) -> AbstractContextManager[None]:
    """Return the block in which dropout's masks belong to the rows of a step, however it is cut."""
    if job.averaging == "micro-batch":
        return contextlib.nullcontext()
    return drawing(rng.torch_seed(job.seed, "dropout", step), first_row=first_row, longest=longest)


def _counts(
    job: Job, own: Mapping[int, Batch], micro_batches: int, ranks: Ranks
) -> tuple[dict[int, Counts], list[int], int]:
    """Return what each own micro-batch's loss is divided by, the rows before each, and the longest row."""
    counts = {number: batch.counts() for number, batch in own.items()}
    lengths = [batch.tokens_BL.shape[1] for batch in own.values()]
    if micro_batches == 1 or job.averaging == "micro-batch":
        return counts, [0] * micro_batches, max(lengths, default=0)
    rows = ranks.gather(
        [
            {"longest": float(length), **{name: float(value) for name, value in each.items()}}
            for each, length in zip(counts.values(), lengths, strict=True)
        ]
    )
    longest = int(max(row.pop("longest") for row in rows))
    of_all = [{name: int(value) for name, value in row.items()} for row in rows]
    before = list(itertools.accumulate((each["rows"] for each in of_all), initial=0))
    return dict.fromkeys(counts, total(of_all)), before, longest


def _load_best(job: Job, state: TrainingState, gradients: Gradients) -> None:
    path = job.folder / BEST
    if not path.is_file() or storage.file_sha256(path) != state.best_sha256:
        hint = f"remove {job.folder} to train again from the start"
        raise ModelError("the best weights are missing or damaged", file=path, hint=hint)
    gradients.load_best(path)


def _validate_if_due(
    job: Job, state: TrainingState, log: MetricsLog, gradients: Gradients, stop: Stop
) -> None:
    if not state.is_validation_due:
        return
    values = gradients.measured(job.validate, stop)
    if values is None:  # a signal interrupted it: it stays due, and the resumed run measures first
        return
    name, score = next(iter(values.items()))
    if not math.isfinite(score):
        message = f"{job.name}: after step {state.step} {name} is {score}"
        raise DivergedError(message, file=job.folder, hint=HINT)
    log.write(state.step, {"tokens": state.tokens, "flops": state.flops, **values})
    if state.best is None or score <= state.best:  # of equals the last, which is the most trained
        state.best, state.best_step = score, state.step
        state.best_sha256 = gradients.keep_best(job.folder / BEST)
    state.is_validation_due = False
