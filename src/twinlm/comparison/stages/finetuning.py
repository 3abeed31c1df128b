"""Fine-tuning: a trial for each arm, task, seed of both kinds, rate. Next: comparison/stages/selection.py."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from twinlm import checkpoint, families
from twinlm.comparison.plan.arms import Arm, retuned
from twinlm.comparison.stages.pretraining import PretrainingStage
from twinlm.comparison.stages.records import check_answers
from twinlm.comparison.workspace import Workspace
from twinlm.errors import DivergedError
from twinlm.evaluate.predictions import read_predictions, write_predictions
from twinlm.prepare import stage
from twinlm.settings import FinetuneSettings, KindSettings, build
from twinlm.settings.tree import given
from twinlm.system import storage
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer
from twinlm.train.finetune import RESULT, finetune, tidy
from twinlm.train.ranks import ALONE
from twinlm.train.records import TuningSpent, read_result
from twinlm.train.start import untrained

_DIVERGED = "diverged.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One fine-tuning run."""

    arm: Arm  # arm whose model is fine-tuned
    task: str  # name of the task
    seed: int  # seed of the head's first weights, the data order and dropout
    first_seed: int  # pre-training seed, or seed of the first weights where nothing is pre-trained
    learning_rate: float | None = None  # learning rate from the grid; None for the arm's own
    labels: int | None = None  # number of training examples, drawn in proportion to the classes; None for all

    @property
    def settings(self) -> FinetuneSettings:
        """Fine-tuning settings of this trial."""
        return retuned(self.arm.settings, self.learning_rate, None).finetune


