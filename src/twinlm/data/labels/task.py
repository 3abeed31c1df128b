"""A labelled task: train, validation and test examples without a common text.

What is split off depends on the seed and the texts only, not on the order of the rows; where there are
classes, it is split off class by class.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import CLASSIFICATION, Fields, Form
from twinlm.data.labels.labelled import LabelledSet
from twinlm.data.labels.unknown import unknown_labels
from twinlm.data.labels.values import Reading
from twinlm.data.text.rows import listed
from twinlm.data.text.splits import check_shares, text_hash, uniform
from twinlm.errors import DataError, UsageError


@dataclass(frozen=True, slots=True)
class LabelledTask:
    """A task, ready for fine-tuning."""

    name: str
    """Name of the task in the settings and the report."""
    train: tuple[Example, ...]
    """Examples that models are trained on."""
    valid: tuple[Example, ...]
    """Examples that select among a run's epochs and settings."""
    test: tuple[Example, ...]
    """Examples that the score is reported on."""
    classes: tuple[str, ...]
    """Labels or tags of `train`, sorted, in the order of a model's outputs; empty if the form has none."""
    kind: str = "classification"
    """Name of the task type, as in `tasks/table.py`."""
    scheme: str = ""
    """Meaning of the labels of all splits, see `Form.scheme`."""
    fields: Fields = Fields()  # noqa: RUF009 - frozen
    """Names that its files have for the form's fields, where they differ."""
    reading: Reading = ""
    """How the labels of its training file were read."""

    def held_out(self, form: Form = CLASSIFICATION) -> frozenset[bytes]:
        """Return the `text_hash` of every validation and test text, which pre-training must not see."""
        return frozenset(
            text_hash(text) for example in (*self.valid, *self.test) for text in form.documents(example)
        )

    def as_read(self, form: Form = CLASSIFICATION) -> "LabelledTask":
        """Return the task as models read it, which the line ends of its files do not change."""
        train, valid, test = (tuple(map(form.as_read, part)) for part in (self.train, self.valid, self.test))
        return replace(self, train=train, valid=valid, test=test)

    @property
    def content(self) -> dict[str, Any]:
        """What models are trained and measured on, with the keys of version 0.1, so that its runs resume."""
        splits = {"train": self.train, "valid": self.valid, "test": self.test}
        return {
            "name": self.name,
            **{split: [example.content for example in part] for split, part in splits.items()},
            "classes": self.classes,
            "kind": self.kind,
        }


def build_task(
    name: str,
    train: LabelledSet,
    valid: LabelledSet | None = None,
    test: LabelledSet | None = None,
    *,
    kind: str = "classification",
    form: Form = CLASSIFICATION,
    valid_share: float,
    test_share: float | None = None,
    seed: int,
    max_train_examples: int = 0,
    max_test_examples: int = 0,
    counts: Counter[str],
) -> LabelledTask:
    """Make a task of one to three labelled sets.

    Missing sets are split off from train, class by class where there are classes: `valid_share` of its texts,
    and `test_share` or as many. Texts of test leave validation and train, those of validation leave train.
    At most `max_train_examples` are kept (0: all), with the proportions of the classes, and as many for
    validation: if labels are few, both splits have few. `max_test_examples` limits the test in the same way.
    Adds what was left out to `counts`.

    Raises:
        DataError: a single class, a label that train lacks, or too few examples to split.
        UsageError: a share is not between 0 and 1, or a number of examples is below that of classes.
    """
    test_share = valid_share if test_share is None else test_share
    shares = {"test": 0.0 if test else test_share, "validation": 0.0 if valid else valid_share}
    check_shares(shares["validation"], shares["test"])
    if any(share == 0 for part, share in shares.items() if (test if part == "test" else valid) is None):
        message = f"task {name!r}: a share of 0 leaves nothing to measure by"
        raise UsageError(message, hint="use for example 0.1")
    elsewhere = {_digest(example, form) for part in (valid, test) if part for example in part.examples}
    reason = "training examples that stand in validation or test"
    rest = _without(train.examples, form, elsewhere, reason, counts)
    removed = len(train.examples) - len(rest)
    taken: dict[str, tuple[Example, ...]] = {}
    for part, share in shares.items():
        if share:
            # Both shares are of the whole, so that of validation is larger in what test has left.
            whole = len(rest) if part == "test" else len(rest) + len(taken.get("test", ()))
            share_of_rest = share * whole / max(1, len(rest))
            taken[part], rest = _split_off(rest, form, share_of_rest, seed, f"{name}-{part}")
    tests = test.examples if test else taken["test"]
    in_test = {_digest(example, form) for example in tests}
    valids = valid.examples if valid else taken["validation"]
    valids = _without(valids, form, in_test, "validation examples that stand in test", counts)
    classes = form.labels(rest)
    parts = {"training": rest, "validation": valids, "test": tests}
    _check(name, parts, classes, len(train.examples), removed)
    if form.is_split_by_label:
        _check_labels(name, classes, parts)
    scheme = form.scheme((*rest, *valids, *tests))
    if not form.is_split_by_label:
        _check_tags(name, form, scheme, classes, parts, counts)
    _note_strays(form, scheme, [part for part in (train, valid, test) if part], counts)
    if flaw := form.flaw(scheme, valids):
        counts[f"validation examples that cannot choose an epoch: {flaw}"] += len(valids)
    task = LabelledTask(name, rest, valids, tests, classes, kind, scheme, reading=train.reading)
    if max_test_examples:
        few = _subset(name, tests, form, max_test_examples, seed, "max_test_examples")
        counts["test examples above max_test_examples"] += len(tests) - len(few)
        task = replace(task, test=few)
    return limited(task, form, max_train_examples, seed=seed, counts=counts) if max_train_examples else task


