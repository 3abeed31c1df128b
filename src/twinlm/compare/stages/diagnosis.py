"""The data doctor's findings, before anything is trained.

    data-doctor/diagnosis.json    all facts and findings, and the fingerprint of the examined data

It is renewed when data or settings change. It stops nothing: what must stop a run does so by itself.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from twinlm import families
from twinlm.compare.workspace import Workspace
from twinlm.data.text.splits import SPLITS
from twinlm.doctor.examine import SCRATCH, examine
from twinlm.doctor.material import Material, of_files, of_prepared
from twinlm.errors import as_model_error
from twinlm.evidence.results import DoctorFinding, DoctorResult
from twinlm.prepare import stage
from twinlm.report.data_section import finding_line
from twinlm.settings import build
from twinlm.system import storage
from twinlm.system.records import as_record, read_record

FOLDER, FOUND = "data-doctor", "diagnosis.json"
_NOTE = "note"
_FIELDS = ("level", "where", "message", "why", "hint")
_EXAMINED = ("seed", "corpus", "task", "tokenizer", "budget", *families.FAMILIES)


class Diagnosis:
    """The data doctor's findings on a run's text and labels."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def result(self) -> DoctorResult | None:
        """Return the findings, examining the data once; None if the settings don't ask for it.

        New problems and warnings are reported through `progress`.
        """
        workspace = self.workspace
        if not workspace.settings.compare.doctor:
            return None
        path, made_from = workspace.folder / FOLDER / FOUND, self._made_from()
        if not path.is_file() or read_record(dict[str, object], path).get("made_from") != made_from:
            storage.write_json(path, {"made_from": made_from, **self._examined()})
            for finding in _result(path).findings:
                workspace.progress.say(f"data doctor: {finding_line(finding)}")
        return _result(path)

    def _examined(self) -> dict[str, Any]:
        workspace = self.workspace
        for kind in families.FAMILIES:
            workspace.tokenizer(kind)  # so that the doctor finds the run's tokenizers and trains none
        scratch = workspace.folder / FOLDER / SCRATCH
        found = examine(
            self._material(), folder=workspace.folder, scratch=scratch, progress=workspace.progress
        )
        return {"findings": [asdict(finding) for finding in found.findings], "facts": found.facts}

    def _material(self) -> Material:
        workspace = self.workspace
        if workspace.is_demo:
            return of_prepared(workspace.settings, workspace.prepared, "the embedded text")
        return of_files(workspace.settings, workspace.progress)

    def _made_from(self) -> str:
        """Return a fingerprint of all that the doctor examines."""
        files = {
            path: storage.file_sha256(Path(path))
            for task in self.workspace.settings.task
            for path in (getattr(task, split) for split in SPLITS)
            if path
        }
        settings = build.plain(self.workspace.settings)
        examined = {name: settings[name] for name in _EXAMINED}
        text = self.workspace.prepared.fingerprint
        return stage.fingerprint({"text": text, "files": files, "settings": examined})


def _result(path: Path) -> DoctorResult:
    """Return what a diagnosis says, without pieces of texts."""
    with as_model_error(path):
        rows = as_record(list[dict[str, object]], storage.read_json(path)["findings"], path)
        found = [{name: row[name] for name in _FIELDS} for row in rows]
    findings = as_record(list[DoctorFinding], found, path)
    return DoctorResult(
        findings=[finding for finding in findings if finding.level != _NOTE],
        notes=sum(finding.level == _NOTE for finding in findings),
    )
