"""Rows of .json files: a list, an object a line, or SQuAD's object, whatever the kind of task."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.labels.forms import CHOICE, CLASSIFICATION, SIMILARITY, SPAN_QA, TAGGING, Fields, Form
from twinlm.data.probes.minimal_pairs import read_pairs
from twinlm.data.text.rows import BadRows, RowError, json_list
from twinlm.errors import DataError

MEND = "correct or remove what is bad"
HINT = "a .json file holds one list of objects, an object a line, or SQuAD's one object with 'data'"
ROWS: dict[str, tuple[Form, list[dict[str, object]]]] = {
    "classification": (CLASSIFICATION, [{"text": "a\u2028b", "label": "x"}, {"text": "b", "label": "y"}]),
    "similarity": (SIMILARITY, [{"text": "a", "text_b": "b", "score": 1.5}] * 2),
    "choice": (CHOICE, [{"text": "a", "choices": ["b", "c"], "label": 1}] * 2),
    "tagging": (TAGGING, [{"tokens": ["a", "b"], "tags": ["X", "Y"]}] * 2),
    "span_qa": (SPAN_QA, [{"question": "q", "context": "a\nb", "answers": []}] * 2),
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(rows: list[dict[str, object]]) -> list[str]:
    """Return the ways in which rows stand in a .json file."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    return [
        "\n".join(lines),
        "\ufeff\n" + "\r\n".join(lines) + "\r\n",
        json.dumps(rows),
        json.dumps(rows, indent=2) + "\n\n",
        " [\n" + "\n,\n".join(lines) + "]",
    ]


@pytest.mark.parametrize("way", range(5))
@pytest.mark.parametrize("kind", ROWS)
def test_a_list_and_an_object_a_line_are_read(kind: str, way: int, read_file: Callable) -> None:
    form, rows = ROWS[kind]
    data = written(rows)[way]
    expected, _ = read_file("a.jsonl", "\n".join(json.dumps(row) for row in rows), form)
    assert read_file("a.json", data, form)[0].examples == expected.examples


def test_one_row_and_a_text_called_data_are_rows(read_file: Callable) -> None:
    for data in (
        '{"text": "a", "label": "x"}',
        '{"text": "a", "label": "x", "data": 1}\n{"text": "b", "label": "y"}',
    ):
        assert read_file("a.json", data, CLASSIFICATION)[0].examples[0].texts == ("a",)


def test_minimal_pairs_may_be_a_list() -> None:
    Path("a.json").write_text(json.dumps([{"good": "a b", "bad": "b a"}]))
    assert [pair.good for pair in read_pairs("a.json")] == ["a b"]


# Of each bad list: what it holds, and the whole message.
SQUAD = '{"data": [{"paragraphs": [{"context": "c", "qas": [{"question": "q", "answers": []}]}]}]}'
GOOD = '{"text": "a", "label": "x"}'
BAD = {
    "item.json": (f"[\n{GOOD},\n3]", "3: not an object but a number: '3'; " + MEND),
    "twin.json": (f'[\n{GOOD},{{"a": 1, "a": 2}}]', "2: the key 'a' comes 2 times in one object; " + HINT),
    "nan.json": (
        '[\n{"text": "a", "label": NaN}]',
        "2: not JSON: NaN is no JSON value (use null for what is missing); " + HINT,
    ),
    "cut.json": (f"[{GOOD},", f"1: not JSON at column 30: Expecting value in '[{GOOD},'; " + HINT),
    "open.json": (
        f"[{GOOD}",
        "1: not JSON: '' where a comma or the end of the list was expected; " + HINT,
    ),
    "rest.json": (
        f"[{GOOD}]\nx",
        "1: not JSON: ']\\nx' where a comma or the end of the list was expected; " + HINT,
    ),
    "row.json": (
        f'[{GOOD},\n\n{{"text": "", "label": "x"}}]',
        "3: the field 'text' is empty; " + MEND,
    ),
    "columns.json": (
        '{"text": {"0": "a"}, "label": {"0": "x"}}',
        "1: the field 'text' is an object, not a text: \"{'0': 'a'}\"; " + MEND,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_list_gives_its_message(name: str, check_refused: Callable) -> None:
    data, message = BAD[name]
    check_refused(name, data, CLASSIFICATION, f"{name}:{message}")


@given(
    st.lists(
        st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.integers() | st.none()), max_size=5
    ),
    st.sampled_from([None, 0, 3]),
)
def test_any_list_is_read_with_the_line_of_each_object(
    rows: list[dict[str, object]], indent: int | None
) -> None:
    text = "\n\n" + json.dumps(rows, indent=indent)
    found = list(json_list(text, BadRows(), "a.json"))
    assert [values for _, values in found] == rows
    assert all(text.split("\n")[line - 1].lstrip("[ ")[:1] == "{" or indent is None for line, _ in found)


@given(st.text('[]{},:"1 \n', max_size=12))
def test_what_is_no_list_of_objects_is_refused(text: str) -> None:
    try:
        found = [values for _, values in json_list("[" + text, BadRows(), "a.json")]
    except RowError as error:
        assert 1 <= error.line <= 1 + text.count("\n")
    else:
        assert found == [value for value in json.loads("[" + text) if isinstance(value, dict)]


@pytest.mark.parametrize(
    ("name", "data", "form", "kind"),
    [
        ("a.conll", "a O\n", CLASSIFICATION, "tagging"),
        ("a.conllu.gz", "", SPAN_QA, "tagging"),
        ("a.json", SQUAD, CLASSIFICATION, "span_qa"),
        ("a.jsonl", '{"tokens": ["a"], "tags": ["X"]}\n', CLASSIFICATION, "tagging"),
        ("a.json", '[{"context": "a", "question": "b", "answers": []}]', TAGGING, "span_qa"),
    ],
)
def test_a_file_of_another_kind_of_task_says_which(name, data, form, kind, read_file: Callable) -> None:
    with pytest.raises(DataError) as caught:
        read_file(name, data, form)
    assert f'for such a task set kind = "{kind}" in its [[task]]; ' in str(caught.value)


def test_a_file_with_the_tasks_own_fields_gives_no_such_hint(read_file: Callable) -> None:
    with pytest.raises(DataError) as caught:
        read_file("a.jsonl", '{"tokens": "a", "answers": 1}', CLASSIFICATION, fields=Fields(text="tokens"))
    assert "kind =" not in str(caught.value)
