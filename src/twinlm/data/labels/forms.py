"""What a row of labelled data holds, for each form of task, and how it becomes an `Example`.

    classification   text (and text_b)          label: a class
    similarity       text, text_b               score: a number
    choice           text, choices              label: which of them
    tagging          tokens                     tags: one for each token
    span_qa          question, context          answers: stretches of the context

Read next: data/labels/labelled.py (files), data/labels/task.py (splits).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from twinlm.data.labels.examples import Example
from twinlm.data.labels.values import Labels, read_choices, read_number, read_place, read_text, read_words
from twinlm.data.text.rows import RowError, kind_of, value_of, with_line_feeds

TABLES = (".csv", ".tsv", ".jsonl")
GOES_ON = "tags that go on with an entity that did not begin"
NOT_POSSIBLE = "answers to questions that are marked impossible"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """The names of columns or keys; an empty one is not read."""

    text: str = ""
    """Of the text, of the words, or of the context."""
    text_b: str = ""
    """Of the second text, or of the question."""
    choices: str = ""
    """Of the texts to choose among."""
    label: str = ""
    """Of what is to be found out."""

    def over(self, other: "Fields") -> "Fields":
        """Return these names, and those of `other` where these are empty."""
        return Fields(
            text=self.text or other.text,
            text_b=self.text_b or other.text_b,
            choices=self.choices or other.choices,
            label=self.label or other.label,
        )

    def named(self, *, is_labelled: bool) -> tuple[str, ...]:
        """Return the names of the columns that a table must have."""
        return tuple(name for name in (self.text, self.text_b, self.label if is_labelled else "") if name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What the rows of one kind of task hold."""

    fields: Fields
    """The usual names."""
    endings: tuple[str, ...]
    """Of the files that can hold such rows."""
    texts: Callable[[dict[str, Any], Fields], tuple[str, ...]]
    """What is read, from a row's values."""
    gold: Callable[[dict[str, Any], Fields, tuple[str, ...], Labels], Any]
    """What is to be found out, from a row's values and texts."""
    labels: Callable[[Iterable[Example]], tuple[str, ...]]
    """The classes or tags that stand in examples, sorted; empty if the form has none."""
    is_split_by_label: bool = False
    """Whether examples are split class by class."""
    split_by: Callable[[Example], str] = lambda example: "\n".join(example.texts)
    """A text: examples that share it must not stand in two splits."""
    documents: Callable[[Example], tuple[str, ...]] = lambda example: example.texts
    """The texts that pre-training must not see, if the example is held out."""


def _one_or_two(values: dict[str, Any], fields: Fields) -> tuple[str, ...]:
    return tuple(read_text(values, name) for name in (fields.text, fields.text_b) if name)


def _text_and_choices(values: dict[str, Any], fields: Fields) -> tuple[str, ...]:
    return (read_text(values, fields.text), *read_choices(values, fields.choices))


def _tags(values: dict[str, Any], fields: Fields, words: tuple[str, ...], labels: Labels) -> list[str]:
    tags = [labels.bare(tag) for tag in read_words(values, fields.label)]
    if len(tags) != len(words):
        raise RowError(f"{len(words):,} words in {fields.text!r}, but {len(tags):,} tags in {fields.label!r}")
    before = "O"
    for tag in tags:
        kind = tag[2:]
        labels.counts[GOES_ON] += tag.startswith("I-") and before not in (f"B-{kind}", f"I-{kind}")
        before = tag
    return tags


def _answers(
    values: dict[str, Any], fields: Fields, texts: tuple[str, ...], labels: Labels
) -> list[dict[str, Any]]:
    """Return each answer's text and the character of the context at which it begins."""
    is_impossible = values.get("is_impossible", False)
    if not isinstance(is_impossible, bool):
        raise RowError(f"the field 'is_impossible' is {kind_of(is_impossible)}, not true or false")
    given = values.get(fields.label, []) if is_impossible else value_of(values, fields.label)
    if isinstance(given, dict):  # Hugging Face's form: a list of texts and a list of places
        given = _turned(given, fields.label)
    if not isinstance(given, list):
        raise RowError(f"the field {fields.label!r} is {kind_of(given)}, not a list of answers")
    if is_impossible:
        labels.counts[NOT_POSSIBLE] += len(given)
        return []
    return [_answer(item, number, values[fields.text]) for number, item in enumerate(given)]


def _turned(given: dict[str, Any], field: str) -> list[dict[str, Any]]:
    texts, starts = given.get("text"), given.get("answer_start")
    if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
        raise RowError(f"the field {field!r} must hold as many 'text' as 'answer_start'")
    return [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]


def _answer(item: object, number: int, context: str) -> dict[str, Any]:
    """Return an answer that stands in the context, which is as the file has it."""
    if not isinstance(item, dict):
        raise RowError(f"answer {number} is {kind_of(item)}, not an object with 'text' and 'answer_start'")
    text, start = item.get("text"), item.get("answer_start")
    if not isinstance(text, str) or not text.strip():
        raise RowError(f"answer {number} has no 'text'")
    if not isinstance(start, int) or isinstance(start, bool) or start < 0:
        raise RowError(f"answer {number} ({text[:40]!r}) has no 'answer_start', a character from 0")
    found = context[start : start + len(text)]
    if found != text:
        place = context.find(text)
        where = f"it stands at {place:,}" if place >= 0 else "it stands nowhere in it"
        raise RowError(
            f"answer {number} ({text[:40]!r}) is not at character {start:,} of the context; {where}"
        )
    # Texts are read with CRLF as LF: each pair before the answer moves it by one.
    return {"text": with_line_feeds(text), "start": start - context.count("\r\n", 0, start + 1)}


def _no_labels(examples: Iterable[Example]) -> tuple[str, ...]:
    return ()


def _classes(examples: Iterable[Example]) -> tuple[str, ...]:
    return tuple(sorted({example.gold for example in examples}))


def _all_tags(examples: Iterable[Example]) -> tuple[str, ...]:
    return tuple(sorted({tag for example in examples for tag in example.gold}))


CLASSIFICATION = Form(
    fields=Fields(text="text", label="label"),
    endings=TABLES,
    texts=_one_or_two,
    gold=lambda values, fields, texts, labels: labels.label(values, fields.label),
    labels=_classes,
    is_split_by_label=True,
)
SIMILARITY = Form(
    fields=Fields(text="text", text_b="text_b", label="score"),
    endings=TABLES,
    texts=_one_or_two,
    gold=lambda values, fields, texts, labels: read_number(values, fields.label),
    labels=_no_labels,
    split_by=lambda example: "\n".join(sorted(example.texts)),  # the other order is the same pair
)
CHOICE = Form(
    fields=Fields(text="text", choices="choices", label="label"),
    endings=TABLES,
    texts=_text_and_choices,
    gold=lambda values, fields, texts, labels: read_place(values, fields.label, texts[1:], labels.counts),
    labels=_no_labels,
    split_by=lambda example: example.texts[0],
)
TAGGING = Form(
    fields=Fields(text="tokens", label="tags"),
    endings=(".jsonl", ".conll", ".conllu"),
    texts=lambda values, fields: read_words(values, fields.text),
    gold=_tags,
    labels=_all_tags,
    documents=lambda example: (" ".join(example.texts),),
)
SPAN_QA = Form(
    fields=Fields(text="context", text_b="question", label="answers"),
    endings=(".jsonl", ".json"),
    texts=lambda values, fields: (read_text(values, fields.text_b), read_text(values, fields.text)),
    gold=_answers,
    labels=_no_labels,
    split_by=lambda example: example.texts[1],
    documents=lambda example: example.texts[1:],
)
