"""A comparison from text and labels to the report, in a run directory; every stage is done once.

    prepare -> plan -> pre-train -> fine-tune (arms x tasks x seeds) -> evidence -> report

Call a stage, and those it needs run first. A killed run continues where it was.
Next: `comparison/workspace.py`, what all stages share, and `comparison/stages/pretraining.py`, the first.
"""

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from msgspec.structs import replace

from twinlm import families
from twinlm.comparison import assemble
from twinlm.comparison.forecast import Forecast
from twinlm.comparison.rehearsal import Rehearsal
from twinlm.comparison.stages.answers import Answers
from twinlm.comparison.stages.baselines import Baselines
from twinlm.comparison.stages.curves import Curves
from twinlm.comparison.stages.diagnosis import Diagnosis
from twinlm.comparison.stages.finetuning import FinetuningStage
from twinlm.comparison.stages.language import Language
from twinlm.comparison.stages.pretraining import PretrainingStage
from twinlm.comparison.stages.probes import Probes
from twinlm.comparison.stages.selection import Selection
from twinlm.comparison.stages.serving import Serving
from twinlm.comparison.workspace import Workspace
from twinlm.errors import DivergedError, as_model_error
from twinlm.evidence.answers import TaskAnswers
from twinlm.evidence.details import NAME as DETAILS
from twinlm.evidence.details import find_details
from twinlm.evidence.reading import read_details
from twinlm.evidence.results import Results
from twinlm.report.report import has_changed, write_report
from twinlm.settings import Settings, presets
from twinlm.system import hardware, storage
from twinlm.system.arguments import as_path
from twinlm.system.log import Progress, note_event
from twinlm.system.records import read_record
from twinlm.system.stopping import Stop
from twinlm.train.ranks import ALONE, Ranks
from twinlm.version import __version__

ENVIRONMENT = "environment.json"


