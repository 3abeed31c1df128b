"""A run directory: every stage from text and labels to the report, each done once and found again.

    data -> tokenizer -> tokens -> plan -> pre-training x 2 -> fine-tuning x arms x seeds -> report

Call what you need; a stage does those before it first. A run that was killed anywhere goes on where it was.
"""

import contextlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import tomli_w

from twinlm import checkpoint, config, families, hardware, storage
from twinlm.compare import assemble, preparation, scoring, stage
from twinlm.compare.arms import Arm, arm_named, arms
from twinlm.compare.environment import note_environment
from twinlm.compare.plan import check_match, plan_kind
from twinlm.compare.report import write_report
from twinlm.compare.results import Results
from twinlm.data.labelled_task import LabelledTask
from twinlm.data.token_store import TokenStore
from twinlm.errors import UsageError
from twinlm.evaluate.language import Measured, measure
from twinlm.evaluate.predictions import read_predictions, write_predictions
from twinlm.log import Progress
from twinlm.settings import KindSettings, Settings
from twinlm.stopping import Stop
from twinlm.tokenizer import Tokenizer
from twinlm.train.finetune import finetune
from twinlm.train.pretrain import PretrainPlan, pretrain
from twinlm.train.start import load_start, start_fingerprint, untrained


class Run:
    """A run directory under a lock; use it in a `with` block.

    Args:
        folder: the directory, made if needed.
        settings: of the whole run.
        is_demo: take the embedded data instead of the settings' files.
        progress: where to report.
        stop: set by signals.
        command: what was typed, for the report.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        *,
        is_demo: bool,
        progress: Progress,
        stop: Stop,
        command: str = "",
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.is_demo = is_demo
        self.progress = progress
        self.stop = stop
        self.command = command
        self._held = contextlib.ExitStack()
        self._tokenizers: dict[str, Tokenizer] = {}
        self._stores: dict[str, dict[str, TokenStore]] = {}
        self._origins: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        """Take the folder for this process, and note settings and environment in it.

        Raises:
            LockedError: another process holds it.
        """
        self._held.enter_context(storage.lock(self.folder))
        hardware.use_threads(self.settings.threads)
        storage.write_file(self.folder / "settings.toml", self.settings_toml.encode())
        note_environment(self.folder, self.precision, self.progress)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the folder go."""
        self._held.close()

    @property
    def settings_toml(self) -> str:
        """The resolved settings, as a file that gives them again."""
        return tomli_w.dumps(config.plain(self.settings))

    @cached_property
    def precision(self) -> str:
        """Of matrix products in training: "float32" or "bfloat16"."""
        return hardware.precision(self.settings.precision)

    @cached_property
    def prepared(self) -> preparation.Prepared:
        """Text and labels, read and split."""
        if self.is_demo:
            return preparation.prepare_demo(self.settings)
        return preparation.prepare_files(self.settings, self._read_tasks)

    @cached_property
    def _read_tasks(self) -> preparation.ReadTasks:
        return preparation.prepare_tasks(self.settings)

    @property
    def tasks(self) -> Mapping[str, LabelledTask]:
        """The labelled tasks by name; the text to pre-train on need not be there."""
        return self.prepared.tasks if self.is_demo else self._read_tasks.tasks

    @cached_property
    def arms(self) -> list[Arm]:
        """The ways to get a fine-tuned model that are compared."""
        return [arm for arm in arms(self.settings) if arm.is_pretrained or self.settings.compare.untrained]

    def arm(self, name: str) -> Arm:
        """Return an arm by name.

        Raises:
            UsageError: there is none of that name.
        """
        return arm_named(arms(self.settings), name)

    def kind(self, name: str) -> KindSettings:
        """Return the settings of one kind."""
        settings: KindSettings = getattr(self.settings, families.family(name).name)
        return settings

    def task(self, name: str) -> LabelledTask:
        """Return a labelled task by name.

        Raises:
            UsageError: there is none of that name.
        """
        if name not in self.tasks:
            raise UsageError(f"there is no task {name!r}", hint=config.closest(name, self.tasks))
        return self.tasks[name]

    @cached_property
    def task_fingerprints(self) -> dict[str, str]:
        """The SHA-256 of each task's texts and labels, by its name."""
        return {name: stage.fingerprint(config.plain(task)) for name, task in self.tasks.items()}

    def tokenizer(self, kind: str) -> Tokenizer:
        """Return the tokenizer of a kind: trained on the training documents, or of what it goes on from."""
        algorithm = self._algorithm(kind)
        if algorithm not in self._tokenizers:
            if self.kind(kind).pretrain.start:
                made = load_start(self.kind(kind)).tokenizer
            else:
                folder = self.folder / "tokenizers" / algorithm
                made = preparation.prepare_tokenizer(
                    folder, self.prepared, self.settings, algorithm, self.progress
                )
            self._tokenizers[algorithm] = made
        return self._tokenizers[algorithm]

    def stores(self, kind: str) -> dict[str, TokenStore]:
        """Return the tokens of a kind's three splits."""
        algorithm = self._algorithm(kind)
        if algorithm not in self._stores:
            folder = self.folder / "tokens" / algorithm
            self._stores[algorithm] = preparation.prepare_stores(
                folder, self.prepared, self.tokenizer(kind), self.progress
            )
        return self._stores[algorithm]

    @cached_property
    def plans(self) -> dict[str, PretrainPlan]:
        """What each kind's budget buys, by kind; the two must be of one size."""
        plans = {kind: self.plan_of(kind) for kind in families.FAMILIES}
        check_match(list(plans.values()))
        return plans

    def plan_of(self, kind: str) -> PretrainPlan:
        """Return what one kind's budget buys; nothing is asked of the other kind."""
        part = (families.family(kind), self.kind(kind), self.stores(kind)["train"], self.tokenizer(kind))
        return plan_kind(self.folder / "plan" / kind, self.settings, part, precision=self.precision)

    def pretrained(self, kind: str) -> checkpoint.Trained:
        """Pre-train a kind, go on with it, or load it."""
        settings, stores, steps = self.kind(kind), self.stores(kind), self.plan_of(kind).steps
        inputs = {
            "corpus": self.prepared.fingerprint,
            "tokenizer": self.tokenizer(kind).fingerprint,
            "model": config.plain(settings.model),
            "pretrain": config.plain(settings.pretrain),
            "steps": steps,
            "seed": self.settings.seed,
            "precision": self.precision,
            "start": start_fingerprint(settings),
        }
        stage.enter(self.folder / kind, inputs)
        return pretrain(
            families.family(kind),
            settings,
            steps=steps,
            train_store=stores["train"],
            valid_store=stores["valid"],
            tokenizer=self.tokenizer(kind),
            seed=self.settings.seed,
            precision=self.precision,
            folder=self.folder / kind,
            progress=self.progress,
            stop=self.stop,
        )

    def language(self, kind: str) -> dict[str, Measured]:
        """Measure a pre-trained kind on validation and test text."""
        path, settings = self.folder / kind / "language.json", self.kind(kind).pretrain
        if not path.is_file():
            trained, stores, seed = self.pretrained(kind), self.stores(kind), self.settings.seed
            found = {name: measure(trained, stores[name], settings, seed=seed) for name in ("valid", "test")}
            storage.write_json(path, {name: config.plain(value) for name, value in found.items()})
        return {name: Measured(**value) for name, value in storage.read_json(path).items()}

    def finetuned(self, arm: Arm, task_name: str, seed: int) -> checkpoint.Trained:
        """Fine-tune an arm on a task, go on with it, or load it."""
        start = self._start(arm)
        self._enter_finetuning(arm, task_name, seed)
        return finetune(
            start,
            self.task(task_name),
            arm.finetune_settings(self.kind(arm.family).finetune),
            seed=seed,
            precision=self.precision,
            folder=self.arm_folder(arm, task_name, seed),
            progress=self.progress,
            stop=self.stop,
        )

    def predictions(self, arm: Arm, task_name: str, seed: int) -> list[dict[str, Any]]:
        """Return what a fine-tuned model says of each test example: id, gold, predicted, and more."""
        path = self.arm_folder(arm, task_name, seed) / "predictions.jsonl"
        if not path.is_file():
            write_predictions(path, self.finetuned(arm, task_name, seed), self.task(task_name).test)
        self._enter_finetuning(arm, task_name, seed)
        return read_predictions(path)

    def arm_folder(self, arm: Arm, task_name: str, seed: int) -> Path:
        """Return where one fine-tuning lies."""
        return self.folder / "tasks" / task_name / arm.name / f"seed-{seed}"

    def compare(self) -> Results:
        """Do all stages, write report.html, report.md and results.json, and return what was found."""
        kinds = list(self.plans)  # two of unequal sizes are refused before anything is trained
        for name in self.prepared.tasks:
            scoring.baselines(self, self.task(name))  # the cheapest first: it may find a task unfit
        for kind in kinds:
            self.pretrained(kind)
            self.language(kind)
        for name in self.prepared.tasks:
            for arm in self.arms:
                for seed in self.settings.compare.seeds:
                    self.predictions(arm, name, seed)
        results = assemble.results(self)
        write_report(results, self.folder)
        return results

    def _algorithm(self, kind: str) -> Any:
        options = self.settings.tokenizer
        if self.kind(kind).pretrain.start:
            return f"start-of-{kind}"
        return options.algorithm if options.sharing == "shared" else families.family(kind).own_algorithm

    def _enter_finetuning(self, arm: Arm, task_name: str, seed: int) -> None:
        """Note what a fine-tuning is made from, or check that it was made from the same."""
        made_from = {
            **self._origin(arm),
            "finetune": config.plain(arm.finetune_settings(self.kind(arm.family).finetune)),
            "task": self.task_fingerprints[task_name],
            "seed": seed,
            "precision": self.precision,
        }
        stage.enter(self.arm_folder(arm, task_name, seed), made_from)

    def _origin(self, arm: Arm) -> dict[str, Any]:
        """Return what tells the model that an arm is fine-tuned from; its weights are hashed once."""
        if arm.name not in self._origins:
            start = arm.folder or (self.folder / arm.family / "model" if arm.is_pretrained else None)
            tokenizer = Tokenizer.from_folder(start) if start else self.tokenizer(arm.family)
            self._origins[arm.name] = {
                "start": storage.file_sha256(start / "model.safetensors") if start else "",
                "tokenizer": tokenizer.fingerprint,
                "first_seed": None if start else self.settings.seed,
                "model": config.plain(self.kind(arm.family).model) if arm.folder is None else {},
            }
        return self._origins[arm.name]

    def _start(self, arm: Arm) -> checkpoint.Trained:
        """Return the model that an arm is fine-tuned from."""
        if not arm.is_pretrained:
            family, settings = families.family(arm.family), self.kind(arm.family)
            return untrained(family, settings, self.tokenizer(arm.family), self.settings.seed)
        return self.pretrained(arm.family) if arm.folder is None else checkpoint.load_model(arm.folder)
