"""What a training run leaves on the disk to go on from, and how it goes on: from its newest whole checkpoint,
or, where a loss is not finite, without the update or from the last regular checkpoint.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from twinlm.errors import DivergedError, ModelError
from twinlm.system import hardware
from twinlm.system.log import MetricsLog, Progress, note_event
from twinlm.train.checkpoints import load_training, remove_loose_parts, roll_back
from twinlm.train.gradients import Gradients
from twinlm.train.job import CHECKPOINTS, Job
from twinlm.train.ranks import Ranks

HINT = "lower the learning rate; the last checkpoint is whole"
_MARK = "metrics"
_MOST_ROLLED_BACK = 3
_LARGEST = 1e30
_KINDS = {float: (int, float), type(None): (int, float, type(None))}
"""What a value may be, by what it is in a fresh state, where that is not all."""


def fresh_state() -> dict[str, Any]:
    """Return what is known of a run that begins."""
    counts = {"step": 0, "tokens": 0, "targets": 0, "flops": 0.0, "seconds": 0.0, "peak_memory_bytes": 0}
    counts |= {"non_finite_steps": 0, "lost_steps": 0}
    best = {"best": None, "best_step": 0, "best_sha256": ""}
    return {**counts, **best, "is_validation_due": False}


def resume(
    job: Job, log: MetricsLog, gradients: Gradients, ranks: Ranks, progress: Progress
) -> dict[str, Any]:
    """Bring module, optimizer and metrics back to the newest whole checkpoint; return its state.

    Without any that is the state of a run that begins.

    Raises:
        ModelError: all checkpoints are damaged, or the processes see different ones.
    """

    def check(state: Mapping[str, Any]) -> None:
        _check_values(state)
        if _MARK in state:
            log.check(state[_MARK])

    def pass_over(damage: ModelError) -> None:
        progress.say(f"{damage.file}: {damage.message}; this checkpoint is passed over for the one before it")
        _note(job, ranks, "checkpoint passed over", file=damage.file, message=damage.message)

    place = job.folder / CHECKPOINTS
    ranks.from_leader(lambda: remove_loose_parts(place))
    restore = partial(gradients.restore, optimizer=job.optimizer)
    found = load_training(place, restore, check=check, pass_over=pass_over)
    if found is not None:
        _note(job, ranks, "resumed", step=found["step"])
    state = fresh_state() | (found or {})
    _check_common_step(job, ranks, state["step"])
    if _MARK in state:
        log.cut(state.pop(_MARK))
    else:
        log.keep_until(state["step"])
    return state


def _check_values(state: Mapping[str, Any]) -> None:
    """Check that a state's values are of the kinds that a fresh one has, and can be computed with."""
    for name, fresh in fresh_state().items():
        found = state.get(name, fresh)
        if type(found) not in _KINDS.get(type(fresh), (type(fresh),)):
            raise TypeError(f"{name} is {found!r}")
        if isinstance(found, int | float) and not abs(found) < _LARGEST:
            raise ValueError(f"{name} is too large")


def save(job: Job, state: dict[str, Any], log: MetricsLog, gradients: Gradients) -> None:
    """Publish a checkpoint, behind metrics that have reached the disk."""
    state["peak_memory_bytes"] = max(state["peak_memory_bytes"], hardware.peak_memory_bytes())
    contents = {**state, _MARK: log.sync()}
    gradients.save(job.folder / CHECKPOINTS, job.optimizer, contents, every=job.checkpoint_every)


def note_stop(job: Job, ranks: Ranks, step: int) -> None:
    """Note among the run's events that it was stopped."""
    _note(job, ranks, "stopped", step=step)


def leave_out(
    job: Job,
    step: int,
    state: dict[str, Any],
    wrong: str,
    gradients: Gradients,
    ranks: Ranks,
    progress: Progress,
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
        raise DivergedError(message + again, file=job.folder, hint=HINT)
    lost = 1
    if job.non_finite == "roll_back":
        regular = step // job.checkpoint_every * job.checkpoint_every
        restore = partial(gradients.restore, optimizer=job.optimizer)
        roll_back(job.folder / CHECKPOINTS, regular, restore)
        lost += step - regular
    state["lost_steps"] += lost
    progress.say(f"{message}: {lost} of {step + 1} updates left out")
    _note(job, ranks, "not finite", step=step + 1, lost=lost, message=message)
    return {"lost": lost}


def _note(job: Job, ranks: Ranks, event: str, **facts: Any) -> None:
    if ranks.leads:
        note_event(job.folder, event, **facts)


def _check_common_step(job: Job, ranks: Ranks, step: int) -> None:
    """Check that all processes go on from one step.

    Raises:
        ModelError: they found different checkpoints.
    """
    steps = {int(row["step"]) for row in ranks.gather([{"step": step}])}
    if len(steps) > 1:
        message = f"the processes found checkpoints of different steps: {sorted(steps)}"
        raise ModelError(message, file=job.folder, hint="all must see one folder, on a disk that they share")
