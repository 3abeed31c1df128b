"""All trainings of a comparison, known before any of them starts: how long each takes and what it writes."""

import math
import shutil
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from twinlm import families
from twinlm.comparison.countdown import Waiting
from twinlm.comparison.plan.arms import Arm
from twinlm.comparison.plan.pretrainings import Pretraining
from twinlm.comparison.stages.baselines import Baselines
from twinlm.comparison.stages.curves import Curves
from twinlm.comparison.stages.finetuning import FinetuningStage, Trial
from twinlm.comparison.stages.pretraining import PretrainingStage
from twinlm.comparison.workspace import Workspace
from twinlm.core import count
from twinlm.errors import ResourceError
from twinlm.evidence import scores
from twinlm.evidence.power import Prospect, prospect
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer
from twinlm.train import pretrain
from twinlm.train.checkpoints import KEPT
from twinlm.train.costs import count_parameters, finetune_seconds

_WEIGHT_BYTES = 4
_CHECKPOINT_BYTES = 3 * _WEIGHT_BYTES  # for each weight: itself and Adam's two averages
# Guesses from the demo (2026-11-27): two lines of logs a step, one line of predictions an example.
_STEP_BYTES = 150
_EXAMPLE_BYTES = 250


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """One pre-training or fine-tuning run."""

    pretraining: str = ""  # name of the pre-training; empty for a fine-tuning run
    trial: Trial | None = None  # fine-tuning trial; None for a pre-training run
    folder: Path  # folder that it is stored in
    is_done: bool  # whether it has finished already, or diverged and is not repeated
    kept_bytes: int  # bytes on disk once it is done
    working_bytes: int  # bytes on disk beside those while it runs, at most

    @property
    def title(self) -> str:
        """Title for people: the same for all seeds, tasks and learning rates."""
        return f"fine-tuning {self.trial.arm.name}" if self.trial else f"pre-training {self.pretraining}"


