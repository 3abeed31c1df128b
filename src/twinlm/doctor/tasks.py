"""The data doctor's checks of a labelled task: its files, its labels, and how it fits the models' inputs."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from twinlm.data.labels.examples import Example
from twinlm.data.labels.labelled import LabelledSet
from twinlm.data.labels.task import LabelledTask
from twinlm.data.text.splits import SPLITS
from twinlm.doctor.checks.characters import Characters
from twinlm.doctor.checks.findings import Checked, Finding, Parts, folded, quantiles
from twinlm.doctor.checks.labels import check_labels
from twinlm.doctor.checks.leakage import Target
from twinlm.doctor.checks.reading import Seen, bytes_lost, unreadable
from twinlm.doctor.checks.tokens import check_tokens
from twinlm.doctor.task_splits import check_task_splits
from twinlm.errors import DataError, UsageError
from twinlm.families import FAMILIES, Family
from twinlm.prepare.prepare import build_read_task, read_task_file
from twinlm.settings import KindSettings, Settings, TaskSettings
from twinlm.system.log import Progress
from twinlm.tasks.kind import CUT, TaskConfig
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer

MOST_EXAMPLES = 2000
"""Training examples, and test examples, that are made into inputs to see what is cut."""
CUT_SHARE = 0.05
"""Of the examples, from which on those that are cut are worth a warning."""

_REPLACED = "lines with bad bytes replaced"


@dataclass(frozen=True, slots=True)
class ReadTask:
    """A task as it was read, whether or not a run could use it."""

    given: TaskSettings
    """Its settings."""
    sets: Mapping[str, LabelledSet]
    """What could be read, by split."""
    task: LabelledTask | None
    """What the run would make of it, if it can."""
    checked: Checked = field(default_factory=Checked)
    """What is to be said of the reading."""


def read_task(given: TaskSettings, seed: int) -> ReadTask:
    """Read the files of a task; what can't be read, or used, becomes findings."""
    where, counts = f"task {given.name}", Counter[str]()
    sets: dict[str, LabelledSet] = {}
    findings = [] if given.train else [_without_file(where)]
    for split in SPLITS:
        path = getattr(given, split)
        if path:
            before = counts[_REPLACED]
            try:
                sets[split] = read_task_file(given, path, split, errors="replace", counts=counts)
            except DataError as error:
                findings.append(unreadable(where, error))
            findings += bytes_lost(where, given, counts[_REPLACED] - before)
    task = None
    if "train" in sets and not findings:
        parts = (sets["train"], sets.get("valid"), sets.get("test"))
        try:
            task = build_read_task(given, *parts, seed=seed, counts=counts)
        except (DataError, UsageError) as error:
            findings.append(unreadable(where, error))
    return ReadTask(given, sets, task, Checked({"odd": dict(+counts)}, tuple(findings)))


def held_out_texts(read: ReadTask) -> Iterator[Target]:
    """Yield the different texts of a task that pre-training must not see."""
    form = task_kind(read.given.kind).form
    if read.task:
        examples = (*read.task.valid, *read.task.test)
    else:
        examples = tuple(
            example for split in SPLITS[1:] if split in read.sets for example in read.sets[split].examples
        )
    texts = {
        folded(text): (_place(read.given, example), text)
        for example in examples
        for text in form.documents(example)
    }
    yield from (Target(read.given.name, source, text) for source, text in texts.values())


def check_task(read: ReadTask, progress: Progress) -> Iterator[Parts]:
    """Say what is wrong with the texts and labels of a task."""
    where, form = f"task {read.given.name}", task_kind(read.given.kind).form
    yield (), read.checked
    sets = {
        split: [replace(example, id=_place(read.given, example)) for example in labelled.examples]
        for split, labelled in read.sets.items()
    }
    if not sets:
        return
    characters = Characters(where)
    for split, examples in sets.items():
        for example in examples:
            for text in form.documents(example):
                characters.see(Seen(split, example.id, text, False, 0))
    yield ("characters",), characters.checked()
    yield (), check_labels(where, sets)
    yield ("splits",), check_task_splits(where, sets, form, progress)


def check_task_tokens(
    read: ReadTask, tokenizers: Mapping[str, Tokenizer], settings: Settings
) -> Iterator[Parts]:
    """Say how a task's texts are spelled, and what of its inputs is cut, for each kind of model.

    Args:
        read: the task.
        tokenizers: by kind of model.
        settings: of the run.
    """
    if read.task is None or not tokenizers:
        return
    where, form, seen = f"task {read.given.name}", task_kind(read.given.kind).form, set()
    for name, family in FAMILIES.items():
        tokenizer = tokenizers[name]
        if tokenizer.fingerprint not in seen:
            seen.add(tokenizer.fingerprint)
            texts = [text for example in read.task.test[:MOST_EXAMPLES] for text in form.documents(example)]
            path = ("tasks", read.given.name, "tokens", tokenizer.algorithm)
            yield path, check_tokens(where, tokenizer, texts)
        inputs = _check_inputs(where, read.task, family, tokenizer, getattr(settings, name))
        yield ("tasks", read.given.name, "inputs", family.label), inputs


def _check_inputs(
    where: str, task: LabelledTask, family: Family, tokenizer: Tokenizer, settings: KindSettings
) -> Checked:
    """Make the inputs that fine-tuning would make, and count what is cut."""
    kind = task_kind(task.kind)
    config = TaskConfig(
        kind=task.kind,
        labels=task.classes,
        max_length=min(settings.finetune.max_length, settings.model.max_length),
        stride=settings.finetune.stride,
        dropout=settings.finetune.dropout,
        constants=kind.learn(task.train),
    )
    examples = (*task.train[:MOST_EXAMPLES], *task.test[:MOST_EXAMPLES])
    counts: Counter[str] = Counter()
    lengths = [given.length for given in kind.inputs(examples, family.reader(tokenizer), config, counts)]
    facts = {
        "examples": len(examples),
        "longest allowed": config.max_length,
        "tokens": quantiles(lengths),
        "counted": dict(+counts),
    }
    share = counts[CUT] / len(examples)
    if share < CUT_SHARE:
        return Checked(facts)
    finding = Finding(
        level="warning",
        where=where,
        message=f"{share:.1%} of the inputs of {family.label} are longer than {config.max_length} tokens "
        "and are cut",
        why="what decides may stand in the part that is lost",
        hint="raise finetune.max_length and model.max_length, or cut the texts where it makes sense",
    )
    return Checked(facts, (finding,))


def _place(given: TaskSettings, example: Example) -> str:
    """Return file and row of an example, whose id is such as "train-17"."""
    split, _, row = example.id.rpartition("-")
    return f"{getattr(given, split)} row {row}"


def _without_file(where: str) -> Finding:
    return Finding(
        level="problem",
        where=where,
        message="there is no file to train on",
        why="the run would stop here",
        hint='set train = "labels.csv" in its [[task]]',
    )
