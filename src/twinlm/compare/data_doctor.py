"""All checks of the data doctor over the text, tasks and sizes that settings name, before any training.

Text is read once; what takes long looks at a sample of it (`data/doctor/reading.py`). The parts:
doctor_tasks.py, doctor_corpus.py, doctor_models.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinlm import storage
from twinlm.compare.doctor_corpus import check_corpus
from twinlm.compare.doctor_models import Laboratory, check_models
from twinlm.compare.doctor_tasks import check_task, check_task_tokens, read_task
from twinlm.data.doctor.findings import Finding, Parts
from twinlm.data.doctor.reading import Sample
from twinlm.errors import UsageError
from twinlm.log import Progress
from twinlm.settings import Settings

_SCRATCH = ".data-doctor"
_ORDER = ("problem", "warning", "note")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was measured and found."""

    facts: Mapping[str, Any]
    """By part: "corpus", "tasks", "tokenizers", "models"."""
    findings: tuple[Finding, ...]
    """Problems first, then warnings, then notes."""

    @property
    def is_healthy(self) -> bool:
        """Whether there is no problem."""
        return all(finding.level != "problem" for finding in self.findings)


def examine(settings: Settings, *, folder: Path, progress: Progress) -> Diagnosis:
    """Look at everything that the settings name.

    Args:
        settings: of a run.
        folder: of the run: its tokenizers are taken if they are there. Nothing in it is changed; what is
            written beside it is removed again.
        progress: where to report.

    Raises:
        UsageError: the settings name neither text nor labels.
    """
    if not settings.corpus.train and not settings.task:
        hint = "give --corpus.train my-text.txt, --task labels.csv or a settings file"
        raise UsageError("there is nothing to look at", hint=hint)
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    for path, checked in _parts(settings, folder, progress):
        place = facts
        for name in path:
            place = place.setdefault(name, {})
        place.update(checked.facts)
        findings += checked.findings
    return Diagnosis(facts, tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.level))))


def _parts(settings: Settings, folder: Path, progress: Progress) -> Iterator[Parts]:
    tasks = []
    progress.start("reading the tasks", len(settings.task), "tasks")
    for number, given in enumerate(settings.task, 1):
        tasks.append(read_task(given, settings.seed))
        progress.advance(number)
    progress.finish()
    sample = Sample()
    text_bytes = 0
    if settings.corpus.train:
        for path, checked in check_corpus(settings, tasks, sample, progress):
            text_bytes = text_bytes or checked.facts.get("train", {}).get("bytes", 0)
            yield path, checked
    for task in tasks:
        for path, checked in check_task(task, progress):
            yield ("tasks", task.given.name, *path), checked
    scratch = folder.parent / _SCRATCH
    removed = scratch if folder.parent.exists() else folder.parent
    with storage.lock(scratch):
        try:
            laboratory = Laboratory(settings, folder, scratch, sample, tasks, progress)
            yield from check_models(laboratory, text_bytes)
            for task in tasks:
                yield from check_task_tokens(task, laboratory.tokenizers, settings)
        finally:
            storage.remove(removed)