class Run:
    """A run directory under a lock; use it in a `with` block.

    Args:
        folder: run directory, made if needed.
        settings: settings of the whole run.
        is_demo: use the embedded data instead of the settings' files.
        progress: receiver of progress and messages.
        stop: set by signals.
        command: command line, for the report.
        ranks: processes that share the trainings; the leader does everything else alone.
    """

    def __init__(
        self,
        folder: str | Path,
        settings: Settings,
        *,
        is_demo: bool,
        progress: Progress,
        stop: Stop,
        command: str = "",
        ranks: Ranks = ALONE,
    ) -> None:
        folder = as_path(folder, "folder")
        self.folder = folder
        self.settings = settings
        self.progress = progress
        self.command = command
        self.ranks = ranks
        self._held = contextlib.ExitStack()

        work = Workspace(folder, settings, is_demo=is_demo, progress=progress, stop=stop, ranks=ranks)
        self.workspace = work
        self.diagnosis = Diagnosis(work)
        self.baselines = Baselines(work)
        self.pretraining = PretrainingStage(work)
        self.language = Language(work, self.pretraining)
        self.finetuning = FinetuningStage(work, self.pretraining)
        self.selection = Selection(work, self.finetuning)
        self.probes = Probes(work, self.finetuning)
        self.answers = Answers(work, self.finetuning, self.selection, self.baselines, self.probes)
        self.curves = Curves(work, self.pretraining, self.finetuning, self.selection, self.baselines)
        self.serving = Serving(work, self.finetuning, self.selection)
        self.forecast = Forecast(work, self.pretraining, self.finetuning, self.curves, self.baselines)
        self.rehearsal = Rehearsal(work, self.pretraining, self.language, self.finetuning)

    def __enter__(self) -> Self:
        """Lock the folder, else a LockedError, and note settings and environment in it."""
        threads = hardware.use_threads(self.settings.threads, processes=self.ranks.local_count)
        hardware.keep_freed_memory()
        if not self.ranks.leads:
            return self
        self._held.enter_context(storage.lock(self.folder))
        if self.ranks.count > 1:
            self.progress.say(f"{self.ranks.count} processes, {threads} threads each")
        storage.write_file(self.folder / "settings.toml", self.workspace.settings_toml.encode())
        note_environment(self.folder, self.workspace.precision, self.progress)
        return self

    def __exit__(self, *error: object) -> None:
        """Release the folder."""
        self._held.close()

    def follow(self) -> None:
        """Take part, as a process that does not lead, in each training that the leader calls for."""
        for call in self.ranks.calls():
            with contextlib.suppress(DivergedError):  # the leader decides what a divergence means
                self._join(**call)

    def _join(self, what: str, **details: Any) -> None:
        if what == "pretrain":
            self.pretraining.trained(**details)
        else:
            self.finetuning.join(**details)

    def compare(self) -> Results:
        """Do all stages, write the report and its records, and return the results."""
        self._prepare()
        self._plan()
        self._pretrain()
        self._finetune()
        answers = self._evidence()
        return self._report(answers)

    def check(self) -> None:
        """Refuse settings other than those that a training was started with."""
        for name in self.pretraining.compared:
            self.pretraining.check(name)
        if (self.folder / "tasks").is_dir():  # settings may have changed since
            for trial in self.forecast.trials():
                self.finetuning.check(trial)

    def _prepare(self) -> None:
        self.check()
        self.diagnosis.result()  # first, as it may say why something later fails
        for kind in families.FAMILIES:
            self.workspace.stores(kind)

    def _plan(self) -> None:
        """Plan every training, and refuse before any of them what would fail after them."""
        self.forecast.check_disk()  # models of unequal sizes are refused here too
        self.language.prepare()  # finds bad files of minimal pairs
        for name in self.workspace.prepared.tasks:
            self.baselines.fitted(self.workspace.task(name))  # may find a task unfit
            self.curves.fit_baselines(self.workspace.task(name))
        self.rehearsal.run()
        self.forecast.start_countdown()

    def _pretrain(self) -> None:
        for name in self.pretraining.plans:
            for seed in self.pretraining.seeds:
                self.pretraining.trained(name, seed)
                self.pretraining.language(name, seed)
                self.workspace.attempt("language without labels", partial(self.language.measured, name, seed))

    def _finetune(self) -> None:
        """Fine-tune every arm on every task, at each learning rate of the grid, and predict the test."""
        for name in self.workspace.prepared.tasks:
            for arm in self.workspace.arms:
                for trial in self.selection.chosen(arm, name):
                    self.finetuning.predictions(trial)
        self.curves.fill()

    def _evidence(self) -> list[TaskAnswers]:
        return [self.answers.gathered(task) for task in self.workspace.prepared.tasks.values()]

    def _report(self, answers: Sequence[TaskAnswers]) -> Results:
        """Write the report, with stored details where nothing changed since they were made."""
        results = assemble.results(
            self.workspace,
            answers,
            command=self.command,
            diagnosis=self.diagnosis,
            baselines=self.baselines,
            pretraining=self.pretraining,
            language=self.language,
            finetuning=self.finetuning,
            selection=self.selection,
            probes=self.probes,
            curves=self.curves,
            serving=self.serving,
        )
        details = None if has_changed(results, self.folder) else read_details(self.folder)
        if details is None:
            find = partial(find_details, answers, self.progress)
            details = self.workspace.attempt("details of the answers", find)
            if details is None:
                results = replace(results, caveats=[*results.caveats, self.workspace.left_out_lines[-1]])
            write_report(results, self.folder, details, is_whole=False)
            return results
        with as_model_error(self.folder / DETAILS):  # its records may not fit each other
            write_report(results, self.folder, details)
        return results


def open_run(
    folder: str | Path,
    file: str | Path | None,
    overrides: Mapping[str, str],
    *,
    is_demo: bool,
    progress: Progress,
    stop: Stop,
) -> Run:
    """Return the run of a folder with the settings of a file and overrides, or with those of the demo.

    Raises a UsageError if a setting is not valid.
    """
    settings = presets.resolve(file, overrides, base=presets.DEMO if is_demo else None)
    return Run(folder, settings, is_demo=is_demo, progress=progress, stop=stop)


def note_environment(folder: Path, precision: str, progress: Progress) -> None:
    """Note what bitwise repetition depends on (docs/reliability.md); say and note a change of it."""
    path = folder / ENVIRONMENT
    now = {"twinlm": __version__, "precision": precision, **hardware.describe()}
    if not path.is_file():
        storage.write_json(path, now)
        return
    before = read_record(dict[str, str], path)
    # What an older version did not note is not compared; only a GPU may be missing for another reason.
    changed = [
        f"{key} {before.get(key)} -> {now.get(key)}"
        for key in sorted(before.keys() | now.keys() & {"gpu"})
        if before.get(key) != now.get(key)
    ]
    if changed:
        progress.say(
            "the environment changed since this run started, so it no longer repeats bit by bit: "
            + ", ".join(changed)
        )
        note_event(folder, "environment changed", changed=changed)