@dataclass
class FinetuningStage:
    """The fine-tuning runs of a comparison; each is done once and found again."""

    workspace: Workspace
    pretraining: PretrainingStage
    _origins: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)  # by arm and first seed

    def trials(
        self, arm: Arm, task: str, *, learning_rate: float | None = None, labels: int | None = None
    ) -> list[Trial]:
        """Return the trials of an arm on a task, pre-training seed by pre-training seed."""
        return [
            Trial(arm=arm, task=task, seed=seed, first_seed=first, learning_rate=learning_rate, labels=labels)
            for first in self.first_seeds(arm)
            for seed in self.workspace.settings.compare.seeds
        ]

    def first_seeds(self, arm: Arm) -> list[int]:
        """Return the pre-training seeds of an arm; an imported model has one."""
        return self.pretraining.seeds[: 1 if arm.folder else None]

    def folder(self, trial: Trial) -> Path:
        """Return the folder of a trial."""
        parts = [trial.task, trial.arm.name]
        if trial.first_seed != self.workspace.settings.seed:
            parts.append(f"pretrained-{trial.first_seed}")
        if trial.labels is not None:
            parts.append(f"labels-{trial.labels}")
        if trial.learning_rate is not None:
            parts.append(f"rate-{trial.learning_rate:g}")
        return Path(self.workspace.folder, "tasks", *parts, f"seed-{trial.seed}")

    def key(self, trial: Trial) -> Path:
        """Return what a countdown knows a trial by: its folder without the rate.

        Trials at different rates cost the same, and which rate a curve takes is not known in advance.
        """
        return self.folder(replace(trial, learning_rate=None))

    def has_ended(self, trial: Trial) -> bool:
        """Tell whether a trial is done, or diverged and will not be repeated."""
        return any((self.folder(trial) / name).is_file() for name in (RESULT, _DIVERGED))

    def finetuned(self, trial: Trial) -> checkpoint.Trained:
        """Fine-tune a model, resume its fine-tuning, or load it."""
        workspace, options = self.workspace, trial.settings
        # Only micro-batches can be shared; without them the leader trains while the other ranks wait.
        ranks = workspace.ranks if options.micro_batch_examples else ALONE
        ranks.share(options.batch_examples // (options.micro_batch_examples or options.batch_examples))
        start = self.body(trial.arm, trial.first_seed)
        self._enter(trial)
        if not (self.folder(trial) / RESULT).is_file():
            ranks.call(_call(trial))
        return finetune(
            start,
            workspace.task(trial.task, trial.labels),
            trial.settings,
            seed=trial.seed,
            precision=workspace.precision,
            folder=self.folder(trial),
            progress=workspace.countdown.counted(self.key(trial), workspace.progress),
            stop=workspace.stop,
            title=self._title(trial),
            # With fewer labels as many steps as with all of them: equal compute along the curve.
            least_inputs=len(workspace.task(trial.task).train),
            ranks=ranks,
        )

    def join(self, arm: dict[str, Any], settings: dict[str, Any], **details: Any) -> None:
        """Take part in a fine-tuning run that the leader called for."""
        folder = Path(arm["folder"]) if arm["folder"] else None
        of_kind = build.build(KindSettings, given(settings))
        self.finetuned(Trial(arm=Arm(**{**arm, "folder": folder}, settings=of_kind), **details))

    def body(self, arm: Arm, first_seed: int) -> checkpoint.Trained:
        """Return the model that an arm fine-tunes, before it is."""
        if arm.pretraining:
            return self.pretraining.trained(arm.pretraining, first_seed)
        return self.not_pretrained(arm, first_seed)

    def not_pretrained(self, arm: Arm, first_seed: int) -> checkpoint.Trained:
        """Return the imported model of an arm, or one of its sizes with first weights of a seed."""
        if arm.folder is not None:
            return checkpoint.load_model(arm.folder)
        family, tokenizer = families.family(arm.family), self.workspace.tokenizer(arm.family)
        return untrained(family, arm.settings, tokenizer, first_seed)

    def spent(self, trial: Trial) -> TuningSpent:
        """Return what a finished trial cost and reached on validation examples."""
        return read_result(TuningSpent, self.folder(trial) / RESULT)

    def tried(self, trial: Trial) -> TuningSpent | None:
        """Fine-tune unless done; return what it cost and reached, or None if it diverged."""
        folder = self.folder(trial)
        if not self.has_ended(trial):
            try:
                self.finetuned(trial)
            except DivergedError as error:
                storage.write_json(folder / _DIVERGED, {"message": error.message})
                self.workspace.progress.say(f"{error.message}: this trial counts as failed")
        self._enter(trial)
        if not (folder / RESULT).is_file():
            return None
        tidy(folder)
        return self.spent(trial)

    def predictions(self, trial: Trial) -> list[dict[str, Any]]:
        """Return a row for each test example: id, gold, predicted, and more."""
        path, task = self.folder(trial) / "predictions.jsonl", self.workspace.task(trial.task)
        if not path.is_file():
            write_predictions(path, self.finetuned(trial), task.test)
        self._enter(trial)
        rows = read_predictions(path)
        check_answers(rows, task, path)
        return rows

    def check(self, trial: Trial) -> None:
        """Refuse settings other than those that a trial was started with, before its model is there."""
        known = {"finetune": trial.settings, "seed": trial.seed, "precision": self.workspace.precision}
        stage.check(self.folder(trial), known)

    def _enter(self, trial: Trial) -> None:
        inputs = {
            **self.origin(trial.arm, trial.first_seed),
            "finetune": trial.settings,
            "task": self.workspace.task_fingerprints[trial.task],
            "seed": trial.seed,
            "precision": self.workspace.precision,
            **self.workspace.settings.processes.numerics,
        }
        if trial.labels is not None:
            inputs["labels"] = trial.labels
        task = self.workspace.task(trial.task)
        before = {
            task_kind(task.kind).scheme_before([e.gold for e in part]) for part in (task.valid, task.test)
        }
        if before != {task.scheme}:  # versions before 0.2 measured these splits by other figures
            inputs["scheme"] = task.scheme
        stage.enter(self.folder(trial), inputs)

    def origin(self, arm: Arm, first_seed: int) -> dict[str, Any]:
        """Return what identifies the body of an arm, for `inputs.json` of a stage."""
        key = arm.name, first_seed
        if key not in self._origins:
            start = arm.folder
            if arm.pretraining:
                start = self.pretraining.folder(arm.pretraining, first_seed) / "model"
            tokenizer = Tokenizer.from_folder(start) if start else self.workspace.tokenizer(arm.family)
            self._origins[key] = {
                "start": storage.file_sha256(start / "model.safetensors") if start else "",
                "tokenizer": tokenizer.fingerprint,
                "first_seed": None if start else first_seed,
                "model": arm.settings.model if arm.folder is None else {},
            }
        return self._origins[key]

    def _title(self, trial: Trial) -> str:
        details = [f"seed {trial.seed}"]
        if len(self.first_seeds(trial.arm)) > 1:
            details.append(f"pre-training seed {trial.first_seed}")
        if trial.learning_rate is not None:
            details.append(f"rate {trial.learning_rate:g}")
        if trial.labels is not None:
            details.append(f"{trial.labels} labels")
        return f"fine-tuning {trial.arm.label} on {trial.task}, {', '.join(details)}"


def _call(trial: Trial) -> dict[str, Any]:
    arm = build.plain(replace(trial.arm, folder=None))  # all that `join` takes
    settings, folder = arm.pop("settings"), str(trial.arm.folder or "")
    details = {name: value for name, value in build.plain(trial).items() if name != "arm"}
    return {"what": "finetune", "arm": {**arm, "folder": folder}, "settings": settings, **details}
