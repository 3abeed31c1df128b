"""A bundle: the part of a finished run from which everybody can compute its scores again, as one folder.

It holds what every model said of every test example, the right answers, settings, fingerprints, records and
report, and the SHA-256 of every file. Texts and weights are left out unless they are asked for: texts may be
private. `bundle/verify.py` checks a bundle.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from msgspec.structs import replace

from twinlm.bundle.differences import differences
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.evidence import multiple_testing
from twinlm.evidence.answers import TaskAnswers, index_name
from twinlm.evidence.details import find_details
from twinlm.evidence.reading import BASELINES, FINE_TUNING, PREDICTIONS, read_answers, read_index
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
"""Of the test examples, by task and id."""


class BundleAbout(Record):
    """What a bundle says of itself: `bundle.json`."""

    FORMAT: ClassVar[int] = 1

    twinlm: str
    """Version that made it."""
    title: str
    """Of the comparison."""
    has_texts: bool
    """Whether the texts of the test examples are in it, and in its report."""
    has_weights: bool
    """Whether the models are in it."""


def make_bundle(
    folder: Path, out: Path, *, has_texts: bool, has_weights: bool, progress: Progress
) -> list[str]:
    """Write the bundle of a finished run, and return what its reader should know, as sentences.

    Args:
        folder: of the run.
        out: of the bundle; must not be there yet.
        has_texts: whether the texts of the test examples, and samples of the models', go into it.
        has_weights: whether the models go into it.
        progress: where to report.

    Raises:
        UsageError: the run has not finished, or `out` is there.
        DataError: the texts have changed since.
        ModelError: files of the run are damaged, or don't give its results.
    """
    storage.require_free(out)
    if not (folder / RECORDS).is_file():
        hint = "give the folder of a comparison that has finished, such as runs/demo"
        raise UsageError(f"there is no {RECORDS} here", file=folder, hint=hint)
    results, view = read_record(Results, folder / RECORDS), Folder(folder)
    lacking = [task.name for task in results.tasks if not (folder / index_name(task.name)).is_file()]
    if lacking:
        hint = "give its command again with this version: finished work is found again"
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
    """Return what a reader of a bundle should know of what is in it, as sentences."""
    found = []
    if not about.has_texts:
        found.append(
            "Texts are left out: the report shows its examples by id only, with right and given answers, "
            "and no samples."
        )
        shown = [task.name for task in results.tasks if task_kind(task.kind).judging.has_texts]
        if shown:
            found.append(
                f"Right and given answers of {', '.join(shown)} are stretches of its texts all the same."
            )
    if not about.has_weights:
        found.append("Weights are left out: their SHA-256 are among the fingerprints.")
    return found


def without_texts(results: Results) -> Results:
    """Return the results without samples, which hold held-out text."""
    return replace(results, language=[replace(item, samples=[]) for item in results.language])


def texts_name(task: str) -> str:
    """Return the name of the file that holds the texts of a task's test examples."""
    return f"tasks/{task}/texts.jsonl"


def _texts(view: Folder, results: Results) -> Texts:
    """Read the test examples again from the files of the settings; they must be those of the run."""
    settings = presets.resolve(view.path / SETTINGS, {})
    is_demo = not settings.corpus.train
    tasks = prepare.prepare_demo(settings).tasks if is_demo else prepare.prepare_tasks(settings).tasks
    for result in results.tasks:
        made_from = view.read_json(f"tasks/{result.name}/{Path(BASELINES).parent}/{INPUTS}")
        if (
            result.name not in tasks
            or stage.fingerprint(build.plain(tasks[result.name])) != made_from["task"]
        ):
            hint = "bundle it where the run was made, with the same files, or without --texts"
            raise DataError(f"the examples of {result.name!r} are not those of the run any more", hint=hint)
    return {
        name: {example.id: example.texts for example in task.test}
        for name, task in tasks.items()
        if name in {result.name for result in results.tasks}
    }


def _check_scores(folder: Path, results: Results, answers: Sequence[TaskAnswers]) -> None:
    found = verdict.with_verdicts(multiple_testing.adjusted([scored(of_task) for of_task in answers]))
    for stored, again in zip(results.tasks, found, strict=True):
        for one in differences(stored, again, f"tasks[{stored.name}]"):
            message = f"{RECORDS} is not what the stored answers give: {one}"
            hint = "it was written by another version: give the command of the run again"
            raise ModelError(message, file=folder / RECORDS, hint=hint)


def _answer_files(view: Folder, results: Results) -> Iterator[str]:
    for task in results.tasks:
        yield index_name(task.name)
        yield f"tasks/{task.name}/{BASELINES}"
        yield f"tasks/{task.name}/{Path(BASELINES).parent}/{INPUTS}"
        for arm in read_index(view, task.name).arms:
            for place in arm.folders.values():
                yield from (f"{place}/{name}" for name in (PREDICTIONS, FINE_TUNING, INPUTS))


def _pretraining_files(folder: Path, results: Results) -> Iterator[str]:
    for place in _pretrainings(folder, results):
        for name in _PRETRAINING:
            if (folder / place / name).is_file():
                yield f"{place}/{name}"


def _weight_files(folder: Path, results: Results) -> Iterator[str]:
    tuned = [
        place
        for task in results.tasks
        for arm in read_index(Folder(folder), task.name).arms
        for place in arm.folders.values()
    ]
    for place in [*_pretrainings(folder, results), *tuned]:
        for path in sorted((folder / place / "model").glob("*")):
            yield str(path.relative_to(folder))


def _pretrainings(folder: Path, results: Results) -> list[str]:
    """Return the folders of pre-trained models, those of further seeds too."""
    names = [item.name for item in results.language]
    seeds = [path for name in names for path in sorted((folder / name).glob("seed-*"))]
    return [*names, *(str(path.relative_to(folder)) for path in seeds)]


def _lines(texts: Mapping[str, Sequence[str]]) -> bytes:
    rows = [{"id": name, "texts": list(of_example)} for name, of_example in texts.items()]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
