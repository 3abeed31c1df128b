"""How long the trainings of a comparison take, from measured steps of pre-training and of fine-tuning."""

from typing import TYPE_CHECKING

from twinlm import checkpoint, families
from twinlm.checkpoint import Trained
from twinlm.compare.forecast import Training, planned_steps
from twinlm.compare.plan.arms import Arm
from twinlm.compare.stages.finetuning import Trial
from twinlm.core import count
from twinlm.train.finetune_costs import finetune_seconds
from twinlm.train.start import untrained

if TYPE_CHECKING:
    from twinlm.compare.run import Run


class Times:
    """How long each training of a run takes; like ones are timed once."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self._timed_s: dict[object, float] = {}

    def seconds(self, training: Training) -> float:
        """Return the time of a training with its validations, and of a fine-tuning's answers to the test."""
        return (
            self._fine_tuning_s(training.trial)
            if training.trial
            else self._pretraining_s(training.pretraining)
        )

    def _pretraining_s(self, name: str) -> float:
        """Return the time of all steps; validations compute what steps do, but for the backward pass."""
        bodies = self.run.bodies
        pretraining = bodies.pretraining(name)
        like, options = (
            bodies.plans.get(name) or bodies.plans[pretraining.family],
            pretraining.settings.pretrain,
        )
        batches = options.validations * options.validation_sequences / options.batch_sequences
        steps = planned_steps(self.run, pretraining) + batches / count.TRAINING_OVER_FORWARD
        return steps * like.seconds / like.steps

    def _fine_tuning_s(self, trial: Trial) -> float:
        arm, run = trial.arm, self.run
        key = (arm.family, arm.folder, arm.settings.model, arm.settings.finetune, trial.task)
        if key not in self._timed_s:
            self._timed_s[key] = finetune_seconds(
                self._start(arm),
                run.task(trial.task),
                arm.settings.finetune,
                seed=run.settings.seed,
                precision=run.precision,
            )
        return self._timed_s[key]

    def _start(self, arm: Arm) -> Trained:
        """Return a model of an arm's sizes."""
        if arm.folder is not None:
            return checkpoint.load_model(arm.folder)
        family, tokenizer = families.family(arm.family), self.run.tokenizer(arm.family)
        return untrained(family, arm.settings, tokenizer, self.run.settings.seed)
