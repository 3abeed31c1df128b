"""Equal tuning: the same learning rates for every arm, chosen on validation examples only, and a ledger.

Every arm gets the same number of trials: rates x pre-training seeds x fine-tuning seeds, for each task. The
rate whose mean validation figure over the seeds is best is kept, the lowest of several; test examples are
not looked at before. Without a grid each arm has one rate, its own.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from twinlm.compare.plan.arms import Arm
from twinlm.compare.stages.finetuning import Trial
from twinlm.errors import DivergedError
from twinlm.evidence.records import Ledger, RateTried

if TYPE_CHECKING:
    from twinlm.compare.run import Run


def chosen(run: "Run", arm: Arm, task: str) -> list[Trial]:
    """Return an arm's trials on a task at the learning rate that did best, training what is not yet.

    Raises:
        DivergedError: no rate came to an end with all seeds.
    """
    rates = run.settings.compare.learning_rates
    if not rates:
        return run.trials.of(arm, task)
    key = (arm.name, task)
    if key not in run.trials.kept_rates:
        means = {rate: validation_mean(run, _at(run, arm, task, rate)) for rate in sorted(rates)}
        best = max(means, key=lambda rate: means[rate])
        if means[best] == -math.inf:
            message = f"{arm.label} on {task} diverged at each of the learning rates {sorted(rates)}"
            raise DivergedError(message, hint="set compare.learning_rates to lower ones")
        run.trials.kept_rates[key] = best
    return _at(run, arm, task, run.trials.kept_rates[key])


def validation_mean(run: "Run", trials: list[Trial]) -> float:
    """Return the mean main figure on validation examples, minus infinity if a trial diverged."""
    spent = [run.trials.tried(trial) for trial in trials]
    if any(row is None for row in spent):
        return -math.inf
    return float(np.mean([next(iter(row["validation"].values())) for row in spent if row]))


def ledger(run: "Run", arm: Arm, task: str) -> Ledger:
    """Return what was tried for an arm on a task, and what it took."""
    kept = chosen(run, arm, task)[0]
    rates: list[float | None] = [*sorted(run.settings.compare.learning_rates)] or [None]
    return Ledger(
        arm=arm.name,
        label=arm.label,
        task=task,
        tried=[_tried(run, _at(run, arm, task, rate)) for rate in rates],
        kept=kept.settings.optimizer.learning_rate,
    )


def _at(run: "Run", arm: Arm, task: str, rate: float | None) -> list[Trial]:
    return run.trials.of(arm, task, learning_rate=rate)


def _tried(run: "Run", trials: list[Trial]) -> RateTried:
    spent = [run.trials.tried(trial) for trial in trials]
    ended = [row for row in spent if row]
    mean = validation_mean(run, trials)
    return RateTried(
        learning_rate=trials[0].settings.optimizer.learning_rate,
        trials=len(trials),
        failed=len(spent) - len(ended) + sum(row["one_answer"] for row in ended),
        validation=None if mean == -math.inf else mean,
        flops=sum(row["flops"] for row in ended),
        seconds=sum(row["seconds"] for row in ended),
    )
