"""From files, or the embedded data, to documents, labelled tasks, a tokenizer and token stores."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from twinlm import families
from twinlm.data.labels.forms import Fields
from twinlm.data.labels.labelled import LabelledSet, read_labelled
from twinlm.data.labels.task import LabelledTask, build_task
from twinlm.data.text.corpus import Document, corpus_fingerprint
from twinlm.data.text.documents import Texts, characters, read_splits
from twinlm.data.text.lines import OnBadBytes
from twinlm.data.text.sentences import split_sentences
from twinlm.data.text.splits import SPLITS, Splits
from twinlm.data.tokens import packed
from twinlm.data.tokens.store import TokenStore, check_ids, is_store
from twinlm.data.tokens.writing import write_store
from twinlm.errors import DataError, UsageError
from twinlm.prepare import stage
from twinlm.prepare.demo import load_demo
from twinlm.prepare.packed_corpus import open_packed, packed_store, packed_tokenizer, read_beside
from twinlm.settings import KindSettings, Settings, TaskSettings
from twinlm.system import storage
from twinlm.system.log import Progress
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer, train_tokenizer


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """Text and labels, read and split."""

    documents: Splits
    """Training documents, and those held out for validation and test."""
    tasks: Mapping[str, LabelledTask]
    """Labelled tasks by name, in the order of the settings."""
    counts: Mapping[str, int]
    """Counts of what was read and what was left out."""
    attribution: tuple[str, ...]
    """Sources and licences to show; empty unless the data is embedded."""
    fingerprint: str
    """SHA-256 of the text."""
    packed: Path | None = None
    """Packed store of the training text, which replaces the training documents; None without one."""


def prepare_demo(settings: Settings) -> Prepared:
    """Return the embedded data, with `max_train_examples` and `max_test_examples` of the first [[task]]."""
    demo = load_demo()
    counts: Counter[str] = Counter(demo.counts)
    given = demo.examples
    parts = [LabelledSet(part, given.classes) for part in (given.train, given.valid, given.test)]
    limits = settings.task[0] if settings.task else TaskSettings()
    task = build_task(
        given.name,
        *parts,
        valid_share=0.1,
        seed=settings.seed,
        max_train_examples=limits.max_train_examples,
        max_test_examples=limits.max_test_examples,
        counts=counts,
    )
    return Prepared(
        documents=demo.documents,
        tasks={task.name: task},
        counts=counts,
        attribution=(demo.attribution,),
        fingerprint=stage.fingerprint(demo.attribution),
    )


class ReadTasks(NamedTuple):
    """Labelled tasks by name, read and split, and counts of what was read and what was left out."""

    tasks: Mapping[str, LabelledTask]
    counts: Mapping[str, int]


def prepare_tasks(settings: Settings) -> ReadTasks:
    """Read the tasks that the settings name, in their order."""
    counts: Counter[str] = Counter()
    tasks: dict[str, LabelledTask] = {}
    for given in settings.task:
        if given.name in tasks:
            hint = "give each [[task]] a name of its own"
            raise UsageError(f"two tasks have the name {given.name!r}", hint=hint)
        tasks[given.name] = _read_task(given, settings.seed, counts)
    return ReadTasks(tasks, counts)


def prepare_files(settings: Settings, read: ReadTasks) -> Prepared:
    """Read the corpus that the settings name, without the texts that the tasks hold out."""
    if not settings.corpus.train:
        hint = 'set corpus.train = ["my-text.txt"] or pass --corpus.train my-text.txt'
        raise UsageError("there is no text to pre-train on", hint=hint)
    counts, tasks = Counter(read.counts), read.tasks
    held_out = frozenset[bytes]().union(
        *(task.held_out(task_kind(task.kind).form) for task in tasks.values())
    )
    corpus = settings.corpus
    store = packed_store(corpus)
    if store:
        documents, fingerprint = read_beside(store, corpus, held_out, counts)
    else:
        documents = read_splits(corpus, seed=settings.seed, held_out=held_out, counts=counts)
        files = [*corpus.train, *corpus.valid, *corpus.test]
        fingerprint = corpus_fingerprint(files, text_field=corpus.text_field)
    return Prepared(
        documents=documents, tasks=tasks, counts=counts, attribution=(), fingerprint=fingerprint, packed=store
    )


def tokenizer_name(settings: Settings, kind: str) -> Any:
    """Return the name of a kind's tokenizer in a run: its algorithm, or the start model that it is of."""
    of_kind: KindSettings = getattr(settings, kind)
    if of_kind.pretrain.start:
        return f"start-of-{kind}"
    options = settings.tokenizer
    return options.algorithm if options.sharing == "shared" else families.family(kind).own_algorithm


