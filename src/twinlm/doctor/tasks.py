"""The data doctor's checks of a labelled task: its files, its labels, its splits, and the models' inputs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import Form
from twinlm.data.labels.labelled import LabelledSet
from twinlm.data.labels.task import LabelledTask
from twinlm.data.text.splits import SPLITS
from twinlm.doctor.checks.characters import Characters
from twinlm.doctor.checks.findings import (
    MOST_EXAMPLES,
    Checked,
    Finding,
    Parts,
    excerpt,
    folded,
    level_of,
    quantiles,
)
from twinlm.doctor.checks.labels import Sets, check_labels
from twinlm.doctor.checks.leakage import Target
from twinlm.doctor.checks.near_duplicates import Text, check_near_duplicates
from twinlm.doctor.checks.reading import REPLACED, Seen, bytes_lost, digest_of, unreadable
from twinlm.doctor.checks.tokens import check_tokens, check_told_apart
from twinlm.errors import DataError, UsageError
from twinlm.families import FAMILIES, Family
from twinlm.prepare.prepare import build_read_task, read_task_file
from twinlm.settings import KindSettings, Settings, TaskSettings
from twinlm.system.log import Progress
from twinlm.tasks.kind import CUT
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer
from twinlm.train.transfer import head_config

MOST_INPUTS = 2000  # training examples, and test examples, that are made into inputs to see what is cut
CUT_SHARE = 0.05  # share of cut inputs from which it is a warning
SHARED_SHARE = 0.01  # share of a held-out file's texts in another file from which it is a warning


@dataclass(frozen=True, slots=True)
class ReadTask:
    """A task as it was read, whether or not a run could use it."""

    settings: TaskSettings  # settings of the task
    sets: Mapping[str, LabelledSet]  # examples of the files that could be read, by split
    task: LabelledTask | None  # task as the run would make it; None if it can't
    checked: Checked = field(default_factory=Checked)  # result of the reading


def read_task(settings: TaskSettings, seed: int) -> ReadTask:
    """Read the files of a task as a run would; errors become findings."""
    where, counts = f"task {settings.name}", Counter[str]()
    sets: dict[str, LabelledSet] = {}
    findings = []
    if not settings.train:
        hint = 'set train = "labels.csv" in its [[task]]'
        message = "there is no file to train on"
        findings.append(Finding("problem", where, message, "the run would stop here", hint))
    for split in SPLITS:
        path = getattr(settings, split)
        if path:
            before = counts[REPLACED]
            try:
                sets[split] = read_task_file(settings, path, split, sets, errors="replace", counts=counts)
            except DataError as error:
                findings.append(unreadable(where, error))
            findings += bytes_lost(where, settings, counts[REPLACED] - before)
    task = None
    if "train" in sets and not findings:
        try:
            task = build_read_task(settings, sets, seed=seed, counts=counts)
        except (DataError, UsageError) as error:
            findings.append(unreadable(where, error))
    return ReadTask(settings, sets, task, Checked({"odd": dict(+counts)}, tuple(findings)))


def held_out_texts(read: ReadTask) -> Iterator[Target]:
    """Yield the different texts of a task that pre-training must not see."""
    form = task_kind(read.settings.kind).form
    if read.task:
        examples = (*read.task.valid, *read.task.test)
    else:
        sets = (read.sets[split] for split in SPLITS[1:] if split in read.sets)
        examples = tuple(example for labelled in sets for example in labelled.examples)
    texts = {
        folded(text): (_source(read.settings, example), text)
        for example in examples
        for text in form.documents(example)
    }
    yield from (Target(read.settings.name, source, text) for source, text in texts.values())


def check_task(read: ReadTask, progress: Progress) -> Iterator[Parts]:
    """Check the texts and labels of a task."""
    where, form = f"task {read.settings.name}", task_kind(read.settings.kind).form
    yield (), read.checked
    sets = {
        split: [replace(form.as_read(each), id=_source(read.settings, each)) for each in labelled.examples]
        for split, labelled in read.sets.items()
    }
    if not sets:
        return
    characters = Characters(where)
    for split, example in ((split, example) for split, examples in sets.items() for example in examples):
        for text in form.documents(example):
            characters.see(Seen(split, example.id, text, False, 0))
    yield ("characters",), characters.checked()
    yield (), check_labels(where, sets)
    yield ("splits",), check_task_splits(where, sets, form, progress)
    if read.task:  # also what the run splits off
        sets = {
            split: [replace(each, id=_source(read.settings, each)) for each in getattr(read.task, split)]
            for split in SPLITS
        }
    yield ("order",), check_order(where, sets, form)


def check_task_splits(where: str, sets: Sets, form: Form, progress: Progress) -> Checked:
    """Check for examples that are copies, or almost, within a split and across splits."""
    facts: dict[str, object] = {}
    findings: list[Finding] = []
    by_text = {split: _first_of_each(examples, form) for split, examples in sets.items()}
    for split, examples in sets.items():
        facts[f"{split} examples with a text of another"] = len(examples) - len(by_text[split])
    for first, second in combinations(sets, 2):
        both = [digest for digest in by_text[second] if digest in by_text[first]]
        facts[f"{second} texts that stand in {first}"] = len(both)
        if both:
            pairs = [(by_text[first][digest], by_text[second][digest]) for digest in both]
            findings.append(_shared(where, first, second, pairs, len(by_text[second])))
    near = check_near_duplicates(where, _different(by_text, form), progress)
    return Checked({**facts, "near duplicates": near.facts}, (*findings, *near.findings))


def check_order(where: str, sets: Sets, form: Form) -> Checked:
    """Check for examples of two splits with the same texts in another order: (a, b) and (b, a)."""
    facts: dict[str, object] = {}
    findings: list[Finding] = []
    by_text = {split: _first_of_each(examples, form) for split, examples in sets.items()}
    for first, second in combinations(sets, 2):
        turned = list(_turned(by_text[first], by_text[second], form))
        facts[f"{second} examples that stand in {first} in another order"] = len(turned)
        if turned:
            findings.append(_reordered(where, first, second, turned, len(by_text[second])))
    return Checked(facts, tuple(findings))


def check_task_tokens(
    read: ReadTask, tokenizers: Mapping[str, Tokenizer], settings: Settings
) -> Iterator[Parts]:
    """Check the tokens of a task's texts, and what of its inputs is cut, for each kind of model."""
    if read.task is None or not tokenizers:
        return
    name = read.settings.name
    where, form = f"task {name}", task_kind(read.settings.kind).form
    seen: dict[str, str] = {}
    texts = [text for example in read.task.test[:MOST_INPUTS] for text in form.documents(example)]
    for kind, family in FAMILIES.items():
        tokenizer = tokenizers[kind]
        if tokenizer.fingerprint not in seen:
            seen[tokenizer.fingerprint] = kind
            yield ("tasks", name, "tokens", tokenizer.algorithm), check_tokens(where, tokenizer, texts)
        inputs = _check_inputs(where, read.task, family, tokenizer, getattr(settings, kind))
        yield ("tasks", name, "inputs", family.label), inputs
    if len(seen) > 1:
        different = {FAMILIES[kind].label: tokenizers[kind] for kind in seen.values()}
        yield ("tasks", name, "words told apart"), check_told_apart(where, different, texts)


