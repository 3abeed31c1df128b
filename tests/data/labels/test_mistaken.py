"""Rows that are read as another kind of task than theirs, headers read as rows, texts that are not read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from twinlm.data.labels.forms import CHOICE, CLASSIFICATION, SIMILARITY, Fields, Form
from twinlm.data.labels.mistaken import BY_NUMBER, FRACTIONS, MAYBE_HEADER, UNREAD
from twinlm.errors import DataError


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lines(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", lines(*({"text": "She", "choices": ["a", "b"], "label": label} for label in (0, 1)))),
        ("a.jsonl", lines(*({"text": "She", "choices": ["a", "b"], "label": label} for label in "ab"))),
        ("a.json", json.dumps([{"text": "She", "choices": ["1", "2"], "label": "1"}] * 2)),
        ("a.csv", "text,choice_1,choice_2,label\nShe,sat,ran,0\nHe,ran,sat,1\n"),
        ("a.tsv", "text\tchoice1\tchoice2\tlabel\nShe\tsat\tran\tran\n"),
    ],
)
def test_rows_of_choices_are_no_classes(name: str, data: str, read_file: Callable) -> None:
    with pytest.raises(DataError, match='label is one of them; set kind = "choice"'):
        read_file(name, data, CLASSIFICATION)
    assert read_file(name, data, CHOICE)[0].examples
    assert read_file(name, data, CLASSIFICATION, is_labelled=False)[0].examples  # says nothing of the label


def test_other_columns_may_be_called_choices(read_file: Callable) -> None:
    rows = lines(
        {"text": "She", "choices": ["a", "b"], "label": 0}, {"text": "He", "choices": ["a", "b"], "label": 7}
    )
    for name, data in [("a.jsonl", rows), ("a.csv", "text,choices,label\nShe,a;b,0\nHe,b;c,1\n")]:
        assert read_file(name, data, CLASSIFICATION)[0].classes


@pytest.mark.parametrize(
    ("name", "data", "form", "kind"),
    [
        ("a.jsonl", lines({"text": "x", "tokens": ["x"], "tags": ["O"]}), CLASSIFICATION, "tagging"),
        ("a.jsonl", lines({"question": "x?", "context": "x", "answers": []}), CLASSIFICATION, "span_qa"),
        ("a.jsonl", lines({"question": "x?", "choices": ["a", "b"], "answer": 0}), CLASSIFICATION, "choice"),
        ("a.jsonl", lines({"text": "x", "text_b": "y", "score": 1.5}), CLASSIFICATION, "similarity"),
        ("a.csv", "text,text_b,score\nx,y,1.5\n", CLASSIFICATION, "similarity"),
        ("a.csv", "text,choice_1,choice_2,gold\nx,y,z,1\n", CLASSIFICATION, "choice"),
        ("a.jsonl", lines({"tokens": ["x"], "tags": ["O"]}), SIMILARITY, "tagging"),
    ],
)
def test_fields_of_another_kind_are_named_where_a_field_is_missing(
    name: str, data: str, form: Form, kind: str, read_file: Callable
) -> None:
    with pytest.raises(DataError, match=f'for such a task set kind = "{kind}" in its'):
        read_file(name, data, form)


def test_own_fields_are_not_named(read_file: Callable) -> None:
    with pytest.raises(DataError, match="no field 'label'") as caught:
        read_file("a.jsonl", lines({"text": "x", "choices": ["a", "b"]}), CHOICE)
    assert "kind" not in str(caught.value)


def test_a_second_text_that_is_not_read_is_counted(read_file: Callable) -> None:
    rows = lines(*({"text": "x", "text_b": f"y{n}", "label": n % 2} for n in range(4)))
    assert read_file("a.jsonl", rows, CLASSIFICATION)[1][UNREAD.format("text_b")] == 4
    found, counts = read_file("a.jsonl", rows, CLASSIFICATION, fields=Fields(text_b="text_b"))
    assert found.examples[0].texts == ("x", "y0") and not any("not read" in reason for reason in counts)
    rows = lines({"text": "x", "question": "y?", "choices": ["a", "b"], "label": 1})
    assert read_file("a.jsonl", rows, CHOICE)[1][UNREAD.format("question")] == 1


def test_scores_as_classes_are_counted(read_file: Callable) -> None:
    scores = "text,text_b,score\nx,y,1.5\nz,y,2.0\nw,y,3\n"
    fields = Fields(label="score", text_b="text_b")
    assert read_file("a.csv", scores, CLASSIFICATION, fields=fields)[1][FRACTIONS] == 1
    for labels in (["1.0", "2.0"], ["1.5", "many"], ["nan", "inf"]):
        data = "text,label\n" + "".join(f"x{label},{label}\n" for label in labels)
        assert FRACTIONS not in read_file("a.csv", data, CLASSIFICATION)[1]


BY_PLACE = Fields(text="1", label="2")
ROWS = "A great film,good\nA bad film,bad\nDull,bad\nFine,good\n"


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("word", ["label", "Class", "sentiment"])
def test_a_header_is_no_example_where_columns_have_numbers(name: str, word: str, read_file: Callable) -> None:
    data = f"\nreview,{word}\n{ROWS}".replace(",", "\t" if name == "a.tsv" else ",")
    with pytest.raises(DataError, match=f"a header: no other row has the label '{word}'") as caught:
        read_file(name, data, CLASSIFICATION, fields=BY_PLACE)
    assert caught.value.line == 2
    assert read_file(name, data, CLASSIFICATION, fields=Fields(text="review", label=word))[0].examples


def test_a_first_line_with_a_label_of_its_own_is_counted(read_file: Callable) -> None:
    found, counts = read_file("a.csv", f"review,verdict\n{ROWS}", CLASSIFICATION, fields=BY_PLACE)
    assert (len(found.examples), counts[MAYBE_HEADER], counts[BY_NUMBER]) == (5, 1, 1)
    for data in (ROWS, "Which?,label\nWhat?,label\nHow?,text\n"):
        counts = read_file("a.csv", data, CLASSIFICATION, fields=BY_PLACE)[1]
        assert MAYBE_HEADER not in counts and counts[BY_NUMBER] == 1
    named = read_file("a.csv", "1,2\nx,label\ny,b\nz,b\n", CLASSIFICATION, fields=BY_PLACE)
    assert len(named[0].examples) == 3 and not named[1]
