"""The fine-tunings of a run: one for each arm, task, pre-training seed, fine-tuning seed and learning rate.

Each lies in a folder of its own below RUN/tasks, with the predictions on the test examples.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlm import checkpoint, families
from twinlm.compare.plan.arms import Arm, retuned
from twinlm.compare.stages.own_records import check_answers, read_tuned
from twinlm.errors import DivergedError
from twinlm.evaluate.predictions import read_predictions, write_predictions
from twinlm.prepare import stage
from twinlm.settings import FinetuneSettings, KindSettings, build
from twinlm.settings.tree import given
from twinlm.system import storage
from twinlm.tokenizer import Tokenizer
from twinlm.train.finetune import RESULT, finetune, tidy
from twinlm.train.ranks import ALONE
from twinlm.train.start import untrained

if TYPE_CHECKING:
    from twinlm.compare.run import Run

_DIVERGED = "diverged.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One fine-tuning."""

    arm: Arm
    """Of what."""
    task: str
    """On what, by name."""
    seed: int
    """Of the head's first weights, the order and dropout."""
    first_seed: int
    """Of the pre-training, or of weights that are drawn."""
    learning_rate: float | None = None
    """From the grid; None for the arm's own."""
    labels: int | None = None
    """How many training examples, taken in proportion to the classes; None for all."""

    @property
    def settings(self) -> FinetuneSettings:
        """How it is trained."""
        return retuned(self.arm.settings, self.learning_rate, None).finetune