def limited(
    task: LabelledTask, form: Form, most: int, *, seed: int, counts: Counter[str] | None = None
) -> LabelledTask:
    """Return the task with at most `most` training and validation examples; larger sets contain smaller."""
    train, valid = (_subset(task.name, part, form, most, seed) for part in (task.train, task.valid))
    if counts is not None:
        counts["training examples above max_train_examples"] += len(task.train) - len(train)
        counts["validation examples above max_train_examples"] += len(task.valid) - len(valid)
    return replace(task, train=train, valid=valid)


def _digest(example: Example, form: Form) -> bytes:
    return text_hash(*form.split_by(example))


def _draw(seed: int, purpose: str, texts: Iterable[str]) -> float:
    joined = "\n".join(texts)  # as in version 0.1, so that its runs keep their splits
    return uniform(seed, purpose, text_hash(joined))


def _stratum(example: Example, form: Form) -> str:
    return str(example.gold) if form.is_split_by_label else ""


def _without(
    examples: Iterable[Example], form: Form, texts: set[bytes], reason: str, counts: Counter[str]
) -> tuple[Example, ...]:
    before = tuple(examples)
    kept = tuple(example for example in before if _digest(example, form) not in texts)
    counts[reason] += len(before) - len(kept)
    return kept


def _split_off(
    examples: Sequence[Example], form: Form, share: float, seed: int, purpose: str
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Return a share of each class's texts and the rest; equal texts stay together, whatever their labels."""
    labels: dict[bytes, str] = {}
    draws: dict[bytes, float] = {}
    for example in examples:
        digest, label = _digest(example, form), _stratum(example, form)
        labels[digest] = min(label, labels.get(digest, label))
        draws[digest] = _draw(seed, purpose, form.split_by(example))
    by_label: dict[str, list[bytes]] = defaultdict(list)
    for digest, label in labels.items():
        by_label[label].append(digest)
    taken: set[bytes] = set()
    for digests in by_label.values():
        digests.sort(key=lambda digest: (draws[digest], digest))
        # Of three texts or more at least one is taken, and of every class at least one stays.
        number = max(round(share * len(digests)), 1 if len(digests) >= 3 else 0)
        taken.update(digests[: min(number, len(digests) - 1)])
    parts: dict[bool, list[Example]] = {True: [], False: []}
    for example in examples:
        parts[_digest(example, form) in taken].append(example)
    return tuple(parts[True]), tuple(parts[False])


def _check(
    name: str, parts: dict[str, tuple[Example, ...]], classes: tuple[str, ...], rows: int, removed: int
) -> None:
    without = f"{removed:,} of {rows:,} training rows left it, since they also stand in validation or test"
    files = "give files without common texts"
    for part, examples in parts.items():
        if not examples:
            left = without if removed else f"train has {rows:,} rows, texts in common left it"
            message = f"task {name!r}: no {part} example is left ({left})"
            raise DataError(
                message, hint=files if removed else "give more rows, or files of your own for each split"
            )
    answers = classes or {json.dumps(example.gold) for example in parts["training"]}
    if len(answers) == 1:
        every = f"task {name!r}: all {len(parts['training']):,} training examples have the"
        if classes:
            message = f"{every} label {classes[0]!r}"
            hint = "there must be two classes or more; is label_field the right column?"
        else:
            message = f"{every} same answer, {_shown(parts['training'][0].gold)}: there is nothing to learn"
            hint = "give examples with different answers; is label_field the right field?"
        raise DataError(f"{message} ({without})" if removed else message, hint=files if removed else hint)


def _shown(gold: Any) -> str:
    """Return an answer in words; one of question answering is a list of texts with their places."""
    if not isinstance(gold, list):
        return repr(gold)
    return listed(dict.fromkeys(answer["text"] for answer in gold)) if gold else "none"


def _check_labels(name: str, classes: tuple[str, ...], parts: dict[str, tuple[Example, ...]]) -> None:
    for part in ("validation", "test"):
        unknown = [example for example in parts[part] if example.gold not in classes]
        if unknown:
            labels = sorted({example.gold for example in unknown})
            have = " has" if len(unknown) == 1 else "s have"
            message = (
                f"task {name!r}: {len(unknown):,} {part} example{have} a label that no training example has: "
                f"{listed(labels)} (the first is {unknown[0].id}; training has {listed(classes)})"
            )
            raise DataError(message, hint="write labels alike in all files, or remove these examples")


def _check_tags(
    name: str,
    form: Form,
    scheme: str,
    classes: tuple[str, ...],
    parts: dict[str, tuple[Example, ...]],
    counts: Counter[str],
) -> None:
    """Refuse a test without a known tag but O; count unknown ones, which may be rare types."""
    for part in ("validation", "test"):
        unknown = unknown_labels(form, scheme, form.labels(parts[part]), classes)
        if unknown.is_other_set and part == "test":
            message = f"task {name!r}: no tag of the test examples but O stands in a training example: "
            message += f"{listed(unknown.all)} (training has {listed(classes)})"
            raise DataError(message, hint="write tags alike in all files; is label_field the right column?")
        if unknown.labels:
            what = f"{part} words with tags that no training example has, each an error of all models"
            counts[f"{what}: {listed(unknown.labels)}"] += unknown.words(each.gold for each in parts[part])
        if unknown.respelled:
            what = f"tags that {part} examples spell otherwise than training ({listed(unknown.respelled)})"
            counts[f"{what}: entity F1 reads them alike, word accuracy does not"] += len(unknown.respelled)


def _note_strays(form: Form, scheme: str, sets: Sequence[LabelledSet], counts: Counter[str]) -> None:
    if alike := form.lookalikes(scheme, sorted({label for part in sets for label in part.classes})):
        words = sum(example.gold.count(tag) for part in sets for example in part.examples for tag in alike)
        what = f"words with a tag that looks like one of an entity but is not: {listed(alike)}"
        counts[f"{what} (for the F1 of entities write B-PER I-PER O)"] += words
    for part in sets:
        for label in form.strays(scheme, part.classes):
            words = sum(example.gold.count(label) for example in part.examples)
            place = part.places.get(label, "")
            counts[
                f"words with the tag {label!r}, which marks no entity and counts as O (first: {place})"
            ] += words


def _subset(
    name: str,
    examples: Sequence[Example],
    form: Form,
    most: int,
    seed: int,
    setting: str = "max_train_examples",
) -> tuple[Example, ...]:
    """Return at most `most` examples, at least one of each class, else in proportion to the classes."""
    by_label: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_label[_stratum(example, form)].append(example)
    if most < len(by_label):
        limit = f"{setting} = {most} is below the number of classes, {len(by_label)}"
        raise UsageError(f"task {name!r}: {limit}", hint="each class needs an example")
    if len(examples) <= most:
        return tuple(examples)
    # The examples of a class of n get ranks 0, 1/n, 2/n ...: the first `most` of all are in proportion.
    ranked: list[tuple[float, str, str]] = []
    for label, of_class in by_label.items():
        of_class.sort(key=lambda example: (_draw(seed, f"{name}-subset", example.texts), example.id))
        ranked += [(rank / len(of_class), label, example.id) for rank, example in enumerate(of_class)]
    chosen = {example_id for _, _, example_id in sorted(ranked)[:most]}
    return tuple(example for example in examples if example.id in chosen)
