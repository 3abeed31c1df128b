"""What rows hold, form by form: good files give their examples, and one edit of a good file is survived.

Bad rows are in test_bad_forms.py.
"""

import gzip
import json
import lzma
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import (
    CHOICE,
    CLASSIFICATION,
    CONTINUES,
    SIMILARITY,
    SPAN_QA,
    TAGGING,
    Fields,
    Form,
)
from twinlm.errors import DataError

PAIR = replace(CLASSIFICATION, fields=Fields(text="text", text_b="text_b", label="label"))
CONTEXT = "Ada wrote it. Bob read it."
UNIVERSAL = "1\t{}\t_\t{}\t_\t_\t0\troot\t_\t_\n"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def line(**values: object) -> str:
    """Return a row of .jsonl."""
    return json.dumps(values) + "\n"


def squad(*questions: dict[str, object], context: object = CONTEXT) -> str:
    """Return a file of SQuAD's form with one paragraph."""
    return json.dumps({"data": [{"paragraphs": [{"context": context, "qas": questions}]}]}, indent=1)


ASKED = {"question": "Who wrote?", "answers": [{"text": "Ada", "answer_start": 0}]}
READ = {"question": "Who read?", "answers": [{"text": "Bob", "answer_start": 14}]}

# Of each good file: its form, what it holds, and the texts and gold answers that it gives.
GOOD: dict[str, tuple[Form, str, list[tuple[tuple[str, ...], object]]]] = {
    "pair.csv": (PAIR, "text,text_b,label\na,b,x\nc,d,y\n", [(("a", "b"), "x"), (("c", "d"), "y")]),
    "pair.tsv": (PAIR, "text_b\tlabel\ttext\nb\tx\ta\n", [(("a", "b"), "x")]),
    "pair.jsonl": (PAIR, line(text="a", text_b="b", label=1), [(("a", "b"), "1")]),
    "score.csv": (
        SIMILARITY,
        "text,text_b,score\na,b,2.5\nc,d, 1e-1 \ne,f,-3\n",
        [(("a", "b"), 2.5), (("c", "d"), 0.1), (("e", "f"), -3.0)],
    ),
    "score.tsv": (SIMILARITY, "text\ttext_b\tscore\na\tb\t5\n", [(("a", "b"), 5.0)]),
    "score.jsonl": (
        SIMILARITY,
        line(text="a", text_b="b", score=0) + line(text="a", text_b="c", score="0.5"),
        [(("a", "b"), 0.0), (("a", "c"), 0.5)],
    ),
    "choice.csv": (
        CHOICE,
        "text,choice_1,choice_2,choice_3,label\nq,a,b,c,2\nr,a,b,,1\n",
        [(("q", "a", "b", "c"), 2), (("r", "a", "b"), 1)],
    ),
    "choice-ten.csv": (
        CHOICE,
        "text,"
        + ",".join(f"choices{n}" for n in range(11))
        + ",label\nq,"
        + ",".join("abcdefghijk")
        + ",k\n",
        [(("q", *"abcdefghijk"), 10)],
    ),
    "choice.tsv": (CHOICE, "label\tchoice 2\tchoice-1\ttext\n0\tb\ta\tq\n", [(("q", "a", "b"), 0)]),
    "choice.jsonl": (
        CHOICE,
        line(text="q", choices=["a", "b"], label=1)
        + line(text="q", choices=["a", "b", "c"], label="1.0")
        + line(text="q", choices=["a", "b"], label=" 01 "),
        [(("q", "a", "b"), 1), (("q", "a", "b", "c"), 1), (("q", "a", "b"), 1)],
    ),
    "tags.jsonl": (
        TAGGING,
        line(tokens=["New", "York"], tags=["B-LOC", "I-LOC"]) + line(tokens=["ö\u00a0ö"], tags=["O"]),
        [(("New", "York"), ["B-LOC", "I-LOC"]), (("ö\u00a0ö",), ["O"])],
    ),
    "tags.conll": (
        TAGGING,
        "New NNP B-LOC\nYork  NNP\tI-LOC\n\n\n".replace("\t", " ") + "a\tX Y\tO",
        [(("New", "York"), ["B-LOC", "I-LOC"]), (("a",), ["O"])],
    ),
    "tags.conllu": (
        TAGGING,
        "# text = a\n" + UNIVERSAL.format("a b", "DET") + "\n" + UNIVERSAL.format("#", "SYM"),
        [(("a b",), ["DET"]), (("#",), ["SYM"])],
    ),
    "span.jsonl": (
        SPAN_QA,
        line(context=CONTEXT, **ASKED)
        + line(context=CONTEXT, question="Why?", answers=[])
        + line(context=CONTEXT, question="Why?", is_impossible=True)
        + line(context=CONTEXT, question="What?", answers={"text": ["it", "it"], "answer_start": [10, 23]}),
        [
            (("Who wrote?", CONTEXT), [{"text": "Ada", "start": 0}]),
            (("Why?", CONTEXT), []),
            (("Why?", CONTEXT), []),
            (("What?", CONTEXT), [{"text": "it", "start": 10}, {"text": "it", "start": 23}]),
        ],
    ),
    "span.json": (
        SPAN_QA,
        squad(ASKED, READ),
        [
            (("Who wrote?", CONTEXT), [{"text": "Ada", "start": 0}]),
            (("Who read?", CONTEXT), [{"text": "Bob", "start": 14}]),
        ],
    ),
}


