"""The twins of a run directory, or of model folders, for the page."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from twinlm.checkpoint import Trained, require_part
from twinlm.errors import UsageError
from twinlm.evidence.details import Details
from twinlm.evidence.reading import read_details, read_index
from twinlm.evidence.results import Results
from twinlm.families import FAMILIES
from twinlm.page.models import PageModel
from twinlm.page.page import Twins, page
from twinlm.report.report import PAGE, RECORDS, TWINS, write_report
from twinlm.system import storage
from twinlm.system.foreign_folder import Folder
from twinlm.system.records import read_record, to_json
from twinlm.use.load import find_model, load

TITLE = "GPT and BERT read the same sentence"
_MOST_EXAMPLES, _LONGEST_EXAMPLE = 4, 90
_CLASSES = "classification"


def default_path(folders: Sequence[Path]) -> Path:
    """Return where a page is written unless told otherwise: beside a run's report, or here."""
    return folders[0] / TWINS if is_run(folders) else Path(TWINS)


def write_page(folders: Sequence[Path], out: Path) -> Twins:
    """Write the page of a run directory, or of one or two model folders, and return what it shows.

    Beside a run's report, both link to each other.

    Raises:
        UsageError: there are too many folders, or two models of one kind.
        ModelError: a folder is no run and no model, a model is damaged, or the page would be too large.
        ResourceError: the page can't be written.
    """
    twins = twins_of_run(folders[0], beside=out) if is_run(folders) else twins_of_models(folders)
    storage.write_file(out, page(twins).encode())
    if twins.report and out.name == TWINS:
        (folder,) = folders
        write_report(read_record(Results, folder / RECORDS), folder, read_details(folder), is_whole=False)
    return twins


def twins_of_models(folders: Sequence[Path]) -> Twins:
    """Return the twins in model folders: one GPT, one BERT, or both."""
    models: dict[str, PageModel] = {}
    for folder in folders:
        trained = load(folder)
        if trained.task is not None:
            hint = "give its run directory, whose page shows all fine-tuned models, or the pre-trained model"
            raise UsageError(f"this {trained.family.label} was fine-tuned", file=folder, hint=hint)
        kind = trained.family.template
        if kind in models:
            message = f"both folders hold a {trained.family.label}: {models[kind].name} and {folder}"
            raise UsageError(message, hint="give one model of each kind")
        models[kind] = as_reader(trained.family.name, trained)
    return Twins(title=TITLE, models=list(models.values()), notes=missing_kinds(models.values()))


def twins_of_run(
    folder: Path, *, beside: Path | None = None, read: Callable[[Path], Trained | None] = load
) -> Twins:
    """Return the twins of a run directory.

    The page links to the report if it is written `beside` it. `read` returns the model in a folder, or None
    to leave it out.
    """
    paths = {name: folder / name for name in FAMILIES if _is_model(folder / name)}
    if not paths:
        find_model(folder)  # says what the folder is instead
    kinds: dict[str, str] = {}
    for name in paths:  # a third kind is not shown: it may compute otherwise
        kinds.setdefault(FAMILIES[name].template, name)
    read_models = {name: read(paths[name]) for name in kinds.values()}
    models = [as_reader(name, trained) for name, trained in read_models.items() if trained is not None]
    results = read_record(Results, folder / RECORDS) if (folder / RECORDS).is_file() else None
    if results is None:
        return Twins(title=TITLE, models=models, notes=missing_kinds(models))
    details = read_details(folder)
    tasks: list[dict[str, Any]] = []
    for task in results.tasks:
        tuned = _tuned(folder, task.name, list(kinds.values()), read) if task.kind == _CLASSES else []
        tasks.append({"name": task.name, "kind": task.kind, "models": [model.name for model in tuned]})
        models += tuned
    is_beside = beside is not None and beside.resolve().parent == folder.resolve()
    return Twins(
        title=results.title,
        models=models,
        tasks=tasks,
        verdict=results.verdict,
        disagreements=_disagreements(details, list(kinds.values())),
        examples=_examples(results, details),
        notes=missing_kinds(models),
        attribution=results.attribution,
        report=PAGE if is_beside and (folder / PAGE).is_file() else "",
    )


def is_run(folders: Sequence[Path]) -> bool:
    """Tell whether these are one run directory, not folders of models."""
    return len(folders) == 1 and not _is_model(folders[0])


def _is_model(folder: Path) -> bool:
    return any((path / "config.json").is_file() for path in (folder, folder / "model"))


def as_reader(name: str, trained: Trained) -> PageModel:
    """Return a pre-trained model for the page; a ModelError if it can't tell which words it expects."""
    if not trained.family.is_generative:
        require_part(trained, "masked_token_head")
    return PageModel(name=name, label=trained.family.label, trained=trained)


def _tuned(
    folder: Path, task: str, kinds: Sequence[str], read: Callable[[Path], Trained | None]
) -> list[PageModel]:
    """Return each kind's first fine-tuned model of a task."""
    arms = {arm.arm: arm for arm in read_index(Folder(folder), task).arms}
    models = []
    for kind in kinds:
        if kind not in arms:
            continue
        trained = read(folder / next(iter(arms[kind].folders.values())))
        if trained is not None:
            models.append(
                PageModel(name=f"{task}/{kind}", label=arms[kind].label, trained=trained, base=kind)
            )
    return models


def missing_kinds(models: Iterable[PageModel]) -> list[str]:
    """Return a remark on the kind that is not shown, if there is one."""
    kinds = {model.trained.family.template for model in models}
    return [
        f"There is no {family.label} here, so the page shows only one of the two."
        for family in FAMILIES.values()
        if family.template not in kinds
    ][:1]


def _disagreements(details: Details | None, kinds: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"task": task.task, **to_json(pair)}
        for task in (details.tasks if details else [])
        for pair in task.disagreements
        if [pair.first, pair.second] == list(kinds)
    ]


def _examples(results: Results, details: Details | None) -> list[str]:
    """Return beginnings of held-out texts: whole sentences where they are short."""
    texts = [text for task in (details.tasks if details else []) for text in _told(task.disagreements)]
    texts += [sample["original"] for language in results.language for sample in language.samples]
    found = dict.fromkeys(_beginning(text) for text in texts)
    return [text for text in found if text][:_MOST_EXAMPLES]


def _told(disagreements: Any) -> list[str]:
    return [telling.texts[0] for pair in disagreements for telling in pair.tellings if telling.texts]


def _beginning(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= _LONGEST_EXAMPLE:
        return text
    cut = text[:_LONGEST_EXAMPLE].rpartition(" ")[0] or text[:_LONGEST_EXAMPLE]
    sentence = cut.rpartition(". ")[0]
    return f"{sentence}." if len(sentence) > 30 else cut
