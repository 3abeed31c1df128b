"""Labelled files that are good: every form of them gives the examples that were written."""

import csv
import gzip
import io
import json
import lzma
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import CHOICE, CLASSIFICATION, SPAN_QA, TAGGING, Fields
from twinlm.data.labels.labelled import LabelledSet, read_labelled
from twinlm.errors import DataError, UsageError

J = b'{"text": "a", "label": "x"}\n'

MEND = "correct or remove what is bad"


def read(name: str, data: bytes, **settings) -> tuple[LabelledSet, Counter[str]]:
    Path(name).write_bytes(data)
    counts: Counter[str] = Counter()
    return read_labelled(name, counts=counts, **settings), +counts


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


GOOD = {
    "plain.csv": b"text,label\na,x\nb,y\n",
    "no-newline-at-end.csv": b"text,label\na,x\nb,y",
    "carriage.csv": b"text,label\r\na,x\r\nb,y\r\n",
    "old-mac.csv": b"text,label\ra,x\rb,y\r",
    "mark.csv": b"\xef\xbb\xbftext,label\na,x\nb,y\n",
    "spaced-header.csv": b" text , label\na,x\nb,y\n",
    "quoted-header.csv": b'"text","label"\n"a","x"\n"b","y"\n',
    "more-columns.csv": b"id,label,text,\n1,x,a,\n2,y,b,\n",
    "tabs.tsv": b"text\tlabel\na\tx\nb\ty\n",
    "plain.jsonl": b'{"text": "a", "label": "x"}\n{"label": "y", "text": "b", "id": 7}\n',
    "mark.jsonl": b'\xef\xbb\xbf{"text": "a", "label": "x"}\r\n{"text": "b", "label": "y"}',
    "zipped.csv.gz": gzip.compress(b"text,label\na,x\nb,y\n"),
    "zipped.jsonl.xz": lzma.compress(b'{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n'),
}


rows = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff")).filter(str.strip),
        st.sampled_from(["x", "y", "z z"]),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("name", GOOD)
def test_good_files_give_the_same_two_examples(name):
    expected = LabelledSet(
        (Example("train-1", ("a",), "x"), Example("train-2", ("b",), "y")), ("x", "y"), "as written"
    )
    assert read(name, GOOD[name]) == (expected, {})


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_taken_if_the_header_fits_and_counted(delimiter):
    data = "text,label\na b,x\nb;c,y\n".replace(",", delimiter).replace("b;c", '"b;c"').encode()
    examples, counts = read("a.csv", data)
    assert [example.texts[0] for example in examples.examples] == ["a b", "b;c"]
    assert counts == {"files with another delimiter": 1}


def test_quotes_hold_delimiters_line_ends_and_doubled_quotes():
    examples, _ = read("a.csv", b'text,label\n"a, ""b""\r\n\r\nc",x\nsay "hi",y\n')
    assert [example.texts[0] for example in examples.examples] == ['a, "b"\n\nc', 'say "hi"']


def test_blank_lines_are_counted_and_ids_go_by_row():
    for name, data in (
        ("a.csv", b"\ntext,label\n\na,x\n\nb,y\n"),
        ("a.jsonl", b"\n" + J + b" \n" + J + b"\n"),
    ):
        examples, counts = read(name, data, split="test")
        assert [example.id for example in examples.examples] == ["test-1", "test-2"]
        assert counts == {"blank lines": 3}


def test_columns_can_be_named():
    data = b"review,stars,text,label\na,x,,\n"
    examples, _ = read("a.csv", data, fields=Fields(text="review", label="stars"))
    assert examples.examples == (Example("train-1", ("a",), "x"),)


def test_labels_become_texts_and_oddities_are_counted():
    labels = ["1", 1, 1.0, 2, True, " spaced ", "Pos", "pos", "None"]
    data = "".join(json.dumps({"text": f"t{n}", "label": label}) + "\n" for n, label in enumerate(labels))
    examples, counts = read("a.jsonl", data.encode())
    assert [example.gold for example in examples.examples] == [
        "1", "1", "1", "2", "True", "spaced", "Pos", "pos", "None",
    ]  # fmt: skip
    assert examples.classes == ("1", "2", "None", "Pos", "True", "pos", "spaced")
    assert counts == {
        "labels written as floats": 1,
        "labels with white space around them": 1,
        "labels that are numbers in one row and texts in another": 1,
        "labels that are true or false beside numbers: taken as different classes": 1,
        "labels that differ only in case": 2,
    }


