"""Verification of a bundle: files against their hashes, scores against the stored predictions.

Scores, intervals, p values, winners and details are computed again with today's code. Pre-training losses,
curves of scores and costs don't follow from predictions and are not checked.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from twinlm.bundle.bundle import ABOUT, ENVIRONMENT, INPUTS, SETTINGS, BundleAbout, notes, texts_name
from twinlm.bundle.differences import Difference, count_values, differences
from twinlm.bundle.files import Written, check_files, files_in, written_files
from twinlm.errors import ModelError, UserError
from twinlm.evidence import multiple_testing
from twinlm.evidence.answers import TaskAnswers, TaskIndex
from twinlm.evidence.details import NAME as DETAILS
from twinlm.evidence.details import Details, find_details
from twinlm.evidence.reading import BASELINES, read_answers, read_index, read_rows
from twinlm.evidence.results import Results
from twinlm.evidence.scores import scored
from twinlm.report import verdict
from twinlm.report.report import MARKDOWN, PAGE, RECORDS, report_files
from twinlm.system import storage
from twinlm.system.foreign_folder import Folder
from twinlm.system.log import Progress
from twinlm.system.records import as_record
from twinlm.version import __version__

_LARGEST_RECORDS = 2**28
_STORED_ONLY = (
    "Not checked, as they don't follow from predictions: pre-training losses, curves of scores, the ledger "
    "of fine-tuning runs, and costs."
)
# Untrusted records may be nonsense of the right types: that the page can't be made is then a finding.
_NONSENSE = (ArithmeticError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """Result of verifying a bundle."""

    files: int
    """Number of files in the manifest."""
    size_bytes: int
    """Total size of these files."""
    seal: str
    """SHA-256 of the manifest; equal to a published one, it shows that nothing was forged."""
    compared: int
    """Number of values computed again and compared; 0 if that was not possible."""
    differences: list[Difference]
    """Differences found."""
    notes: list[str]
    """Remarks for the reader."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Opened:
    """Contents of a bundle."""

    about: BundleAbout
    results: Results
    names_undefined: bool  # whether the results tell which figures are 0 / 0; earlier versions did not
    details: Details
    indices: list[TaskIndex]
    answers: list[TaskAnswers]


def verify_bundle(path: Path, progress: Progress) -> Verification:
    """Check the files of a bundle and compute its scores again; a ModelError if it is not a bundle."""
    folder = Folder(path)
    there, written = files_in(path), written_files(folder)
    found = list(check_files(path, written, there, progress))
    compared, said = 0, [_STORED_ONLY]
    try:
        opened = _opened(folder)
        found += _facts(folder, opened, written)
        found += _scores(opened, progress)
        found += _pages(folder, opened)
        compared = count_values(opened.results.tasks) + count_values(opened.details)
        said = [*notes(opened.about, opened.results), *_of_versions(opened.about), _STORED_ONLY]
    except UserError as error:
        place = Path(error.file).relative_to(path) if error.file else path
        found.append(Difference(where=str(place), stored=error.message, found="what can be scored again"))
    return Verification(
        files=len(written),
        size_bytes=sum(facts.size for facts in written.values()),
        seal=storage.file_sha256(path / storage.MANIFEST),
        compared=compared,
        differences=found,
        notes=said,
    )


def _opened(folder: Folder) -> _Opened:
    about = as_record(BundleAbout, folder.read_json(ABOUT), folder.path / ABOUT)
    stored = folder.read_json(RECORDS, _LARGEST_RECORDS)
    results = as_record(Results, stored, folder.path / RECORDS)
    names = [task.name for task in results.tasks]
    if len(set(names)) < len(names) or not names:
        raise ModelError("each task must have a name of its own", file=folder.path / RECORDS)
    answers = []
    for name in names:
        texts = _texts(folder, name) if about.has_texts else None
        answers.append(read_answers(folder, name, texts))
    return _Opened(
        about=about,
        results=results,
        names_undefined=any("undefined" in score for task in stored["tasks"] for score in task["scores"]),
        details=as_record(Details, folder.read_json(DETAILS, _LARGEST_RECORDS), folder.path / DETAILS),
        indices=[read_index(folder, name) for name in names],
        answers=answers,
    )


