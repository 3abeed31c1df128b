"""The data doctor: all checks of the text, tasks and sizes of a run, before any training."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinlm.doctor.checks.findings import Finding, Parts
from twinlm.doctor.checks.reading import CorpusSample
from twinlm.doctor.corpus import check_corpus
from twinlm.doctor.material import Material
from twinlm.doctor.models import Laboratory, check_models
from twinlm.doctor.tasks import check_task, check_task_tokens
from twinlm.system import storage
from twinlm.system.log import Progress

SCRATCH = ".data-doctor"  # name of the folder for temporary files
_ORDER = ("problem", "warning", "note")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All facts and findings."""

    facts: Mapping[str, Any]  # measurements by part: "corpus", "tasks", "tokenizers", "models"
    findings: tuple[Finding, ...]  # findings: problems first, then warnings, then notes

    @property
    def is_healthy(self) -> bool:
        """Whether there is no problem."""
        return all(finding.level != "problem" for finding in self.findings)


def examine(material: Material, *, folder: Path, scratch: Path, progress: Progress) -> Diagnosis:
    """Run all checks, with the tokenizers of the run directory `folder`; remove `scratch` at the end."""
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    for path, checked in _parts(material, folder, scratch, progress):
        part = facts
        for name in path:
            part = part.setdefault(name, {})
        part.update(checked.facts)
        findings += checked.findings
    return Diagnosis(facts, tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.level))))


def _parts(material: Material, folder: Path, scratch: Path, progress: Progress) -> Iterator[Parts]:
    settings, tasks = material.settings, material.tasks
    sample = CorpusSample()
    text_bytes = 0
    for path, checked in check_corpus(material, sample, progress):
        text_bytes = text_bytes or checked.facts.get("train", {}).get("bytes", 0)
        yield path, checked
    for task in tasks:
        for path, checked in check_task(task, progress):
            yield ("tasks", task.settings.name, *path), checked
    # The parent is removed too if only the scratch folder makes it exist.
    temporary = scratch if scratch.parent.exists() else scratch.parent
    with storage.lock(scratch):
        try:
            laboratory = Laboratory(settings, folder, scratch, sample, tasks, progress)
            yield from check_models(laboratory, text_bytes * (1 - sum(material.held_out_shares)))
            for task in tasks:
                yield from check_task_tokens(task, laboratory.tokenizers, settings)
        finally:
            storage.remove(temporary)
