"""The forms of labelled data: what a row holds and how it becomes an `Example`.

    classification   text (and text_b)          label: a class
    similarity       text, text_b               score: a number
    choice           text (and text_b), choices label: which of them; text_b is a question on the text
    tagging          tokens                     tags: one for each token
    span_qa          question, context          answers: stretches of the context

Read next: data/labels/labelled.py (files), data/labels/task.py (splits).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from twinlm.data.labels import tags
from twinlm.data.labels.choices import check_from_zero, read_choice, read_choices, reading_of, settled
from twinlm.data.labels.examples import Example
from twinlm.data.labels.values import (
    ASCII_BLANKS,
    Labels,
    Reading,
    count_numbers_in_two_ways,
    read_given_text,
    read_number,
    read_text,
    read_words,
    reading_of_classes,
    settled_class,
)
from twinlm.data.text.rows import RowError, json_type, value_of, with_line_feeds

TABLES = (".csv", ".tsv", ".jsonl", ".json")
CONTINUES = "tags that go on with an entity that did not begin"
QUESTION = "question"
"""Scheme of choices that answer a question on a text."""
NOT_POSSIBLE = "answers to questions that are marked impossible"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """Names of columns or keys; a field with an empty name is not read."""

    text: str = ""
    """Name for the text, the words, or the context."""
    text_b: str = ""
    """Name for the second text, or the question."""
    choices: str = ""
    """Name for the choices."""
    label: str = ""
    """Name for the answer."""
    id: str = ""
    """Name for the data's own id."""

    def over(self, other: "Fields") -> "Fields":
        """Return these names, with those of `other` where these are empty."""
        names = [field.name for field in fields(Fields)]
        return Fields(**{name: getattr(self, name) or getattr(other, name) for name in names})

    def named(self, *, is_labelled: bool) -> tuple[str, ...]:
        """Return the columns that a table must have."""
        return tuple(name for name in (self.text, self.text_b, self.label if is_labelled else "") if name)


Settle = Callable[
    [Sequence[Example], Fields, Reading, Counter[str]], tuple[Reading, Callable[[Example], Example]]
]
"""Function from the examples of a file and the reading that their labels must have ("" if it is open) to the
reading they have, and a function that settles one of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The rows of one kind of task."""

    fields: Fields
    """Usual names of the columns or keys."""
    endings: tuple[str, ...]
    """Endings of files that can hold such rows."""
    texts: Callable[[dict[str, Any], Fields], tuple[str, ...]]
    """Function from a row's values to its texts."""
    stem: Callable[[Fields], int] = lambda fields: 1
    """Function from the names to `Example.stem`."""
    gold: Callable[[dict[str, Any], Fields, tuple[str, ...], Labels], Any]
    """Function from a row's values and texts to the gold answer."""
    labels: Callable[[Iterable[Example]], tuple[str, ...]]
    """Function from examples to their classes or tags, sorted; empty if the form has none."""
    blanks: str | None = None
    """Characters that alone are no text; None for all white space of Unicode."""
    scheme: Callable[[Iterable[Example]], str] = lambda examples: ""
    """Function from the examples of all splits to what their labels mean, such as "entities"; "" if that is
    always the same."""
    meaning: Callable[[str, str], str] = lambda scheme, label: label
    """Function from a scheme and a label to what it marks, such as a type of entity; "" for nothing."""
    strays: Callable[[str, Iterable[str]], list[str]] = lambda scheme, labels: []
    """Function from a scheme and labels to those that mean nothing in it."""
    lookalikes: Callable[[str, Iterable[str]], list[str]] = lambda scheme, labels: []
    """Function from a scheme and labels to those that are spelled nearly as labels of another scheme."""
    flaw: Callable[[str, Sequence[Example]], str] = lambda scheme, examples: ""
    """Function from a scheme and a split to why no figure can be measured on it; "" if it can."""
    is_split_by_label: bool = False
    """Whether examples are split class by class."""
    split_by: Callable[[Example], tuple[str, ...]] = lambda example: example.texts
    """Function to the texts that examples of two splits must not share, all of them."""
    settle: Settle = lambda examples, fields, reading, counts: ("", lambda example: example)
    """Function that settles the labels of all examples of a file at once."""
    as_read: Callable[[Example], Example] = lambda example: example
    """Function to an example as models read it: with line feeds, whatever line ends the file has."""
    documents: Callable[[Example], tuple[str, ...]] = lambda example: example.texts
    """Function to the texts that pre-training must not see if the example is held out."""


