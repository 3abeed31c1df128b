"""A bundle: the part of a finished run from which anybody can compute its scores again, as one folder.

It contains every model's answers, the right answers, settings, fingerprints, records and report, and the
SHA-256 of every file. Texts, which may be private, and weights are included only on request.
`bundle/verify.py` checks a bundle.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import ClassVar

from msgspec.structs import replace

from twinlm.bundle.differences import differences
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.evidence import multiple_testing
from twinlm.evidence.answers import TaskAnswers, index_name
from twinlm.evidence.details import find_details
from twinlm.evidence.reading import BASELINES, FINE_TUNING, PREDICTIONS, PROBE, read_answers, read_index
from twinlm.evidence.results import Results
from twinlm.evidence.scores import scored
from twinlm.prepare import prepare, stage
from twinlm.report import verdict
from twinlm.report.report import RECORDS, report_files
from twinlm.settings import build, presets
from twinlm.system import storage
from twinlm.system.foreign_folder import Folder
from twinlm.system.log import Progress
from twinlm.system.records import Record, read_record, to_json
from twinlm.tasks.table import task_kind
from twinlm.version import __version__

ABOUT = "bundle.json"
SETTINGS, ENVIRONMENT = "settings.toml", "environment.json"
INPUTS = "inputs.json"
_PRETRAINING = (INPUTS, "pretraining.json", "language.json")
_PIECE_BYTES = 2**24

Texts = Mapping[str, Mapping[str, Sequence[str]]]
"""Texts of the test examples, by task and id."""


class BundleAbout(Record):
    """Facts of a bundle: `bundle.json`."""

    FORMAT: ClassVar[int] = 1

    twinlm: str
    """Version of twinlm that made the bundle."""
    title: str
    """Title of the comparison."""
    has_texts: bool
    """Whether the bundle and its report contain the texts of the test examples."""
    has_weights: bool
    """Whether the bundle contains the models."""


def make_bundle(
    folder: Path, out: Path, *, has_texts: bool, has_weights: bool, progress: Progress
) -> list[str]:
    """Write the bundle of a finished run, and return remarks for its reader.

    `has_texts` includes the texts of the test examples and the models' samples, which must be unchanged.
    """
    storage.require_free(out)
    if not (folder / RECORDS).is_file():
        hint = "give the run directory of a finished comparison, such as runs/demo"
        raise UsageError(f"there is no {RECORDS} here", file=folder, hint=hint)
    results, view = read_record(Results, folder / RECORDS), Folder(folder)
    lacking = [task.name for task in results.tasks if not (folder / index_name(task.name)).is_file()]
    if lacking:
        hint = "repeat the command of the run with this version: finished work is reused"
        raise UsageError(f"this run has no index of the answers to {lacking[0]!r}", file=folder, hint=hint)
    texts = _texts(view, results) if has_texts else {}
    answers = [read_answers(view, task.name, texts.get(task.name)) for task in results.tasks]
    _check_scores(folder, results, answers)
    results = results if has_texts else without_texts(results)
    about = BundleAbout(twinlm=__version__, title=results.title, has_texts=has_texts, has_weights=has_weights)
    files: dict[str, bytes | Iterator[bytes]] = {
        ABOUT: storage.json_bytes(to_json(about)),
        SETTINGS: results.settings_toml.encode(),
        ENVIRONMENT: storage.json_bytes(results.environment),
        **report_files(results, find_details(answers, progress)),
        **{texts_name(task): _lines(of_task) for task, of_task in texts.items()},
        **{name: _pieces(folder / name) for name in _answer_files(view, results)},
        **{name: _pieces(folder / name) for name in _pretraining_files(folder, results)},
    }
    if has_weights:
        files |= {name: _pieces(folder / name) for name in _weight_files(folder, results)}
    storage.publish_folder(out, files)
    return notes(about, results)


def notes(about: BundleAbout, results: Results) -> list[str]:
    """Return remarks on the contents of a bundle, as sentences."""
    remarks = []
    if not about.has_texts:
        remarks.append(
            "Texts are left out: the report shows its examples by id only, with right and given answers, "
            "and no samples."
        )
        shown = [task.name for task in results.tasks if task_kind(task.kind).judging.has_texts]
        if shown:
            remarks.append(f"Right and given answers of {', '.join(shown)} still quote its texts.")
    if not about.has_weights:
        remarks.append("Weights are left out: the fingerprints include their SHA-256.")
    return remarks


def without_texts(results: Results) -> Results:
    """Return the results without samples, which quote held-out text."""
    return replace(results, language=[replace(item, samples=[]) for item in results.language])


def texts_name(task: str) -> str:
    """Return the name of the file with the texts of a task's test examples."""
    return f"tasks/{task}/texts.jsonl"


