"""Text and labels for the data doctor: files that settings name, or what a run has already read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from twinlm.data.labels.labelled import LabelledSet
from twinlm.data.labels.task import LabelledTask
from twinlm.data.text.splits import SPLITS
from twinlm.doctor.checks.findings import Checked
from twinlm.doctor.checks.reading import Watcher, read_corpus, show_documents
from twinlm.doctor.tasks import ReadTask, read_task
from twinlm.errors import UsageError
from twinlm.prepare.prepare import Prepared
from twinlm.settings import Settings, TaskSettings
from twinlm.system.log import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """Text and labels to check."""

    settings: Settings  # settings of the run
    tasks: Sequence[ReadTask]  # tasks as they were read
    read: Callable[[Sequence[Watcher], Progress], Checked] | None  # shows all text; None if there is none
    held_out_shares: tuple[float, float]  # shares of the training text split off for validation and test


def of_files(settings: Settings, progress: Progress) -> Material:
    """Return the material that settings name, its tasks read; a UsageError if they name nothing."""
    corpus = settings.corpus
    if not corpus.train and not settings.task:
        hint = "give --corpus.train my-text.txt, --task labels.csv or a settings file"
        raise UsageError("there is nothing to look at", hint=hint)
    tasks = []
    progress.start("reading the tasks", len(settings.task), "tasks")
    for number, task in enumerate(settings.task, 1):
        tasks.append(read_task(task, settings.seed))
        progress.advance(number)
    progress.finish()
    shares = (0 if corpus.valid else corpus.valid_share, 0 if corpus.test else corpus.test_share)
    read = partial(read_corpus, corpus) if corpus.train else None
    return Material(settings=settings, tasks=tasks, read=read, held_out_shares=shares)


def of_prepared(settings: Settings, prepared: Prepared, origin: str) -> Material:
    """Return the material of a run whose text is not in files; `origin` names the source for people."""
    named = {task.name: task for task in settings.task}
    tasks = [_as_read(task, named, origin) for task in prepared.tasks.values()]
    read = partial(show_documents, prepared.documents)
    return Material(settings=settings, tasks=tasks, read=read, held_out_shares=(0, 0))


def _as_read(task: LabelledTask, named: Mapping[str, TaskSettings], origin: str) -> ReadTask:
    settings = named.get(task.name, TaskSettings(name=task.name))
    return ReadTask(
        settings=replace(settings, train=origin, valid=origin, test=origin),
        sets={split: LabelledSet(getattr(task, split), task.classes) for split in SPLITS},
        task=task,
    )
