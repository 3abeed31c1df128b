"""A stage of a run: what the data doctor says of its text and labels before anything is trained.

    data-doctor/diagnosis.json    all facts and findings, and what they are of

Of other data or settings it is made anew. It stops nothing: what must stop a run does so by itself.
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlm import families
from twinlm.data.text.splits import SPLITS
from twinlm.doctor.examine import SCRATCH, examine
from twinlm.doctor.material import Material, of_files, of_prepared
from twinlm.errors import as_model_error
from twinlm.evidence.json_records import checked, read_as
from twinlm.evidence.records import DoctorFinding, DoctorResult
from twinlm.prepare import stage
from twinlm.report.report_doctor import line
from twinlm.settings import build
from twinlm.system import storage

if TYPE_CHECKING:
    from twinlm.compare.run import Run

FOLDER, FOUND = "data-doctor", "diagnosis.json"
_NOTE = "note"
_FIELDS = ("level", "where", "message", "why", "hint")
_LOOKED_AT = ("seed", "corpus", "task", "tokenizer", "budget", *families.FAMILIES)


def diagnosed(run: "Run") -> DoctorResult | None:
    """Return what the data doctor finds, or found before; None if the settings don't want it.

    Problems and warnings are said when they are found.
    """
    if not run.settings.compare.doctor:
        return None
    path, made_from = run.folder / FOLDER / FOUND, _made_from(run)
    if not path.is_file() or read_as(dict[str, object], path).get("made_from") != made_from:
        storage.write_json(path, {"made_from": made_from, **_examined(run)})
        found = _result(path)
        for finding in found.findings:
            run.progress.say(f"data doctor: {line(finding)}")
    return _result(path)


def _examined(run: "Run") -> dict[str, Any]:
    for kind in families.FAMILIES:
        run.tokenizer(kind)  # the doctor takes those of the run
    scratch = run.folder / FOLDER / SCRATCH
    found = examine(_material(run), folder=run.folder, scratch=scratch, progress=run.progress)
    return {"findings": [asdict(finding) for finding in found.findings], "facts": found.facts}


def _material(run: "Run") -> Material:
    if run.is_demo:
        return of_prepared(run.settings, run.prepared, "the embedded text")
    return of_files(run.settings, run.progress)


def _result(path: Path) -> DoctorResult:
    """Return what a diagnosis says, without pieces of texts."""
    with as_model_error(path):
        rows: list[dict[str, Any]] = checked(
            list[dict[str, object]], storage.read_json(path)["findings"], path
        )
        found = [{name: row[name] for name in _FIELDS} for row in rows]
    findings: list[DoctorFinding] = checked(list[DoctorFinding], found, path)
    return DoctorResult(
        findings=[finding for finding in findings if finding.level != _NOTE],
        notes=sum(finding.level == _NOTE for finding in findings),
    )


def _made_from(run: "Run") -> str:
    """Return a fingerprint of all that the doctor looks at."""
    files = {
        path: storage.file_sha256(Path(path))
        for task in run.settings.task
        for path in (getattr(task, split) for split in SPLITS)
        if path
    }
    settings = build.plain(run.settings)
    looked_at = {name: settings[name] for name in _LOOKED_AT}
    return stage.fingerprint({"text": run.prepared.fingerprint, "files": files, "settings": looked_at})