def prepare_tokenizer(
    folder: Path,
    prepared: Prepared,
    settings: Settings,
    algorithm: Literal["byte-bpe", "wordpiece"],
    progress: Progress,
) -> Tokenizer:
    """Return the tokenizer of a run, trained on the training documents once."""
    if prepared.packed:
        return packed_tokenizer(prepared.packed, algorithm)
    wanted = replace(settings.tokenizer, algorithm=algorithm)
    stage.enter(folder, {"corpus": prepared.fingerprint, "seed": settings.seed, "tokenizer": wanted})
    if not storage.is_published(folder / "files"):
        documents = prepared.documents.train
        tokenizer = train_tokenizer(
            Texts(documents),
            algorithm=algorithm,
            vocab_size=settings.tokenizer.vocab_size,
            lowercase=settings.tokenizer.lowercase,
            strip_accents=settings.tokenizer.strip_accents,
            progress=progress,
            share=min(1.0, settings.tokenizer.max_train_characters / max(1, characters(documents))),
        )
        storage.publish_folder(folder / "files", tokenizer.to_files())
    storage.verify_folder(folder / "files")
    return Tokenizer.from_folder(folder / "files")


def prepare_stores(
    folder: Path, prepared: Prepared, tokenizer: Tokenizer, progress: Progress
) -> dict[str, TokenStore]:
    """Return the tokens of the three splits, "train", "valid" and "test", each tokenized once."""
    sizes = [len(getattr(prepared.documents, name)) for name in SPLITS]
    stage.enter(
        folder, {"corpus": prepared.fingerprint, "tokenizer": tokenizer.fingerprint, "documents": sizes}
    )
    stores = {}
    for name in SPLITS:
        if name == "train" and prepared.packed:
            stores[name] = open_packed(prepared.packed, tokenizer)
            continue
        documents = getattr(prepared.documents, name)
        if not is_store(folder / name):
            _write_tokens(folder / name, documents, tokenizer, prepared.fingerprint, progress)
        stores[name] = TokenStore(folder / name, verify=True)
        check_ids(stores[name].tokens_T, tokenizer.vocab_size, folder / name)
    return stores


def _write_tokens(
    folder: Path, documents: Collection[Document], tokenizer: Tokenizer, fingerprint: str, progress: Progress
) -> None:
    if characters(documents) <= packed.SHARD_CHARACTERS:
        write_store(
            folder, Texts(documents), tokenizer, split_sentences, total=len(documents), progress=progress
        )
        return
    packed.write_part(  # in shards, so that a kill costs one shard at most
        folder / packed.part_name(1, 1),
        Texts(documents),
        tokenizer,
        inputs={"part": 1, "parts": 1, "texts": fingerprint},
        counts={"documents": len(documents)},
        progress=progress,
    )
    packed.join_parts(folder)


def _read_task(given: TaskSettings, seed: int, counts: Counter[str]) -> LabelledTask:
    if not given.train:
        hint = 'set train = "labels.csv" in its [[task]]'
        raise UsageError(f"task {given.name!r} has no file to train on", hint=hint)
    files = {split: path for split in SPLITS if (path := getattr(given, split))}
    sets: dict[str, LabelledSet] = {}
    for split, path in files.items():  # training first: the others' labels are read as its labels are
        sets[split] = read_task_file(given, path, split, sets, errors=given.errors, counts=counts)
    return build_read_task(given, sets, seed=seed, counts=counts)


def read_task_file(
    given: TaskSettings,
    path: str,
    split: str,
    before: Mapping[str, LabelledSet],
    *,
    errors: OnBadBytes,
    counts: Counter[str],
) -> LabelledSet:
    """Read one file of a task, with the column names of its settings and the reading of those before."""
    return read_labelled(
        path,
        form=task_kind(given.kind).form,
        fields=_fields(given),
        split=split,
        encoding=given.encoding,
        errors=errors,
        reading=next((each.reading for each in before.values()), ""),
        counts=counts,
    )


def build_read_task(
    given: TaskSettings, sets: Mapping[str, LabelledSet], *, seed: int, counts: Counter[str]
) -> LabelledTask:
    """Build the task of the settings from the sets of its files, by split.

    Raises:
        DataError: as `build_task`, or no figure can be measured on the test examples.
    """
    form = task_kind(given.kind).form
    task = build_task(
        given.name,
        sets["train"],
        sets.get("valid"),
        sets.get("test"),
        kind=given.kind,
        form=form,
        valid_share=given.valid_share,
        seed=seed,
        max_train_examples=given.max_train_examples,
        max_test_examples=given.max_test_examples,
        counts=counts,
    )
    if flaw := form.flaw(task.scheme, task.test):
        message = f"task {task.name!r} can't be measured on its {len(task.test):,} test examples: {flaw}"
        raise DataError(message, hint="give more rows, or another test file; is the label's field right?")
    return replace(task, fields=_fields(given))


def _fields(given: TaskSettings) -> Fields:
    return Fields(**{field.name: getattr(given, f"{field.name}_field") for field in fields(Fields)})
