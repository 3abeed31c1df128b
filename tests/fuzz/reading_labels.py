"""Labelled files of less usual shapes: .json, no header, field names, ids, questions, odd tags, quotes."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twinlm.data.labels.forms import Fields
from twinlm.data.labels.labelled import LabelledSet, read_labelled
from twinlm.data.labels.task import build_task
from twinlm.data.labels.values import Reading
from twinlm.evaluate.predictions import as_squad
from twinlm.tasks.table import TASKS

CLASSES: list[dict[str, Any]] = [
    row
    for number in range(4)
    for row in (
        {"id": number, "text": f"one {number}", "label": 1},
        {"id": f"b{number}", "text": f"two {number}", "label": "0.0"},
    )
]
CHOICES: list[dict[str, Any]] = [
    row
    for n in range(4)
    for row in (
        {"id": f"x{n}", "text": f"She {n}", "question": "Who?", "choices": ["1", "0", "2"], "label": "0"},
        {"id": f"y{n}", "text": f"He {n}", "question": "Why?", "choices": ["he", "1"], "label": 1.0},
    )
]
TAGS: list[dict[str, Any]] = [
    row
    for number in range(4)
    for row in (
        {"tokens": ["Ann", "Lee", str(number), "Oslo"], "tags": ["B-PER", "L-PER", "0", "U-LOC"]},
        {"tokens": ["I", "\u00a0", str(number)], "tags": ["O", "I-", "PER"]},
    )
]
QUESTIONS = [
    {
        "id": f"q{number}",
        "context": f"Ada\r\nwrote\rit {number}.",
        "question": "Who?",
        "answers": [{"text": "wrote", "answer_start": 5}] * (number % 2),
    }
    for number in range(8)
]
WITHOUT_HEADER = "".join(
    f"film {number},good,a{number}\nbook {number},bad,b{number}\n" for number in range(4)
)
CHOICES_BY_NUMBER = "".join(f"q{number},Why?,a,b,c,0\nq{number},Who?,d,e,,1\n" for number in range(4))
QUOTED = "text\tlabel\n" + "".join(
    f'"Hi", {number}\tyes\n"quoted {number}"\tno\na "b {number}\tyes\n' for number in range(4)
)
STRAY = "".join(
    f"Ann B-PER\nLee 0\n{number} O\n\nI PER\n{number} L-PER\nOslo U-LOC\n\nit I\nis M-{number}\n\n"
    for number in range(4)
)
# By name: kind of task, file, content, names of fields, and how labels were read before.
SHAPES: dict[str, tuple[str, str, str, Fields, Reading]] = {}


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _add(name: str, kind: str, ending: str, content: str, reading: Reading = "", **names: str) -> None:
    SHAPES[name] = (kind, f"a{ending}", content, Fields(**names), reading)


for _kind, _rows, _names in [
    ("classification", CLASSES, {}),
    ("choice", CHOICES, {"text_b": "question"}),
    ("tagging", TAGS, {}),
    ("span_qa", QUESTIONS, {}),
]:
    _add(f"{_kind}, a list in .json", _kind, ".json", json.dumps(_rows, indent=1), **_names)
    _add(f"{_kind}, lines in .json", _kind, ".json", _lines(_rows), id="id" * (_kind != "tagging"), **_names)
_add(
    "choices of classes",
    "classification",
    ".jsonl",
    _lines([{**CHOICES[0], "label": 0, "choices": ""}, *CHOICES]),
)
_add("choices as numbers", "choice", ".jsonl", _lines(CHOICES), reading="number")
_add(
    "choices as texts",
    "choice",
    ".jsonl",
    _lines([{**row, "label": row["choices"][n % 2]} for n, row in enumerate(CHOICES[::2])]),
    reading="text",
)
_add("classes as whole numbers", "classification", ".jsonl", _lines(CLASSES), reading="whole")
_by_number = {"text": "1", "label": "2", "id": "3"}
_add("no header, .csv", "classification", ".csv", WITHOUT_HEADER, **_by_number)
_add("no header, .tsv", "classification", ".tsv", WITHOUT_HEADER.replace(",", "\t"), **_by_number)
_choices_by_number = {"text": "1", "text_b": "2", "choices": "3-5", "label": "6"}
_add("no header, choices", "choice", ".csv", CHOICES_BY_NUMBER, **_choices_by_number)
_add("quotes in .tsv", "classification", ".tsv", QUOTED)
_add("stray tags, .conll", "tagging", ".conll", STRAY)
_add("stray tags, .jsonl", "tagging", ".jsonl", _lines(TAGS))


def _read(kind: str, name: str, fields: Fields, reading: Reading) -> Callable[[Path], Any]:
    def read(folder: Path) -> None:
        form, counts = TASKS[kind].form, Counter[str]()
        read_labelled(folder / name, form=form, fields=fields, is_labelled=False, counts=counts)
        found = read_labelled(folder / name, form=form, fields=fields, reading=reading, counts=counts)
        _split(kind, found, counts)

    return read


def _split(kind: str, found: LabelledSet, counts: Counter[str]) -> None:
    form = TASKS[kind].form
    task = build_task("t", found, kind=kind, form=form, valid_share=0.3, seed=1, counts=counts)
    task_kind, golds = TASKS[kind], [example.gold for example in found.examples]
    if kind == "span_qa":
        as_squad(found.examples, [{"predicted": ""}] * len(golds))
        return
    task_kind.measure(golds, golds, task.scheme)


PARSERS: dict[str, dict[str, Any]] = {
    f"labels, {name}": {
        "write": lambda folder, file=file, content=content: (folder / file).write_text(
            content, encoding="utf-8", newline=""
        ),
        "read": _read(kind, file, fields, reading),
        "codes": (2, 3),
    }
    for name, (kind, file, content, fields, reading) in SHAPES.items()
}
"""By name, what `bench.Parser` is made of."""