def _facts(folder: Folder, opened: _Opened, written: Mapping[str, Written]) -> Iterator[Difference]:
    """Yield differences of settings, environment and fingerprints from the records."""
    results = opened.results
    settings = folder.read(SETTINGS).decode(errors="replace")
    yield from differences(results.settings_toml, settings, f"{RECORDS}: settings_toml")
    yield from differences(results.environment, folder.read_json(ENVIRONMENT), f"{RECORDS}: environment")
    known = {*results.fingerprints.values(), ""}
    for index in opened.indices:
        yield from _origins(folder, index, known)
    for name, facts in written.items():
        is_body = name.endswith("/model/model.safetensors") and not name.startswith("tasks/")
        if is_body and facts.sha256 not in known:
            yield Difference(where=name, stored=facts.sha256, found="no such fingerprint")


def _origins(folder: Folder, index: TaskIndex, known: Collection[str]) -> Iterator[Difference]:
    """Yield fine-tuning runs on other examples than the baselines', or of models without a fingerprint."""
    task = folder.read_json(f"tasks/{index.name}/{Path(BASELINES).parent}/{INPUTS}").get("task")
    for arm in [*index.arms, *index.frozen]:
        for place in arm.folders.values():
            made_from = folder.read_json(f"{place}/{INPUTS}")
            yield from differences(made_from.get("task"), task, f"{place}/{INPUTS}: task")
            for name in ["start"] if arm.is_imported else ["start", "tokenizer"]:
                digest = str(made_from.get(name))
                if digest not in known:
                    where = f"{place}/{INPUTS}: {name}"
                    yield Difference(where=where, stored=digest, found="no such fingerprint")


def _scores(opened: _Opened, progress: Progress) -> Iterator[Difference]:
    """Yield differences of scores, comparisons, verdicts and details from what the answers give."""
    results = opened.results
    progress.start("scoring again", len(opened.answers), "tasks")
    again = []
    for answers in opened.answers:
        again.append(scored(answers))
        progress.advance(len(again))
    progress.finish()
    tasks = verdict.with_verdicts(multiple_testing.adjusted(again))
    found = [*differences(results.tasks, tasks, f"{RECORDS}: tasks")]
    details = find_details(opened.answers, progress)
    found += differences(opened.details.tasks, details.tasks, f"{DETAILS}: tasks")
    found += [
        Difference(
            where=f"{RECORDS}: verdict", stored="nothing of the kind", found=repr(text), is_sentence=True
        )
        for text in verdict.sentences(tasks)
        if text not in results.verdict
    ]
    for item in found:
        is_unnamed = ".undefined" in item.where and not opened.names_undefined
        is_of_version = item.is_sentence or is_unnamed
        if _is_same_version(opened.about) or not is_of_version:
            yield item


def _pages(folder: Folder, opened: _Opened) -> Iterator[Difference]:
    """Yield pages that differ from those the records give."""
    if not _is_same_version(opened.about):
        return
    try:
        made = report_files(opened.results, opened.details)
    except _NONSENSE as error:
        yield Difference(where=PAGE, stored="a page", found=f"none can be made: {type(error).__name__}")
        return
    for name in (PAGE, MARKDOWN):
        if folder.read(name, _LARGEST_RECORDS) != made[name]:
            yield Difference(where=name, stored="another page", found=f"what {RECORDS} and {DETAILS} give")


def _is_same_version(about: BundleAbout) -> bool:
    return about.twinlm == __version__


def _of_versions(about: BundleAbout) -> Sequence[str]:
    if _is_same_version(about):
        return []
    versions = f"Made by twinlm {about.twinlm}, checked by {__version__}"
    return [f"{versions}: only numbers are compared, not sentences or pages."]


def _texts(folder: Folder, task: str) -> dict[str, list[str]]:
    """Return the texts of a task's test examples by id."""
    found = {}
    for number, row in enumerate(read_rows(folder, texts_name(task)), 1):
        texts = row.get("texts")
        is_sound = isinstance(row.get("id"), str) and isinstance(texts, list)
        if not is_sound or not texts or not all(isinstance(text, str) for text in texts):
            raise ModelError(
                "expected an id and a list of texts", file=folder.path / texts_name(task), line=number
            )
        found[row["id"]] = texts
    return found
