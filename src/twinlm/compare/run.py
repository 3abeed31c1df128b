"""A run directory: every stage from text and labels to the report, each done once and found again.

    data -> tokenizer -> tokens -> plan -> pre-training -> fine-tuning x arms x seeds -> report

Call what you need; a stage does those before it first. A run that was killed anywhere goes on where it was.
Next: `compare/stages/pretraining.py`, what is pre-trained, and `compare/stages/finetuning.py`, what is
fine-tuned.
"""

import contextlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import tomli_w

from twinlm import families
from twinlm.compare import assemble
from twinlm.compare.environment import note_environment
from twinlm.compare.forecast import check_disk
from twinlm.compare.plan.arms import Arm, arm_named, arms
from twinlm.compare.stages import answers as scoring
from twinlm.compare.stages import curves, selection
from twinlm.compare.stages.diagnosis import diagnosed
from twinlm.compare.stages.finetuning import Trials
from twinlm.compare.stages.language import Quality
from twinlm.compare.stages.pretraining import Bodies
from twinlm.data.labels.task import LabelledTask, limited
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import DivergedError, UsageError, as_model_error
from twinlm.evidence.details import NAME as DETAILS
from twinlm.evidence.details import find_details, read_details
from twinlm.evidence.results import Results
from twinlm.prepare import prepare, stage
from twinlm.report.report import has_changed, write_report
from twinlm.settings import UNTRAINED, KindSettings, Settings, build
from twinlm.system import hardware, storage
from twinlm.system.log import Progress
from twinlm.system.stopping import Stop
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer
from twinlm.train.ranks import ALONE, Ranks
from twinlm.train.start import load_start