class Trials:
    """What is fine-tuned in a run; each is done once and found again."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.kept_rates: dict[tuple[str, str], float] = {}
        """By arm and task: found once, see `compare/stages/selection.py`."""
        self._origins: dict[tuple[str, int], dict[str, Any]] = {}

    def of(self, arm: Arm, task: str, **changes: Any) -> list[Trial]:
        """Return the trials of an arm on a task: pre-training seed by pre-training seed."""
        return [
            Trial(arm=arm, task=task, seed=seed, first_seed=first_seed, **changes)
            for first_seed in self.first_seeds(arm)
            for seed in self.run.settings.compare.seeds
        ]

    def first_seeds(self, arm: Arm) -> list[int]:
        """Return the pre-training seeds of an arm; an imported model has been pre-trained once."""
        return self.run.bodies.seeds[: 1 if arm.folder else None]

    def folder(self, trial: Trial) -> Path:
        """Return where a fine-tuning lies."""
        parts = [trial.task, trial.arm.name]
        if trial.first_seed != self.run.settings.seed:
            parts.append(f"pretrained-{trial.first_seed}")
        if trial.labels is not None:
            parts.append(f"labels-{trial.labels}")
        if trial.learning_rate is not None:
            parts.append(f"rate-{trial.learning_rate:g}")
        return Path(self.run.folder, "tasks", *parts, f"seed-{trial.seed}")

    def finetuned(self, trial: Trial) -> checkpoint.Trained:
        """Fine-tune a model, go on with it, or load it.

        With fewer labels it takes as many steps as with all of them, so that both had the same compute.
        Processes share it if its steps have micro-batches; else the leader trains alone, and the others wait.
        """
        run, options = self.run, trial.settings
        ranks = run.ranks if options.micro_batch_examples else ALONE
        ranks.share(options.batch_examples // (options.micro_batch_examples or options.batch_examples))
        start = self._start(trial)
        self._enter(trial)
        if not (self.folder(trial) / RESULT).is_file():
            ranks.call(_called(trial))
        return finetune(
            start,
            run.task(trial.task, trial.labels),
            trial.settings,
            seed=trial.seed,
            precision=run.precision,
            folder=self.folder(trial),
            progress=run.progress,
            stop=run.stop,
            title=self._title(trial),
            least_inputs=len(run.task(trial.task).train),
            ranks=ranks,
        )

    def join(self, arm: dict[str, Any], settings: dict[str, Any], **details: Any) -> None:
        """Take part in a fine-tuning that the leader called to."""
        folder = Path(arm["folder"]) if arm["folder"] else None
        of_kind = build.build(KindSettings, given(settings))
        self.finetuned(Trial(arm=Arm(**{**arm, "folder": folder}, settings=of_kind), **details))

    def spent(self, trial: Trial) -> dict[str, Any]:
        """Return what a finished fine-tuning took and reached on validation examples."""
        return read_tuned(self.folder(trial) / RESULT)

    def tried(self, trial: Trial) -> dict[str, Any] | None:
        """Fine-tune, or find it done; return what it took, or None if it diverged, which is noted."""
        folder = self.folder(trial)
        if not (folder / RESULT).is_file() and not (folder / _DIVERGED).is_file():
            try:
                self.finetuned(trial)
            except DivergedError as error:
                storage.write_json(folder / _DIVERGED, {"message": error.message})
                self.run.progress.say(f"{error.message}: this trial counts as failed")
        self._enter(trial)
        if not (folder / RESULT).is_file():
            return None
        tidy(folder)
        return self.spent(trial)

    def predictions(self, trial: Trial) -> list[dict[str, Any]]:
        """Return what a fine-tuned model says of each test example: id, gold, predicted, and more."""
        path = self.folder(trial) / "predictions.jsonl"
        if not path.is_file():
            write_predictions(path, self.finetuned(trial), self.run.task(trial.task).test)
        self._enter(trial)
        rows, task = read_predictions(path), self.run.task(trial.task)
        check_answers(rows, task, path)
        return rows

    def _enter(self, trial: Trial) -> None:
        """Note what a fine-tuning is made from, or check that it was made from the same."""
        made_from = {
            **self._origin(trial),
            "finetune": trial.settings,
            "task": self.run.task_fingerprints[trial.task],
            "seed": trial.seed,
            "precision": self.run.precision,
            **self.run.settings.processes.numerics,
        }
        if trial.labels is not None:
            made_from["labels"] = trial.labels
        stage.enter(self.folder(trial), made_from)

    def _origin(self, trial: Trial) -> dict[str, Any]:
        """Return what tells the model that a trial begins with; its weights are hashed once."""
        arm, key = trial.arm, (trial.arm.name, trial.first_seed)
        if key not in self._origins:
            start = self._model_folder(trial)
            tokenizer = Tokenizer.from_folder(start) if start else self.run.tokenizer(arm.family)
            self._origins[key] = {
                "start": storage.file_sha256(start / "model.safetensors") if start else "",
                "tokenizer": tokenizer.fingerprint,
                "first_seed": None if start else trial.first_seed,
                "model": arm.settings.model if arm.folder is None else {},
            }
        return self._origins[key]

    def _model_folder(self, trial: Trial) -> Path | None:
        if not trial.arm.pretraining:
            return trial.arm.folder
        return self.run.bodies.folder(trial.arm.pretraining, trial.first_seed) / "model"

    def _start(self, trial: Trial) -> checkpoint.Trained:
        """Return the model that a trial begins with."""
        arm = trial.arm
        if arm.folder is not None:
            return checkpoint.load_model(arm.folder)
        if arm.pretraining:
            return self.run.bodies.trained(arm.pretraining, trial.first_seed)
        family, tokenizer = families.family(arm.family), self.run.tokenizer(arm.family)
        return untrained(family, arm.settings, tokenizer, trial.first_seed)

    def _title(self, trial: Trial) -> str:
        details = [f"seed {trial.seed}"]
        if len(self.first_seeds(trial.arm)) > 1:
            details.append(f"pre-training seed {trial.first_seed}")
        if trial.learning_rate is not None:
            details.append(f"rate {trial.learning_rate:g}")
        if trial.labels is not None:
            details.append(f"{trial.labels} labels")
        return f"fine-tuning {trial.arm.label} on {trial.task}, {', '.join(details)}"


def _called(trial: Trial) -> dict[str, Any]:
    """Return a trial as the call to those who join in it."""
    arm = build.plain(replace(trial.arm, folder=None))
    settings, folder = arm.pop("settings"), str(trial.arm.folder or "")
    details = {name: value for name, value in build.plain(trial).items() if name != "arm"}
    return {"what": "finetune", "arm": {**arm, "folder": folder}, "settings": settings, **details}