def _one_or_two(values: dict[str, Any], fields: Fields) -> tuple[str, ...]:
    return tuple(read_text(values, name) for name in (fields.text, fields.text_b) if name)


def _choice_stem(fields: Fields) -> int:
    return 1 + bool(fields.text_b)


def _tags(values: dict[str, Any], fields: Fields, words: tuple[str, ...], labels: Labels) -> list[str]:
    bare = [labels.bare(tag) for tag in read_words(values, fields.label)]
    if len(bare) != len(words):
        raise RowError(f"{len(words):,} words in {fields.text!r}, but {len(bare):,} tags in {fields.label!r}")
    if "" in bare:
        raise RowError(f"item {bare.index('')} of {fields.label!r} is only white space")
    before = "O"
    for tag in bare:
        entity = tag[2:]
        labels.counts[CONTINUES] += tag.startswith("I-") and before not in (f"B-{entity}", f"I-{entity}")
        before = tag
    return bare


def _answers(
    values: dict[str, Any], fields: Fields, texts: tuple[str, ...], labels: Labels
) -> list[dict[str, Any]]:
    is_impossible = values.get("is_impossible", False)
    if not isinstance(is_impossible, bool):
        raise RowError(f"the field 'is_impossible' is {json_type(is_impossible)}, not true or false")
    answers = values.get(fields.label, []) if is_impossible else value_of(values, fields.label)
    if isinstance(answers, dict):  # Hugging Face's form: a list of texts and a list of starts
        answers = _transposed(answers, fields.label)
    if not isinstance(answers, list):
        raise RowError(f"the field {fields.label!r} is {json_type(answers)}, not a list of answers")
    if is_impossible:
        labels.counts[NOT_POSSIBLE] += len(answers)
        return []
    return [_answer(item, number, values[fields.text]) for number, item in enumerate(answers)]


def _transposed(columns: dict[str, Any], field: str) -> list[dict[str, Any]]:
    texts, starts = columns.get("text"), columns.get("answer_start")
    if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
        raise RowError(f"the field {field!r} must hold as many 'text' as 'answer_start'")
    return [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]


def _answer(item: object, number: int, context: str) -> dict[str, Any]:
    """Return an answer after checking that it is in the context; both have the file's own line ends."""
    if not isinstance(item, dict):
        raise RowError(f"answer {number} is {json_type(item)}, not an object with 'text' and 'answer_start'")
    text, start = item.get("text"), item.get("answer_start")
    if not isinstance(text, str) or not text.strip():
        raise RowError(f"answer {number} has no 'text'")
    if not isinstance(start, int) or isinstance(start, bool) or start < 0:
        raise RowError(f"answer {number} ({text[:40]!r}) has no 'answer_start', a character from 0")
    if context[start : start + len(text)] != text:
        actual = context.find(text)
        where = f"it is at {actual:,}" if actual >= 0 else "it is nowhere in it"
        wrong = f"answer {number} ({text[:40]!r}) is not at character {start:,} of the context"
        raise RowError(f"{wrong}; {where}")
    return {"text": text, "start": start}


def _with_line_feeds(example: Example) -> Example:
    """Return a question with CRLF and CR as LF in context and answers, whose starts count in that."""
    question, context = example.texts
    gold = example.gold and [
        # Each CRLF before the answer moves it by one.
        {
            "text": with_line_feeds(answer["text"]),
            "start": answer["start"] - context.count("\r\n", 0, answer["start"] + 1),
        }
        for answer in example.gold
    ]
    return replace(example, texts=(question, with_line_feeds(context)), gold=gold)