class Run:
    """A run directory under a lock; use it in a `with` block.

    Args:
        folder: the directory, made if needed.
        settings: of the whole run.
        is_demo: take the embedded data instead of the settings' files.
        progress: where to report.
        stop: set by signals.
        command: what was typed, for the report.
        ranks: the processes that share its trainings. The leader does all else alone.
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
        ranks: Ranks = ALONE,
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.is_demo = is_demo
        self.progress = progress
        self.stop = stop
        self.command = command
        self.ranks = ranks
        self._held = contextlib.ExitStack()
        self._tokenizers: dict[str, Tokenizer] = {}
        self._stores: dict[str, dict[str, TokenStore]] = {}

    def __enter__(self) -> Self:
        """Take the folder for this process, and note settings and environment in it.

        Raises:
            LockedError: another process holds it.
        """
        threads = hardware.use_threads(self.settings.threads, processes=self.ranks.local_count)
        if not self.ranks.leads:
            return self
        self._held.enter_context(storage.lock(self.folder))
        if self.ranks.count > 1:
            self.progress.say(f"{self.ranks.count} processes, {threads} threads each")
        storage.write_file(self.folder / "settings.toml", self.settings_toml.encode())
        note_environment(self.folder, self.precision, self.progress)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the folder go."""
        self._held.close()

    def follow(self) -> None:
        """Take part, as a process that does not lead, in each training that the leader calls to."""
        for call in self.ranks.calls():
            with contextlib.suppress(DivergedError):  # of which the leader thinks what it will
                self._join(**call)

    def _join(self, what: str, **details: Any) -> None:
        if what == "pretrain":
            self.bodies.trained(**details)
        else:
            self.trials.join(**details)

    @property
    def settings_toml(self) -> str:
        """The resolved settings, as a file that gives them again."""
        return tomli_w.dumps(build.plain(self.settings))

    @cached_property
    def precision(self) -> str:
        """Of matrix products in training: "float32" or "bfloat16"."""
        return hardware.precision(self.settings.precision)

    @cached_property
    def prepared(self) -> prepare.Prepared:
        """Text and labels, read and split."""
        if self.is_demo:
            return prepare.prepare_demo(self.settings)
        return prepare.prepare_files(self.settings, self._read_tasks)

    @cached_property
    def _read_tasks(self) -> prepare.ReadTasks:
        return prepare.prepare_tasks(self.settings)

    @property
    def tasks(self) -> Mapping[str, LabelledTask]:
        """The labelled tasks by name; the text to pre-train on need not be there."""
        return self.prepared.tasks if self.is_demo else self._read_tasks.tasks

    @cached_property
    def bodies(self) -> Bodies:
        """What is pre-trained."""
        return Bodies(self)

    @cached_property
    def quality(self) -> Quality:
        """What is asked of the pre-trained models without labels."""
        return Quality(self)

    @cached_property
    def trials(self) -> Trials:
        """What is fine-tuned."""
        return Trials(self)

    @cached_property
    def arms(self) -> list[Arm]:
        """The ways to get a fine-tuned model that are compared."""
        twins = [] if self.settings.compare.untrained else [name + UNTRAINED for name in families.FAMILIES]
        return [arm for arm in arms(self.settings) if arm.name not in twins]

    def arm(self, name: str) -> Arm:
        """Return an arm by name.

        Raises:
            UsageError: there is none of that name.
        """
        return arm_named(self.settings, name)

    def kind(self, name: str) -> KindSettings:
        """Return the settings of one kind."""
        settings: KindSettings = getattr(self.settings, families.family(name).name)
        return settings

    def task(self, name: str, labels: int | None = None) -> LabelledTask:
        """Return a labelled task by name.

        Args:
            name: of the task.
            labels: how many training examples, taken in proportion to the classes; None for all.

        Raises:
            UsageError: there is none of that name, or there are more classes than that.
        """
        if name not in self.tasks:
            raise UsageError(f"there is no task {name!r}", hint=build.closest(name, self.tasks))
        task = self.tasks[name]
        if labels is None:
            return task
        return limited(task, task_kind(task.kind).form, labels, seed=self.settings.seed)

    @cached_property
    def task_fingerprints(self) -> dict[str, str]:
        """The SHA-256 of each task's texts and labels, by its name."""
        return {name: stage.fingerprint(build.plain(task)) for name, task in self.tasks.items()}

    def tokenizer(self, kind: str) -> Tokenizer:
        """Return the tokenizer of a kind: trained on the training documents, or of what it goes on from."""
        algorithm = prepare.tokenizer_name(self.settings, kind)
        if algorithm not in self._tokenizers:
            if self.kind(kind).pretrain.start:
                made = load_start(self.kind(kind)).tokenizer
            else:
                folder = self.folder / "tokenizers" / algorithm
                made = prepare.prepare_tokenizer(
                    folder, self.prepared, self.settings, algorithm, self.progress
                )
            self._tokenizers[algorithm] = made
        return self._tokenizers[algorithm]

    def stores(self, kind: str) -> dict[str, TokenStore]:
        """Return the tokens of a kind's three splits."""
        algorithm = prepare.tokenizer_name(self.settings, kind)
        if algorithm not in self._stores:
            folder = self.folder / "tokens" / algorithm
            self._stores[algorithm] = prepare.prepare_stores(
                folder, self.prepared, self.tokenizer(kind), self.progress
            )
        return self._stores[algorithm]

    def compare(self) -> Results:
        """Do all stages, write the report and its records, and return what was found."""
        bodies, tasks = self.bodies, self.prepared.tasks
        diagnosed(self)  # first, as it may say why a run stops
        trained = [*bodies.plans]  # two of unequal sizes are refused before anything is trained
        check_disk(self)  # and so is too small a disk
        self.quality.prepare()  # and bad files of pairs
        for name in tasks:
            scoring.baselines(self, self.task(name))  # the cheapest first: it may find a task unfit
            curves.fit_baselines(self, self.task(name))
        for name in trained:
            for seed in bodies.seeds:
                bodies.trained(name, seed)
                bodies.language(name, seed)
                self.quality.measured(name, seed)
        for name in tasks:
            for arm in self.arms:
                for trial in selection.chosen(self, arm, name):
                    self.trials.predictions(trial)
        curves.fill(self)
        answers = [scoring.gathered(self, task) for task in tasks.values()]
        results = assemble.results(self, answers)
        details = None if has_changed(results, self.folder) else read_details(self.folder)
        if details is None:
            write_report(results, self.folder, find_details(answers, self.progress))
            return results
        with as_model_error(self.folder / DETAILS):  # its records may not fit each other
            write_report(results, self.folder, details)
        return results