def labelled(*labels: str) -> bytes:
    return "".join(["text,label\n", *(f"t{n},{label}\n" for n, label in enumerate(labels))]).encode()


@pytest.mark.parametrize(
    ("labels", "golds"),
    [
        (["1", "1.0", "0", "0.00"], ["1", "1", "0", "0"]),
        (["1.0", "0.0"], ["1.0", "0.0"]),
        (["1.0", "1.1", "1", "10"], ["1.0", "1.1", "1", "10"]),
        (["1", "1.0", "x"], ["1", "1.0", "x"]),
        (["true", "1", "1.0"], ["true", "1", "1.0"]),
        (["1", "1.0", "0", "0.5"], ["1", "1.0", "0", "0.5"]),
    ],
)
def test_one_and_one_point_zero_are_one_class_if_all_labels_are_whole_numbers(labels, golds):
    examples, counts = read("a.csv", labelled(*labels))
    assert [example.gold for example in examples.examples] == golds
    two_ways = "labels that are one number written in two ways: taken as different classes"
    is_mixed = {"1", "1.0"} <= set(golds)
    assert counts == (
        {"labels written as floats": 2} if labels[3:] == ["0.00"] else {two_ways: 2} if is_mixed else {}
    )


def test_classes_of_later_files_are_read_as_those_of_the_first():
    whole, _ = read("a.csv", labelled("1", "1.0", "0"))
    assert read("b.csv", labelled("1.0", "0.0"), reading=whole.reading)[0].classes == ("0", "1")
    points, _ = read("a.csv", labelled("1.0", "0.0"))
    later, counts = read("b.csv", labelled("1", "0.0", "0"), reading=points.reading)
    assert (later.classes, counts) == (
        points.classes, {"labels written without the .0 that the others have": 2}
    )  # fmt: skip
    versions, _ = read("a.csv", labelled("1.0", "1.1", "1"))
    assert read("b.csv", labelled("1", "1.0"), reading=versions.reading)[0].classes == ("1", "1.0")


@pytest.mark.parametrize(
    ("labels", "classes", "counts"),
    [
        (["true", "false"], ("false", "true"), {}),
        (["TRUE", "FALSE"], ("FALSE", "TRUE"), {}),
        (
            [True, "true", False, "False"],
            ("False", "True"),
            {"another spelling": 1, "true or false in one": 1},
        ),
        ([True, "true", "maybe"], ("True", "maybe", "true"), {"only in case": 2}),
        ([True, "True", False], ("False", "True"), {"true or false in one": 1}),
    ],
)
def test_true_and_false_are_one_class_each_in_any_spelling(labels, classes, counts):
    rows = [json.dumps({"text": f"t{number}", "label": label}) for number, label in enumerate(labels)]
    found, notes = read("a.jsonl", "\n".join(rows).encode())
    assert found.classes == classes
    for part, times in counts.items():
        assert [count for note, count in notes.items() if part in note] == [times]
    assert not any("numbers" in note for note in notes)
    if "maybe" not in labels:
        later, _ = read("b.csv", labelled("true", "FALSE"), reading=found.reading)
        assert later.classes == classes


def test_equal_texts_with_different_labels_are_counted():
    _, counts = read("a.csv", b"text,label\na  b,x\na b,y\nc,x\nc,x\n")
    assert counts == {"texts with different labels": 1}


def test_another_encoding_can_be_named():
    examples, _ = read("a.csv", "text,label\ncafé,x\n".encode("cp1252"), encoding="cp1252")
    assert examples.examples[0].texts[0] == "café"
    _, counts = read("a.csv", b"text,label\ncaf\xe9,x\nb,x\n", errors="skip")
    assert counts == {"lines with bad bytes left out": 1}
    with pytest.raises(UsageError, match="encoding = 'what' is no text encoding"):
        read("a.csv", b"", encoding="what")


def test_the_csv_module_keeps_its_own_limit():
    before = csv.field_size_limit()
    examples, _ = read("a.csv", b"text,label\n" + b"a" * 1_000_000 + b",x\n")
    assert len(examples.examples[0].texts[0]) == 1_000_000
    assert csv.field_size_limit() == before