@pytest.mark.parametrize("ending", ["", ".gz", ".xz"])
@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_gives_its_examples(name: str, ending: str, read_file: Callable) -> None:
    form, data, expected = GOOD[name]
    pack = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[ending]
    found, counts = read_file(name + ending, pack(data.encode()), form)
    assert [(example.texts, example.gold) for example in found.examples] == expected
    assert not counts
    json.dumps([example.gold for example in found.examples])


def test_an_answer_keeps_its_place_in_the_given_text_and_in_the_one_with_line_feeds(
    read_file: Callable,
) -> None:
    context = "One\r\ntwo\rthree\r\n\r\nfour"
    answers = [
        {"text": text, "answer_start": context.index(text)}
        for text in ("two", "three", "four", "One\r\ntwo", "e\r\n\r\nf", "\n\r\nfour")
    ]
    found, _ = read_file("a.jsonl", line(context=context, question="q", answers=answers), SPAN_QA)
    (example,) = found.examples
    assert example.texts[1] == context
    read = SPAN_QA.as_read(example)
    assert read.texts[1] == "One\ntwo\nthree\n\nfour"
    for one in (example, read):
        assert len(one.gold) == 6
        for answer in one.gold:
            start, text = answer["start"], answer["text"]
            assert one.texts[1][start : start + len(text)] == text
    assert not any("\r" in answer["text"] for answer in read.gold)
    assert SPAN_QA.documents(example) == SPAN_QA.documents(read)


def test_answers_of_a_question_that_is_said_to_have_none_are_counted(read_file: Callable) -> None:
    found, counts = read_file("a.json", squad({**ASKED, "is_impossible": True}, READ), SPAN_QA)
    assert [len(example.gold) for example in found.examples] == [0, 1]
    assert counts == {"answers to questions that are marked impossible": 1}


def test_tags_without_a_beginning_are_counted_and_kept(read_file: Callable) -> None:
    tags = ["I-PER", "I-PER", "O", "I-LOC", "B-LOC", "I-LOC", "I-PER", "B-PER", "I-PER"]
    found, counts = read_file(
        "a.jsonl", line(tokens=["w"] * 9, tags=tags) + line(tokens=["w"], tags=["O"]), TAGGING
    )
    assert found.examples[0].gold == tags
    assert found.classes == ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")
    assert counts == {CONTINUES: 3}


def test_white_space_around_tags_is_taken_off_and_counted(read_file: Callable) -> None:
    found, counts = read_file("a.jsonl", line(tokens=["v", "w"], tags=[" O", "O"]), TAGGING)
    assert found.classes == ("O",)
    assert counts == {"labels with white space around them": 1}


def test_rows_without_labels_need_none(read_file: Callable) -> None:
    for form, row in (
        (PAIR, {"text": "a", "text_b": "b"}),
        (SIMILARITY, {"text": "a", "text_b": "b"}),
        (CHOICE, {"text": "a", "choices": ["b", "c"]}),
        (TAGGING, {"tokens": ["a"]}),
        (SPAN_QA, {"context": "a", "question": "b"}),
    ):
        found, _ = read_file("a.jsonl", line(**row), form, is_labelled=False)
        assert [example.gold for example in found.examples] == [None]
        assert found.classes == ()


def test_columns_and_keys_can_be_named(read_file: Callable) -> None:
    names = Fields(text="words", label="ner_tags")
    found, _ = read_file("a.jsonl", line(words=["a"], ner_tags=["O"], tags=[1]), TAGGING, fields=names)
    assert found.examples == (Example("train-1", ("a",), ["O"]),)
    names = Fields(text="ctx", choices="endings")
    data = "ctx,ending0,ending1,label\nq,a,b,1\n"
    found, _ = read_file("a.csv", data, CHOICE, fields=names)
    assert found.examples == (Example("train-1", ("q", "a", "b"), 1),)


EDITED = {name: (form, data.encode()) for name, (form, data, _) in GOOD.items()}


@given(st.data())
def test_one_edit_of_a_good_file_loads_or_is_refused_at_a_line_of_it(read_file: Callable, data) -> None:
    name = data.draw(st.sampled_from(sorted(EDITED)))
    form, good = EDITED[name]
    new = data.draw(st.binary(max_size=2) | st.sampled_from([b"\n", b'"', b"\t", b"[", b"}", b"null", b"-1"]))
    if data.draw(st.booleans()):
        place, cut = data.draw(st.integers(0, len(good))), data.draw(st.integers(0, 2))
        changed = good[:place] + new + good[place + cut :]
    else:
        lines = good.splitlines(keepends=True)
        place, cut = data.draw(st.integers(0, len(lines))), data.draw(st.integers(0, 1))
        changed = b"".join([*lines[:place], new + b"\n", *lines[place + cut :]])
    try:
        found, _ = read_file(name, changed, form)
    except DataError as error:
        assert error.exit_code == 3
        last = len(re.findall(rb"\r\n|\r|\n", changed)) + 1
        places = [int(number) for number in re.findall(rf"{re.escape(name)}:(\d+)", str(error))]
        assert all(1 <= number <= last for number in places), str(error)
        assert str(error).startswith(f"{name}:")
    else:
        assert found.examples
        json.dumps([example.gold for example in found.examples])
