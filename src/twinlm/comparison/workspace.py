"""A run's folder and all that its settings alone decide: text, tasks, arms, tokenizers and token stores."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import tomli_w

from twinlm import families
from twinlm.comparison.countdown import Countdown
from twinlm.comparison.plan.arms import Arm, arm_named, arms
from twinlm.data.labels.task import LabelledTask, limited
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import DataError, UsageError, UserError
from twinlm.prepare import prepare, stage
from twinlm.settings import UNTRAINED, KindSettings, Settings, build
from twinlm.system import hardware
from twinlm.system.log import Progress, note_event
from twinlm.system.stopping import Stop
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer
from twinlm.train.ranks import ALONE, Ranks
from twinlm.train.start import load_start

T = TypeVar("T")


@dataclass
class Workspace:
    """A run's folder; each part is read or made when it is first asked for. Fields are as for `Run`."""

    folder: Path
    settings: Settings
    _: KW_ONLY
    is_demo: bool
    progress: Progress
    stop: Stop
    ranks: Ranks = ALONE
    countdown: Countdown = field(default_factory=Countdown)  # for `compare`, which plans all trainings
    _tokenizers: dict[str, Tokenizer] = field(default_factory=dict)
    _stores: dict[str, dict[str, TokenStore]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # why, by part of the report

    @property
    def settings_toml(self) -> str:
        """The resolved settings as TOML that resolves to the same settings."""
        return tomli_w.dumps(build.plain(self.settings))

    @cached_property
    def precision(self) -> str:
        """Precision of matrix products in training: "float32" or "bfloat16"."""
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
        """Labelled tasks by name; reading them doesn't need the text to pre-train on."""
        return self.prepared.tasks if self.is_demo else self._read_tasks.tasks

    @property
    def task_counts(self) -> Mapping[str, int]:
        """Counts of what reading the tasks left out or changed."""
        return self.prepared.counts if self.is_demo else self._read_tasks.counts

    @cached_property
    def task_fingerprints(self) -> dict[str, str]:
        """SHA-256 of each task's texts and labels, by task name."""
        read = {name: task.as_read(task_kind(task.kind).form) for name, task in self.tasks.items()}
        return {name: stage.fingerprint(build.plain(task.content)) for name, task in read.items()}

    def task(self, name: str, labels: int | None = None) -> LabelledTask:
        """Return a task with `labels` training examples, drawn in proportion to the classes; None for all."""
        if name not in self.tasks:
            raise UsageError(f"there is no task {name!r}", hint=build.closest(name, self.tasks))
        task = self.tasks[name]
        if labels is None:
            return task
        return limited(task, task_kind(task.kind).form, labels, seed=self.settings.seed)

    @cached_property
    def arms(self) -> list[Arm]:
        """Arms of the comparison: the ways to get a fine-tuned model."""
        left_out = [] if self.settings.compare.untrained else [name + UNTRAINED for name in families.FAMILIES]
        return [arm for arm in arms(self.settings) if arm.name not in left_out]

    @property
    def left_out_lines(self) -> list[str]:
        """A sentence for each part that the report lacks, in the order in which they failed."""
        return [f"Left out of this report: {part} ({reason})." for part, reason in self.left_out.items()]

    def attempt(self, part: str, make: Callable[[], T]) -> T | None:
        """Return a part of the report; None if it fails, and note in `left_out` why.

        What another call of the same command would mend still stops it: signals, damaged files, a full disk.
        """
        try:
            made = make()
            self.left_out.pop(part, None)
            return made
        except (DataError, UsageError) as error:
            reason, trace = error.message, ""
        except UserError:
            raise
        except Exception as error:  # a fault of ours must not cost the other parts
            reason, trace = f"{type(error).__name__}: {error}", traceback.format_exc()
        if part not in self.left_out:
            self.left_out[part] = reason
            self.progress.say(f"left out of the report: {part}: {reason}")
            note_event(self.folder, "left out", part=part, reason=reason, trace=trace)
        return None

    def arm(self, name: str) -> Arm:
        """Return an arm by name; a UsageError if there is none."""
        return arm_named(self.settings, name)

    def tokenizer(self, kind: str) -> Tokenizer:
        """Return a kind's tokenizer: trained on the training documents, or that of its start model."""
        name = prepare.tokenizer_name(self.settings, kind)
        if name not in self._tokenizers:
            self._tokenizers[name] = self._prepared_tokenizer(name, getattr(self.settings, kind))
        return self._tokenizers[name]

    def stores(self, kind: str) -> dict[str, TokenStore]:
        """Return the tokens of a kind's three splits by name."""
        name = prepare.tokenizer_name(self.settings, kind)
        if name not in self._stores:
            self._stores[name] = prepare.prepare_stores(
                self.folder / "tokens" / name, self.prepared, self.tokenizer(kind), self.progress
            )
        return self._stores[name]

    def _prepared_tokenizer(self, name: Any, settings: KindSettings) -> Tokenizer:
        if settings.pretrain.start:
            return load_start(settings).tokenizer
        folder = self.folder / "tokenizers" / name
        return prepare.prepare_tokenizer(folder, self.prepared, self.settings, name, self.progress)
