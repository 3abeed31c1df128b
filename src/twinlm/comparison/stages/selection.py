"""Equal tuning: every arm tries the same learning rates, chosen on validation examples only.

Every arm gets as many trials for each task: rates (without a grid its own one) x seeds of both kinds.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from twinlm.comparison.plan.arms import Arm
from twinlm.comparison.stages.finetuning import FinetuningStage, Trial
from twinlm.comparison.workspace import Workspace
from twinlm.errors import DivergedError
from twinlm.evidence.records import Ledger, RateTried


@dataclass
class Selection:
    """The learning rate of each arm on each task, chosen once, and the ledger of what was tried."""

    workspace: Workspace
    finetuning: FinetuningStage
    _kept_rates: dict[tuple[str, str], float] = field(default_factory=dict)  # by arm and task

    def chosen(self, arm: Arm, task: str) -> list[Trial]:
        """Return an arm's trials on a task at its best rate; a DivergedError if a trial diverged at each."""
        rates = self.workspace.settings.compare.learning_rates
        if not rates:
            return self.finetuning.trials(arm, task)
        key = (arm.name, task)
        if key not in self._kept_rates:
            # Ascending, so that of equally good rates the lowest is kept: where models end at chance at all
            # of them, one that is far too high must not win.
            means = {
                rate: self.validation_mean(self.finetuning.trials(arm, task, learning_rate=rate))
                for rate in sorted(rates)
            }
            best = max(means, key=means.__getitem__)
            if means[best] == -math.inf:
                message = f"{arm.label} on {task} diverged at each of the learning rates {sorted(rates)}"
                raise DivergedError(message, hint="set compare.learning_rates to lower ones")
            self._kept_rates[key] = best
        return self.finetuning.trials(arm, task, learning_rate=self._kept_rates[key])

    def validation_mean(self, trials: list[Trial]) -> float:
        """Return the mean main figure on validation examples, minus infinity if a trial diverged."""
        spent = [self.finetuning.tried(trial) for trial in trials]
        if any(row is None for row in spent):
            return -math.inf
        return float(np.mean([next(iter(row.validation.values())) for row in spent if row]))

    def lost_steps(self, task: str) -> dict[str, int]:
        """Return the number of updates left out of the chosen trials on a task, by label."""
        return {
            arm.label: sum(self.finetuning.spent(trial).lost_steps for trial in self.chosen(arm, task))
            for arm in self.workspace.arms
        }

    def ledger(self, arm: Arm, task: str) -> Ledger:
        """Return what was tried for an arm on a task, and what it cost."""
        rates: list[float | None] = [*sorted(self.workspace.settings.compare.learning_rates)] or [None]
        tried = [self._tried(self.finetuning.trials(arm, task, learning_rate=rate)) for rate in rates]
        kept = self.chosen(arm, task)[0].settings.optimizer.learning_rate
        return Ledger(arm=arm.name, label=arm.label, task=task, tried=tried, kept=kept)

    def _tried(self, trials: list[Trial]) -> RateTried:
        spent = [self.finetuning.tried(trial) for trial in trials]
        ended = [row for row in spent if row]
        mean = self.validation_mean(trials)
        return RateTried(
            learning_rate=trials[0].settings.optimizer.learning_rate,
            trials=len(trials),
            failed=len(spent) - len(ended) + sum(row.one_answer for row in ended),
            validation=None if mean == -math.inf else mean,
            flops=sum(row.flops for row in ended),
            seconds=sum(row.seconds for row in ended),
        )