@dataclass
class Forecast:
    """Time and disk space of every training of a comparison; trainings alike are timed once."""

    workspace: Workspace
    pretraining: PretrainingStage
    finetuning: FinetuningStage
    curves: Curves
    baselines: Baselines
    _timed_s: dict[object, float] = field(default_factory=dict)

    def trainings(self) -> list[Training]:
        """Return all trainings of the comparison, finished ones included."""
        trainings = [
            self._pretraining(pretraining, seed)
            for pretraining in (*self.pretraining.compared.values(), *self.pretraining.smaller.values())
            for seed in self.pretraining.seeds
        ]
        trials = self.trials()
        sizes = {
            arm.name: self._body(arm) for arm in {trial.arm.name: trial.arm for trial in trials}.values()
        }
        return trainings + [self._fine_tuning(trial, *sizes[trial.arm.name]) for trial in trials]

    def trials(self) -> list[Trial]:
        """Return all fine-tuning trials: those of the arms at every learning rate, then those of curves."""
        rates: list[float | None] = [*sorted(self.workspace.settings.compare.learning_rates)] or [None]
        trials = []
        for task in self.workspace.tasks:
            for arm in self.workspace.arms:
                for rate in rates:
                    trials += self.finetuning.trials(arm, task, learning_rate=rate)
            for axis, kind in product(self.curves.axes, families.FAMILIES):
                arm = self.workspace.arm(kind)
                for point in self.curves.smaller_points(arm, task, axis, rates[0]):
                    trials += [self._at_known_rate(trial, rates) for trial in point.trials]
        return trials

    def start_countdown(self) -> None:
        """Give the workspace's countdown all trainings, and the estimated time of those that are left."""
        planned = self.trainings()
        waiting = [
            Waiting(
                key=self.finetuning.key(training.trial) if training.trial else training.folder,
                kind="fine-tuning" if training.trial else "pre-training",
                seconds=self.seconds(training),
            )
            for training in planned
            if not training.is_done
        ]
        self.workspace.countdown.plan(len(planned), waiting)

    def seconds(self, training: Training) -> float:
        """Return the time of a training with its validations and, if it is a fine-tuning, its predictions."""
        if training.trial:
            return self._fine_tuning_s(training.trial)
        return self._pretraining_s(training.pretraining)

    def prospects(self) -> list[Prospect]:
        """Return what the test set of each task can show of the two kinds; fits the baselines."""
        tasks, compare = self.workspace.prepared.tasks.values(), self.workspace.settings.compare
        found = []
        for task in tasks:
            best = self.baselines.best(task)
            [measured] = scores.measure(task_kind(task.kind), task, [best.predictions])
            found.append(
                prospect(
                    task.name,
                    next(iter(measured.figures)),
                    best.label,
                    measured.values_E,
                    seeds=len(compare.seeds),
                    pretraining_seeds=compare.pretrainings,
                    claims=len(tasks),
                )
            )
        return found

    def free_bytes(self) -> int:
        """Return the free space on the run's disk."""
        return shutil.disk_usage(self.workspace.folder).free

    def check_disk(self) -> None:
        """Raise a ResourceError if the trainings will write more than is free on the disk."""
        missing, free = missing_bytes(self.trainings()), self.free_bytes()
        if missing > free:
            message = f"this comparison will write about {missing / 2**30:,.1f} GiB more, and "
            message += f"{free / 2**30:,.1f} GiB are free"
            hint = "free some space, choose another --out, or take fewer arms, seeds or learning rates"
            raise ResourceError(message, file=self.workspace.folder, hint=hint)

    def _pretraining(self, pretraining: Pretraining, seed: int) -> Training:
        family, name = families.family(pretraining.family), pretraining.name
        tokenizer, options = self.workspace.tokenizer(family.name), pretraining.settings.pretrain
        parameters, _ = count_parameters(family, pretraining.settings.model, tokenizer.vocab_size)
        steps = self._planned_steps(pretraining)
        kept_checkpoints = min(KEPT, math.ceil(steps / options.checkpoint_every_steps))
        folder = self.pretraining.folder(name, seed)
        # Beside the checkpoints, the best weights and the model.
        kept = (kept_checkpoints * _CHECKPOINT_BYTES + 2 * _WEIGHT_BYTES) * parameters
        return Training(
            pretraining=name,
            folder=folder,
            is_done=(folder / pretrain.RESULT).is_file(),
            kept_bytes=kept + _tokenizer_bytes(tokenizer, pretraining.family) + _STEP_BYTES * steps,
            working_bytes=_CHECKPOINT_BYTES * parameters,  # the newest, before the oldest is dropped
        )

    def _planned_steps(self, pretraining: Pretraining) -> int:
        """Return the steps of a pre-training; a share of the budget is not planned, but scaled."""
        plans = self.pretraining.plans
        if pretraining.name in plans:
            return plans[pretraining.name].steps
        return int(pretraining.share * plans[pretraining.family].steps)

    def _fine_tuning(self, trial: Trial, parameters: int, tokenizer_bytes: int) -> Training:
        folder, examples = self.finetuning.folder(trial), len(self.workspace.task(trial.task).test)
        # One an epoch, and the newest before the oldest is dropped; all are removed at the end.
        checkpoints = KEPT + 1 if trial.settings.epochs > 1 else 1
        return Training(
            trial=trial,
            folder=folder,
            is_done=self.finetuning.has_ended(trial),
            kept_bytes=_WEIGHT_BYTES * parameters + tokenizer_bytes + _EXAMPLE_BYTES * examples,
            working_bytes=(checkpoints * _CHECKPOINT_BYTES + _WEIGHT_BYTES) * parameters,  # and the best
        )

    def _at_known_rate(self, trial: Trial, rates: list[float | None]) -> Trial:
        """Return a curve's trial at the rate chosen for its arm if it was started, else at the lowest."""
        at_rates = [replace(trial, learning_rate=rate) for rate in rates]
        return next((one for one in at_rates if self.finetuning.folder(one).exists()), trial)

    def _body(self, arm: Arm) -> tuple[int, int]:
        if arm.folder is not None:
            weights = (arm.folder / "model.safetensors").stat().st_size // _WEIGHT_BYTES
            return weights, _tokenizer_bytes(Tokenizer.from_folder(arm.folder), arm.family)
        family, tokenizer = families.family(arm.family), self.workspace.tokenizer(arm.family)
        parameters, _ = count_parameters(family, arm.settings.model, tokenizer.vocab_size)
        return parameters, _tokenizer_bytes(tokenizer, arm.family)

    def _pretraining_s(self, name: str) -> float:
        plans, pretraining = self.pretraining.plans, self.pretraining.pretraining(name)
        options = pretraining.settings.pretrain
        batches = options.validations * options.validation_sequences / options.batch_sequences
        # A validation computes what a step does, but for the backward pass.
        steps = self._planned_steps(pretraining) + batches / count.TRAINING_OVER_FORWARD
        like = plans.get(name) or plans[pretraining.family]
        return steps * like.seconds / like.steps

    def _fine_tuning_s(self, trial: Trial) -> float:
        arm, workspace = trial.arm, self.workspace
        key = (arm.family, arm.folder, arm.settings.model, arm.settings.finetune, trial.task)
        if key not in self._timed_s:
            self._timed_s[key] = finetune_seconds(
                self.finetuning.not_pretrained(arm, workspace.settings.seed),
                workspace.task(trial.task),
                arm.settings.finetune,
                seed=workspace.settings.seed,
                precision=workspace.precision,
            )
        return self._timed_s[key]


def missing_bytes(planned: list[Training]) -> int:
    """Return what the unfinished trainings still need on disk, at most."""
    waiting = [training for training in planned if not training.is_done]
    kept = sum(max(0, training.kept_bytes - folder_bytes(training.folder)) for training in waiting)
    return kept + max((training.working_bytes for training in waiting), default=0)


def folder_bytes(folder: Path) -> int:
    """Return the size of all files below a folder; 0 if there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _tokenizer_bytes(tokenizer: Tokenizer, kind: str) -> int:
    template = families.family(kind).template
    return sum(map(len, tokenizer.to_files(template=template, max_length=0).values()))
