"""Objects of Python become files, whose rows say what the objects say."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from twinlm.errors import UsageError
from twinlm.notebook.frames import corpus_settings, frame, task_settings

ROWS = [{"text": "ä b", "label": "x"}, {"text": "c\nd", "label": "y"}]


class Dataset:
    """What the datasets library's tables have that is used here."""

    column_names = ("text", "label")

    def __iter__(self):
        return iter(ROWS)


def read(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.mark.parametrize("table", [ROWS, tuple(ROWS), pd.DataFrame(ROWS), pl.DataFrame(ROWS), Dataset()])
def test_tables_of_all_kinds_are_the_same(tmp_path, table):
    made = task_settings("topic", table, tmp_path)
    assert made["name"] == "topic"
    assert read(made["train"]) == ROWS
    assert read(corpus_settings(table, tmp_path)["train"][0]) == ROWS


def test_splits_and_settings_of_a_task(tmp_path):
    task = {"train": ROWS, "validation": pd.DataFrame(ROWS[:1]), "test": "test.csv", "label_field": "topic"}
    made = task_settings("topic", task, tmp_path)
    assert (made["test"], made["label_field"]) == ("test.csv", "topic")
    assert read(made["valid"]) == ROWS[:1]


def test_texts_and_files_of_a_corpus(tmp_path):
    assert corpus_settings("a.txt", tmp_path) == {"train": ["a.txt"]}
    assert corpus_settings([Path("a.txt"), Path("b.txt")], tmp_path) == {"train": ["a.txt", "b.txt"]}
    made = corpus_settings({"train": ["one", "two"], "valid": Path("v.txt")}, tmp_path)
    assert read(made["train"][0]) == [{"text": "one"}, {"text": "two"}]
    assert made["valid"] == ["v.txt"]


def test_names_of_files_are_no_texts(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("text")
    with pytest.raises(UsageError, match="names of files"):
        corpus_settings([str(path)], tmp_path)


def test_what_is_missing_is_left_out_and_never_a_text(tmp_path):
    table = pd.DataFrame({"text": ["a", None], "label": [1.0, math.nan], "tags": [np.array(["A"]), None]})
    table["whole"] = pd.array([1, pd.NA], dtype="Int64")
    assert read(task_settings("t", table, tmp_path)["train"]) == [
        {"text": "a", "label": 1.0, "tags": ["A"], "whole": 1},
        {},
    ]
    categories = pd.DataFrame({"text": ["a", "b"], "label": pd.Categorical(["x", None])})
    assert read(task_settings("t", categories, tmp_path)["train"]) == [
        {"text": "a", "label": "x"},
        {"text": "b"},
    ]


def test_an_unchanged_table_is_not_written_again(tmp_path):
    path = Path(task_settings("topic", ROWS, tmp_path)["train"])
    before = path.stat().st_ino
    task_settings("topic", ROWS, tmp_path)
    assert path.stat().st_ino == before
    task_settings("topic", ROWS[:1], tmp_path)
    assert read(path) == ROWS[:1]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"trian": ROWS}, "has no 'train'"),
        ({"valid": ROWS}, "has no 'train'"),
        (3, "int, no table"),
        ([], "is empty"),
        (["a text"], "row 0 is str, not a dict"),
        ({"train": pd.DataFrame()}, "is empty"),
    ],
)
def test_what_is_no_task_is_refused(tmp_path, task, message):
    with pytest.raises(UsageError, match=message):
        task_settings("topic", task, tmp_path)


def test_a_name_cannot_lead_out_of_the_run(tmp_path):
    with pytest.raises(UsageError, match="can't be the name of a task"):
        task_settings("../../elsewhere", ROWS, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_frames_are_of_the_library_that_is_installed():
    assert frame([{"a": 1}]).to_dict("records") == [{"a": 1}]
