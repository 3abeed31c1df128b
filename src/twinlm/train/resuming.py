"""How a training run continues: from its newest intact checkpoint, or after a loss that is not finite."""

import contextlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from twinlm.errors import DivergedError, ModelError, UserError
from twinlm.objectives import Averaging
from twinlm.system import hardware, storage
from twinlm.system.log import MetricsLog, Progress, note_event
from twinlm.system.records import as_record, to_json
from twinlm.train.checkpoints import checkpoints, load_training, remove_loose_parts, roll_back
from twinlm.train.gradients import Gradients
from twinlm.train.job import CHECKPOINTS, Job
from twinlm.train.ranks import Ranks
from twinlm.train.records import Mark, TrainingState, fresh_state

HINT = "lower the learning rate; the last checkpoint is intact"
_MOST_ROLLED_BACK = 3  # a run that diverges more often needs a lower rate


def resume(
    job: Job, log: MetricsLog, gradients: Gradients, ranks: Ranks, progress: Progress
) -> TrainingState:
    """Restore module, optimizer and metrics from the newest intact checkpoint, if any; return its state."""

    def check(values: Mapping[str, Any], path: Path) -> None:
        if (mark := _state(values, path).metrics) is not None:
            log.check(to_json(mark))

    def pass_over(damage: ModelError) -> None:
        progress.say(f"{damage.file}: {damage.message}; the checkpoint before it is used instead")
        note(job, ranks, "checkpoint passed over", file=damage.file, message=damage.message)

    folder = job.folder / CHECKPOINTS
    ranks.from_leader(lambda: remove_loose_parts(folder))
    restore = partial(gradients.restore, optimizer=job.optimizer)
    values = load_training(folder, restore, check=check, pass_over=pass_over)
    state = fresh_state(job.averaging) if values is None else _state(values, folder)
    if values is not None:
        note(job, ranks, "resumed", step=state.step)
    if state.averaging == "micro-batch":
        progress.say(
            f"{job.name}: continues as a version before 0.2.0 began it: each micro-batch counts the same, "
            "however few targets it has, and draws its own masks; its scores are not comparable"
        )
    _check_common_step(job, ranks, state.step)
    # The log holds lines of steps after the checkpoint, which come again.
    if state.metrics is None:
        log.keep_until(state.step)
    else:
        log.cut(to_json(state.metrics))
    return state


def averaging(folder: Path) -> Averaging:
    """Return what a run's losses are means over: what its checkpoints say, or a step for a new run."""
    for path in checkpoints(folder / CHECKPOINTS):
        with contextlib.suppress(UserError):  # a damaged one; `resume` says so
            # Versions before 0.2.0 did not write it; resumed, such a run keeps the mean that it started with.
            state = storage.read_json(path / "state.json")
            return state.get("averaging", "micro-batch") if isinstance(state, dict) else "micro-batch"
    return "step"


def _state(values: Mapping[str, Any], path: Path) -> TrainingState:
    return as_record(TrainingState, {name: values[name] for name in values if name != "format"}, path)


def save(job: Job, state: TrainingState, log: MetricsLog, gradients: Gradients) -> None:
    """Publish a checkpoint, once the metrics up to it are on the disk."""
    state.peak_memory_bytes = max(state.peak_memory_bytes, hardware.peak_memory_bytes())
    state.metrics = Mark(**log.sync())
    gradients.save(job.folder / CHECKPOINTS, job.optimizer, to_json(state), every=job.checkpoint_every)


def leave_out(
    job: Job,
    step: int,
    state: TrainingState,
    problem: str,
    gradients: Gradients,
    ranks: Ranks,
    progress: Progress,
) -> dict[str, float]:
    """Continue without a step's update, as `Job.non_finite` says; return what to log, or a DivergedError.

    "roll_back" returns to the last periodic checkpoint: batches since then do not come again.
    """
    message = f"{job.name}: step {step + 1} has {problem}"
    most = {"stop": 0, "skip": max(1, job.steps // 10), "roll_back": _MOST_ROLLED_BACK}[job.non_finite]
    state.non_finite_steps += 1
    if state.non_finite_steps > most:
        before = f", and so had {most} before" if most else ""
        raise DivergedError(message + before, file=job.folder, hint=HINT)
    lost = 1
    if job.non_finite == "roll_back":
        periodic = step // job.checkpoint_every * job.checkpoint_every
        restore = partial(gradients.restore, optimizer=job.optimizer)
        roll_back(job.folder / CHECKPOINTS, periodic, restore)
        lost += step - periodic
    state.lost_steps += lost
    progress.say(f"{message}: {lost} of {step + 1} updates left out")
    note(job, ranks, "not finite", step=step + 1, lost=lost, message=message)
    return {"lost": lost}


def note(job: Job, ranks: Ranks, event: str, **facts: Any) -> None:
    """Note something among the run's events, if this process leads."""
    if ranks.leads:
        note_event(job.folder, event, **facts)


def _check_common_step(job: Job, ranks: Ranks, step: int) -> None:
    steps = {int(row["step"]) for row in ranks.gather([{"step": step}])}
    if len(steps) > 1:
        message = f"the processes see checkpoints of different steps: {sorted(steps)}"
        raise ModelError(message, file=job.folder, hint="all must see one folder, on a disk that they share")