def _first_of_each(examples: Sequence[Example], form: Form) -> dict[int, Example]:
    firsts: dict[int, Example] = {}
    for example in examples:
        firsts.setdefault(digest_of(*form.split_by(example)), example)
    return firsts


def _shared(
    where: str, first: str, second: str, pairs: Sequence[tuple[Example, Example]], total: int
) -> Finding:
    other = sum(mine.texts == theirs.texts and mine.gold != theirs.gold for mine, theirs in pairs)
    share = len(pairs) / total
    message = (
        f"{len(pairs):,} of {total:,} different texts of {second} are also in {first} ({100 * share:.1f} %), "
    )
    message += f"{other:,} of them with another answer"
    why = "a model that memorized the answer need not understand the text"
    hint = f"none needed if they differ only in white space: the run takes them out of {first}"
    return Finding(level_of(share, SHARED_SHARE), where, message, why, hint, _twins(pairs))


def _turned(
    first: Mapping[int, Example], second: Mapping[int, Example], form: Form
) -> Iterator[tuple[Example, Example]]:
    orders: dict[tuple[str, ...], Example] = {}
    for example in first.values():
        orders.setdefault(_in_one_order(example, form), example)
    for digest, example in second.items():
        texts = _in_one_order(example, form)
        if len(texts) > 1 and texts in orders and digest not in first:
            yield orders[texts], example


def _in_one_order(example: Example, form: Form) -> tuple[str, ...]:
    return tuple(sorted(map(folded, form.documents(example))))


def _reordered(
    where: str, first: str, second: str, pairs: Sequence[tuple[Example, Example]], total: int
) -> Finding:
    share = len(pairs) / total
    message = f"{len(pairs):,} of {total:,} different texts of {second} are also in {first} in another order "
    message += f"({100 * share:.1f} %)"
    why = "a model may answer such a pair from memory; the run leaves out pairs in the same order only"
    hint = f"if the order does not change the answer, remove them from {first}"
    return Finding(level_of(share, SHARED_SHARE), where, message, why, hint, _twins(pairs))


def _twins(pairs: Sequence[tuple[Example, Example]]) -> tuple[str, ...]:
    return tuple(
        f"{theirs.id} is {mine.id} {excerpt(' '.join(theirs.texts))}"
        for mine, theirs in pairs[:MOST_EXAMPLES]
    )


def _different(by_text: Mapping[str, Mapping[int, Example]], form: Form) -> list[Text]:
    """Return the different texts, test before validation before training."""
    firsts: dict[int, Text] = {}
    for split in reversed(list(by_text)):
        for digest, example in by_text[split].items():
            firsts.setdefault(digest, Text(split, example.id, "\n".join(form.split_by(example))))
    return list(firsts.values())


def _check_inputs(
    where: str, task: LabelledTask, family: Family, tokenizer: Tokenizer, settings: KindSettings
) -> Checked:
    config = head_config(family, task, settings.finetune, most_length=settings.model.max_length)
    examples = (*task.train[:MOST_INPUTS], *task.test[:MOST_INPUTS])
    counts: Counter[str] = Counter()
    inputs = task_kind(task.kind).inputs(examples, family.reader(tokenizer), config, counts)
    lengths = [each.length for each in inputs]
    facts: dict[str, object] = {"examples": len(examples), "longest allowed": config.max_length}
    facts |= {"tokens": quantiles(lengths), "counted": dict(+counts)}
    share = counts[CUT] / sum(len(each.sequences) for each in inputs)  # an example may have several
    if share < CUT_SHARE:
        return Checked(facts)
    longer = f"longer than {config.max_length} tokens and are cut"
    message = f"{100 * share:.1f} % of the inputs of {family.label} are {longer}"
    why = "the deciding words may be in the part that is lost"
    hint = "raise finetune.max_length and model.max_length, or cut the texts where it makes sense"
    return Checked(facts, (Finding("warning", where, message, why, hint),))


def _source(settings: TaskSettings, example: Example) -> str:
    split, _, row = example.id.rpartition("-")  # such as "train-17"
    return f"{getattr(settings, split)} row {row}"
