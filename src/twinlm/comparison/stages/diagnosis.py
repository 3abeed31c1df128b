"""The data doctor's findings, renewed when data or settings change; none stops the run."""

from dataclasses import dataclass
from pathlib import Path

from twinlm import families
from twinlm.comparison.stages.records import KeptDiagnosis, read_kept
from twinlm.comparison.workspace import Workspace
from twinlm.data.text.splits import SPLITS
from twinlm.doctor.examine import SCRATCH, examine
from twinlm.doctor.material import of_files, of_prepared
from twinlm.evidence.results import DoctorFinding, DoctorResult
from twinlm.prepare import stage
from twinlm.report.data_section import finding_line
from twinlm.settings import build
from twinlm.system import storage
from twinlm.system.records import to_json

FOLDER, FOUND = "data-doctor", "diagnosis.json"
_NOTE = "note"
_EXAMINED = ("seed", "corpus", "task", "tokenizer", "budget", *families.FAMILIES)


@dataclass
class Diagnosis:
    """The data doctor's findings on a run's text and labels."""

    workspace: Workspace

    def result(self) -> DoctorResult | None:
        """Examine the data once, and say what is found; None if the settings don't ask for it."""
        workspace = self.workspace
        if not workspace.settings.compare.doctor:
            return None
        path, made_from = workspace.folder / FOLDER / FOUND, self._made_from()
        kept = read_kept(KeptDiagnosis, path, made_from)
        is_new = kept is None
        if kept is None:
            kept = self._examined(made_from)
            storage.write_json(path, to_json(kept))
        findings = [
            DoctorFinding(**{name: getattr(finding, name) for name in DoctorFinding.__struct_fields__})
            for finding in kept.findings
            if finding.level != _NOTE
        ]
        for finding in findings if is_new else ():
            workspace.progress.say(f"data doctor: {finding_line(finding)}")
        return DoctorResult(findings=findings, notes=len(kept.findings) - len(findings))

    def _examined(self, made_from: str) -> KeptDiagnosis:
        workspace = self.workspace
        for kind in families.FAMILIES:
            workspace.tokenizer(kind)  # so that the doctor finds the run's tokenizers and trains none
        if workspace.is_demo:
            material = of_prepared(workspace.settings, workspace.prepared, "the embedded text")
        else:
            material = of_files(workspace.settings, workspace.progress)
        scratch = workspace.folder / FOLDER / SCRATCH
        made = examine(material, folder=workspace.folder, scratch=scratch, progress=workspace.progress)
        return KeptDiagnosis(made_from=made_from, findings=list(made.findings), facts=dict(made.facts))

    def _made_from(self) -> str:
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