@given(rows, st.sampled_from([",", ";", "\t"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_what_the_csv_module_writes_is_read_back(rows, delimiter, quoting):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
    writer.writerows([("text", "label"), *rows])
    examples, _ = read("any.csv", text.getvalue().encode())
    assert [(example.texts[0], example.gold) for example in examples.examples] == rows


@given(rows)
def test_what_the_json_module_writes_is_read_back(rows):
    lines = [json.dumps({"text": text, "label": label}) + "\n" for text, label in rows]
    examples, _ = read("any.jsonl", "".join(lines).encode())
    assert [(example.texts[0], example.gold) for example in examples.examples] == rows


@given(st.data())
def test_one_edit_of_a_good_file_loads_or_is_refused_at_a_line_of_it(data):
    kind = data.draw(st.sampled_from(["csv", "jsonl"]))
    good = {
        "csv": b'text,label\n"a, ""b""",x\nc,y\n"d\ne",x\nf,y\n',
        "jsonl": b'{"text": "a", "label": "x"}\n' * 4,
    }[kind]
    place = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 2))
    changed = good[:place] + data.draw(st.binary(max_size=2)) + good[place + cut :]
    name = f"any.{kind}"
    try:
        examples, _ = read(name, changed)
    except DataError as error:
        lines = [int(number) for number in re.findall(rf"{name}:(\d+)", str(error))]
        assert lines or "this is" in str(error) or "nothing in it" in str(error)
        if kind == "jsonl" and lines:
            edited = len(re.split(rb"\r\n|\r|\n", changed[:place]))
            assert edited - 1 <= lines[0] <= edited + 1
    else:
        assert examples.examples


@pytest.mark.parametrize(
    ("name", "data", "form", "wanted"),
    [
        (
            "a.jsonl",
            b'{"id": 7, "text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n',
            CLASSIFICATION,
            ["7", ""],
        ),
        ("a.csv", b"id,text,label\nq-1,a,x\nq-2,b,y\n", CLASSIFICATION, ["q-1", "q-2"]),
        ("a.jsonl", b'{"id": [1], "text": "a", "label": "x"}\n', CLASSIFICATION, [""]),
        (
            "a.json",
            b'{"data": [{"paragraphs": [{"context": "A dog", "qas": [{"id": "56be", "question": "Who?", '
            b'"answers": []}]}]}]}',
            SPAN_QA,
            ["56be"],
        ),
        (
            "a.conllu",
            b"# sent_id = en-3 \n# text = It\n1\tIt\t_\tPRON\t_\t_\t_\t_\t_\t_\n\n"
            b"1\tRun\t_\tVERB\t_\t_\t_\t_\t_\t_\n",
            TAGGING,
            ["en-3", ""],
        ),
    ],
)
def test_the_datas_own_ids_are_kept(name, data, form, wanted):
    examples, *_ = read(name, data, form=form)[0]
    assert [example.data_id for example in examples] == wanted
    assert [example.id for example in examples] == [f"train-{n}" for n in range(1, len(wanted) + 1)]


def test_a_column_of_ids_that_is_named_must_be_there():
    data = b"key,text,label\nk1,a,x\n"
    examples, *_ = read("a.csv", data, fields=Fields(id="key"))[0]
    assert examples[0].data_id == "k1"
    with pytest.raises(DataError, match="no column 'uid'"):
        read("a.csv", data, fields=Fields(id="uid"))
    with pytest.raises(DataError, match=r"a\.jsonl:1: .*'uid'"):
        read("a.jsonl", J, fields=Fields(id="uid"))


def test_a_question_on_the_text_stands_before_the_choices():
    row = {"text": "It rained.", "ask": "What fell?", "choices": ["rain", "snow"], "label": 1}
    data = json.dumps(row).encode()
    (example,), *_ = read("a.jsonl", data, form=CHOICE, fields=Fields(text_b="ask"))[0]
    assert (example.texts, example.stem, example.gold) == (("It rained.", "What fell?", "rain", "snow"), 2, 1)
    (example,), *_ = read("a.jsonl", data, form=CHOICE)[0]
    assert (example.texts, example.stem) == (("It rained.", "rain", "snow"), 1)