def _settle_classes(
    examples: Sequence[Example], fields: Fields, reading: Reading, counts: Counter[str]
) -> tuple[Reading, Callable[[Example], Example]]:
    labels = {example.gold for example in examples}
    reading = reading or reading_of_classes(labels)
    if reading == "as written":
        count_numbers_in_two_ways(labels, counts)
    return reading, lambda example: replace(example, gold=settled_class(example.gold, reading, counts))


def _settle_choices(
    examples: Sequence[Example], fields: Fields, reading: Reading, counts: Counter[str]
) -> tuple[Reading, Callable[[Example], Example]]:
    others = "the labels of training" if reading else "the other labels"
    if not reading and (reading := reading_of([example.gold for example in examples])) == "number":
        check_from_zero([example.gold for example in examples], fields.label, counts)
    return reading, lambda example: replace(
        example, gold=settled(example.gold, reading, fields.label, counts, others)
    )


def _is_constant(scheme: str, examples: Sequence[Example]) -> str:
    scores = {example.gold for example in examples}
    return f"all have the score {scores.pop()}, and nothing correlates with that" if len(scores) == 1 else ""


def _has_no_entity(scheme: str, examples: Sequence[Example]) -> str:
    is_flawed = scheme != tags.WORDS and not tags.has_entity(scheme, (example.gold for example in examples))
    return "none has an entity, so every F1 is 0" if is_flawed else ""


def _in_one_order(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(texts, key=str.split))


CLASSIFICATION = Form(
    fields=Fields(text="text", label="label"),
    endings=TABLES,
    texts=_one_or_two,
    gold=lambda values, fields, texts, labels: labels.label(values, fields.label),
    settle=_settle_classes,
    labels=lambda examples: tuple(sorted({example.gold for example in examples})),
    is_split_by_label=True,
)
SIMILARITY = Form(
    fields=Fields(text="text", text_b="text_b", label="score"),
    endings=TABLES,
    texts=_one_or_two,
    gold=lambda values, fields, texts, labels: read_number(values, fields.label),
    labels=lambda examples: (),
    flaw=_is_constant,
    split_by=lambda example: _in_one_order(example.texts),  # the other order is the same pair
)
CHOICE = Form(
    fields=Fields(text="text", choices="choices", label="label"),
    endings=TABLES,
    texts=lambda values, fields: (*_one_or_two(values, fields), *read_choices(values, fields.choices)),
    stem=_choice_stem,
    gold=lambda values, fields, texts, labels: read_choice(
        values, fields.label, texts[_choice_stem(fields) :]
    ),
    scheme=lambda examples: QUESTION if any(example.stem == 2 for example in examples) else "",
    settle=_settle_choices,
    labels=lambda examples: (),
    # A question stem may serve many examples, and the same choices in another order are the same question.
    split_by=lambda example: (
        *example.texts[: example.stem],
        *_in_one_order(example.texts[example.stem :]),
    ),
)
TAGGING = Form(
    fields=Fields(text="tokens", label="tags"),
    endings=(".jsonl", ".json", ".conll", ".conllu"),
    blanks=ASCII_BLANKS,
    texts=lambda values, fields: read_words(values, fields.text),
    gold=_tags,
    labels=lambda examples: tuple(sorted({tag for example in examples for tag in example.gold})),
    scheme=lambda examples: tags.scheme_of(example.gold for example in examples),
    meaning=tags.meaning,
    strays=tags.strays,
    lookalikes=tags.lookalikes,
    flaw=_has_no_entity,
    documents=lambda example: (" ".join(example.texts),),
)
SPAN_QA = Form(
    fields=Fields(text="context", text_b="question", label="answers"),
    endings=(".jsonl", ".json"),
    # Answers are places in the context, so it keeps its line ends.
    texts=lambda values, fields: (read_text(values, fields.text_b), read_given_text(values, fields.text)),
    gold=_answers,
    labels=lambda examples: (),
    split_by=lambda example: example.texts[1:],
    as_read=_with_line_feeds,
    documents=lambda example: (with_line_feeds(example.texts[1]),),
)
