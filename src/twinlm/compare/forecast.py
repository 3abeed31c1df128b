"""All trainings of a comparison, known before any is begun, with what each will write.

How long they take stands in `compare/plan_time.py`.
"""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twinlm import families
from twinlm.compare.plan.arms import Arm
from twinlm.compare.plan.pretrainings import Pretraining
from twinlm.compare.stages import curves
from twinlm.compare.stages.finetuning import Trial
from twinlm.errors import ResourceError
from twinlm.tokenizer import Tokenizer
from twinlm.train import finetune, pretrain
from twinlm.train.checkpoints import KEPT
from twinlm.train.costs import count_parameters

if TYPE_CHECKING:
    from twinlm.compare.run import Run

_WEIGHT_BYTES = 4
_CHECKPOINT_BYTES = 3 * _WEIGHT_BYTES  # of each weight: itself and Adam's two averages
# Guesses, from the demo (2026-11-27): two lines of logs a step, one of predictions an example.
_STEP_BYTES = 150
_EXAMPLE_BYTES = 250


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """One pre-training or fine-tuning of a run."""

    pretraining: str = ""
    """Name of what is pre-trained; empty for a fine-tuning."""
    trial: Trial | None = None
    """The fine-tuning, if it is one."""
    folder: Path
    """Where it lies."""
    is_done: bool
    """Whether that was before."""
    kept_bytes: int
    """On disk once it is done."""
    working_bytes: int
    """On disk beside those while it runs, at most."""

    @property
    def title(self) -> str:
        """What it is, for people: the same for all seeds, tasks and learning rates."""
        return f"fine-tuning {self.trial.arm.name}" if self.trial else f"pre-training {self.pretraining}"


def trainings(run: "Run") -> list[Training]:
    """Return all that a comparison trains, what is done already among it."""
    found = [
        _pretraining(run, pretraining, seed)
        for pretraining in (*run.bodies.compared.values(), *run.bodies.smaller.values())
        for seed in run.bodies.seeds
    ]
    sizes: dict[str, tuple[int, int]] = {}
    for trial in _trials(run):
        if trial.arm.name not in sizes:
            sizes[trial.arm.name] = _body(run, trial.arm)
        found.append(_fine_tuning(run, trial, *sizes[trial.arm.name]))
    return found


def missing_bytes(planned: list[Training]) -> int:
    """Return what the trainings that are not done will need on disk, at most, beside what is there."""
    waiting = [training for training in planned if not training.is_done]
    kept = sum(max(0, training.kept_bytes - folder_bytes(training.folder)) for training in waiting)
    return kept + max((training.working_bytes for training in waiting), default=0)


def folder_bytes(folder: Path) -> int:
    """Return the size of all files below a folder; 0 if there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def free_bytes(run: "Run") -> int:
    """Return what is free on the disk of a run."""
    return shutil.disk_usage(run.folder).free


def check_disk(run: "Run") -> None:
    """Refuse, before anything is trained, what will not fit on the disk.

    Raises:
        ResourceError: there is less free than the trainings will write.
    """
    missing, free = missing_bytes(trainings(run)), free_bytes(run)
    if missing > free:
        message = f"this comparison will write about {missing / 2**30:,.1f} GiB more, and "
        hint = "free some space, choose another --out, or take fewer arms, seeds or learning rates"
        raise ResourceError(f"{message}{free / 2**30:,.1f} GiB are free", file=run.folder, hint=hint)


def _trials(run: "Run") -> list[Trial]:
    """Return all fine-tunings: of every arm at every learning rate, then those of the curves."""
    rates: list[float | None] = [*sorted(run.settings.compare.learning_rates)] or [None]
    found = []
    for task in run.prepared.tasks:
        for arm in run.arms:
            found += [trial for rate in rates for trial in run.trials.of(arm, task, learning_rate=rate)]
        for axis in curves.axes(run):
            for kind in families.FAMILIES:
                points = curves.smaller_points(run, run.arm(kind), task, axis, rates[0])
                found += [trial for point in points for trial in point.trials]
    return found


def _pretraining(run: "Run", pretraining: Pretraining, seed: int) -> Training:
    family, name = families.family(pretraining.family), pretraining.name
    tokenizer, options = run.tokenizer(family.name), pretraining.settings.pretrain
    parameters, _ = count_parameters(family, pretraining.settings.model, tokenizer.vocab_size)
    steps = planned_steps(run, pretraining)
    kept_checkpoints = min(KEPT, math.ceil(steps / options.checkpoint_every_steps))
    folder = run.bodies.folder(name, seed)
    kept = (kept_checkpoints * _CHECKPOINT_BYTES + 2 * _WEIGHT_BYTES) * parameters  # the best, and the model
    return Training(
        pretraining=name,
        folder=folder,
        is_done=(folder / pretrain.RESULT).is_file(),
        kept_bytes=kept + _tokenizer_bytes(tokenizer, pretraining.family) + _STEP_BYTES * steps,
        working_bytes=_CHECKPOINT_BYTES * parameters,  # the newest, before the oldest is dropped
    )


def planned_steps(run: "Run", pretraining: Pretraining) -> int:
    """Return the steps of a pre-training; one with a share of the budget is not planned for this."""
    plans = run.bodies.plans
    if pretraining.name in plans:
        return plans[pretraining.name].steps
    return int(pretraining.share * plans[pretraining.family].steps)


def _fine_tuning(run: "Run", trial: Trial, parameters: int, tokenizer_bytes: int) -> Training:
    folder, examples = run.trials.folder(trial), len(run.task(trial.task).test)
    # One an epoch, and the newest before the oldest is dropped; all go when it is done.
    checkpoints = KEPT + 1 if trial.settings.epochs > 1 else 1
    return Training(
        trial=trial,
        folder=folder,
        is_done=(folder / finetune.RESULT).is_file(),
        kept_bytes=_WEIGHT_BYTES * parameters + tokenizer_bytes + _EXAMPLE_BYTES * examples,
        working_bytes=(checkpoints * _CHECKPOINT_BYTES + _WEIGHT_BYTES) * parameters,  # and the best
    )


def _body(run: "Run", arm: Arm) -> tuple[int, int]:
    """Return how many weights an arm has below its head, and the size of its tokenizer's files."""
    if arm.folder is not None:
        size_bytes = (arm.folder / "model.safetensors").stat().st_size
        return size_bytes // _WEIGHT_BYTES, _tokenizer_bytes(Tokenizer.from_folder(arm.folder), arm.family)
    family, tokenizer = families.family(arm.family), run.tokenizer(arm.family)
    parameters, _ = count_parameters(family, arm.settings.model, tokenizer.vocab_size)
    return parameters, _tokenizer_bytes(tokenizer, arm.family)


def _tokenizer_bytes(tokenizer: Tokenizer, kind: str) -> int:
    template = families.family(kind).template
    return sum(map(len, tokenizer.to_files(template=template, max_length=0).values()))
