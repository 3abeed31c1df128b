"""What the data doctor looks at: the files that settings name, or what a run has read already."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

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
    """Text and labels."""

    settings: Settings
    """Of the run."""
    tasks: Sequence[ReadTask]
    """As they were read."""
    read: Callable[[Sequence[Watcher], Progress], Checked] | None
    """Shows every document to all watchers; None if there is no text."""
    held_out_shares: tuple[float, float]
    """Of the text to train on, what the run splits off for validation and test."""


def of_files(settings: Settings, progress: Progress) -> Material:
    """Return what settings name; tasks are read.

    Raises:
        UsageError: they name neither text nor labels.
    """
    corpus = settings.corpus
    if not corpus.train and not settings.task:
        hint = "give --corpus.train my-text.txt, --task labels.csv or a settings file"
        raise UsageError("there is nothing to look at", hint=hint)
    tasks = []
    progress.start("reading the tasks", len(settings.task), "tasks")
    for number, given in enumerate(settings.task, 1):
        tasks.append(read_task(given, settings.seed))
        progress.advance(number)
    progress.finish()

    def read(watchers: Sequence[Watcher], progress: Progress) -> Checked:
        return read_corpus(corpus, watchers, progress)

    return Material(
        settings=settings,
        tasks=tasks,
        read=read if corpus.train else None,
        held_out_shares=(
            0 if corpus.valid else corpus.valid_share,
            0 if corpus.test else corpus.test_share,
        ),
    )


def of_prepared(settings: Settings, prepared: Prepared, origin: str) -> Material:
    """Return what was read and split without files that settings name.

    Args:
        settings: of the run.
        prepared: its text and tasks.
        origin: of the tasks' examples, for people.
    """

    def read(watchers: Sequence[Watcher], progress: Progress) -> Checked:
        return show_documents(prepared.documents, watchers, progress)

    given = {task.name: task for task in settings.task}
    tasks = [_as_read(task, given, origin) for task in prepared.tasks.values()]
    return Material(settings=settings, tasks=tasks, read=read, held_out_shares=(0, 0))


def _as_read(task: LabelledTask, given: Mapping[str, TaskSettings], origin: str) -> ReadTask:
    known = given.get(task.name, TaskSettings(name=task.name))
    return ReadTask(
        given=replace(known, train=origin, valid=origin, test=origin),
        sets={split: LabelledSet(getattr(task, split), task.classes) for split in SPLITS},
        task=task,
    )