def _texts(view: Folder, results: Results) -> Texts:
    """Read the test examples again from the settings' files; they must be those of the run."""
    settings = presets.resolve(view.path / SETTINGS, {})
    is_demo = not settings.corpus.train
    tasks = prepare.prepare_demo(settings).tasks if is_demo else prepare.prepare_tasks(settings).tasks
    for result in results.tasks:
        made_from = view.read_json(f"tasks/{result.name}/{Path(BASELINES).parent}/{INPUTS}")
        if (
            result.name not in tasks
            or stage.fingerprint(build.plain(tasks[result.name])) != made_from["task"]
        ):
            hint = "bundle it with the same files where the run was made, or without --texts"
            raise DataError(f"the examples of {result.name!r} have changed since the run", hint=hint)
    return {
        name: {example.id: example.texts for example in task.test}
        for name, task in tasks.items()
        if name in {result.name for result in results.tasks}
    }


def _check_scores(folder: Path, results: Results, answers: Sequence[TaskAnswers]) -> None:
    computed = verdict.with_verdicts(multiple_testing.adjusted([scored(of_task) for of_task in answers]))
    for stored, again in zip(results.tasks, computed, strict=True):
        for one in differences(stored, again, f"tasks[{stored.name}]"):
            message = f"{RECORDS} differs from what the stored answers give: {one}"
            hint = "it was written by another version: repeat the command of the run"
            raise ModelError(message, file=folder / RECORDS, hint=hint)


def _answer_files(view: Folder, results: Results) -> Iterator[str]:
    for task in results.tasks:
        yield index_name(task.name)
        yield f"tasks/{task.name}/{BASELINES}"
        yield f"tasks/{task.name}/{Path(BASELINES).parent}/{INPUTS}"
        index = read_index(view, task.name)
        for record, arms in ((FINE_TUNING, index.arms), (PROBE, index.frozen)):
            for inner in chain.from_iterable(arm.folders.values() for arm in arms):
                yield from (f"{inner}/{name}" for name in (PREDICTIONS, record, INPUTS))


def _pretraining_files(folder: Path, results: Results) -> Iterator[str]:
    for inner in _pretrainings(folder, results):
        for name in _PRETRAINING:
            if (folder / inner / name).is_file():
                yield f"{inner}/{name}"


def _weight_files(folder: Path, results: Results) -> Iterator[str]:
    tuned = [
        inner
        for task in results.tasks
        for arm in read_index(Folder(folder), task.name).arms
        for inner in arm.folders.values()
    ]
    for inner in [*_pretrainings(folder, results), *tuned]:
        for path in sorted((folder / inner / "model").glob("*")):
            yield str(path.relative_to(folder))


def _pretrainings(folder: Path, results: Results) -> list[str]:
    """Return the folders of pre-trained models, those of further seeds too."""
    names = [item.name for item in results.language]
    seeds = [path for name in names for path in sorted((folder / name).glob("seed-*"))]
    return [*names, *(str(path.relative_to(folder)) for path in seeds)]


def _lines(texts: Mapping[str, Sequence[str]]) -> bytes:
    return storage.json_lines({"id": name, "texts": list(given)} for name, given in texts.items())


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
