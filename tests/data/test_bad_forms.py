"""Rows that a form refuses, and files of a form that are bad: tables of them with the message of each."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from twinlm.data.labels.forms import CHOICE, CLASSIFICATION, SIMILARITY, SPAN_QA, TAGGING, Fields, Form

MEND = "correct or remove what is bad"
PAIR = replace(CLASSIFICATION, fields=Fields(text="text", text_b="text_b", label="label"))
CONTEXT = "Ada wrote it. Bob read it."


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def line(**values: object) -> str:
    """Return a row of .jsonl."""
    return json.dumps(values) + "\n"


# Of each bad row of .jsonl: its form, the row, and what is wrong with it.
A, B = {"text": "a", "text_b": "b"}, {"context": CONTEXT, "question": "q"}
BAD_ROWS: dict[str, tuple[Form, dict[str, object], str]] = {
    "pair-first-empty": (PAIR, {"text": "", "text_b": "b", "label": "x"}, "the field 'text' is empty"),
    "pair-second-empty": (PAIR, {"text": "a", "text_b": "", "label": "x"}, "the field 'text_b' is empty"),
    "pair-second-blank": (
        PAIR,
        {"text": "a", "text_b": "\n\u3000", "label": "x"},
        "the field 'text_b' is only white space",
    ),
    "pair-no-second": (PAIR, {"text": "a", "label": "x"}, "no field 'text_b'; the row has 'text', 'label'"),
    "pair-null": (
        PAIR,
        {"text": "a", "text_b": None, "label": "x"},
        "the field 'text_b' is null, not a text: 'None'",
    ),
    "pair-list": (
        PAIR,
        {"text": ["a"], "text_b": "b", "label": "x"},
        "the field 'text' is a list, not a text: \"['a']\"",
    ),
    "pair-nul": (
        PAIR,
        {"text": "a", "text_b": "b\0", "label": "x"},
        "the field 'text_b' has a NUL character, the first at character 2",
    ),
    "score-none": (SIMILARITY, A, "no field 'score'; the row has 'text', 'text_b'"),
    "score-null": (SIMILARITY, {**A, "score": None}, "the field 'score' is null, not a number"),
    "score-bool": (SIMILARITY, {**A, "score": True}, "the field 'score' is true or false, not a number"),
    "score-list": (SIMILARITY, {**A, "score": [1]}, "the field 'score' is a list, not a number"),
    "score-word": (SIMILARITY, {**A, "score": "high"}, "the field 'score' is 'high', not a number"),
    "score-empty": (SIMILARITY, {**A, "score": ""}, "the field 'score' is '', not a number"),
    "score-comma": (SIMILARITY, {**A, "score": "2,5"}, "the field 'score' is '2,5', not a number"),
    "score-underscore": (SIMILARITY, {**A, "score": "1_0"}, "the field 'score' is '1_0', not a number"),
    "score-nan": (SIMILARITY, {**A, "score": "NaN"}, "the field 'score' is 'NaN', not a finite number"),
    "score-inf": (SIMILARITY, {**A, "score": "-inf"}, "the field 'score' is '-inf', not a finite number"),
    "score-digits": (
        SIMILARITY,
        {**A, "score": "9" * 9999},
        f"the field 'score' is '{'9' * 40}', not a finite number",
    ),
    "score-whole": (
        SIMILARITY,
        {**A, "score": 10**400},
        f"the field 'score' is '1{'0' * 39}', not a finite number",
    ),
    "choice-one": (
        CHOICE,
        {"text": "q", "choices": ["a"], "label": 0},
        "1 choices in 'choices': at least 2 are needed",
    ),
    "choice-none": (
        CHOICE,
        {"text": "q", "choices": [], "label": 0},
        "0 choices in 'choices': at least 2 are needed",
    ),
    "choice-absent": (CHOICE, {"text": "q", "label": 0}, "0 choices in 'choices': at least 2 are needed"),
    "choice-empty": (
        CHOICE,
        {"text": "q", "choices": ["a", ""], "label": 0},
        "choice 1 of 'choices' is empty",
    ),
    "choice-blank": (
        CHOICE,
        {"text": "q", "choices": [" ", "b"], "label": 1},
        "choice 0 of 'choices' is only white space",
    ),
    "choice-text": (
        CHOICE,
        {"text": "q", "choices": "ab", "label": 0},
        "the field 'choices' is a text, not a list of texts",
    ),
    "choice-number": (
        CHOICE,
        {"text": "q", "choices": ["a", 2], "label": 0},
        "item 1 of 'choices' is a number, not a text",
    ),
    "choice-surrogate": (
        CHOICE,
        {"text": "q", "choices": ["a", "b\ud800"], "label": 0},
        "the field 'choices' has half a surrogate pair, \\ud800, at character 2",
    ),
    "choice-no-text": (CHOICE, {"choices": ["a", "b"], "label": 0}, "no field 'text'; the row has <...>"),
    **{
        f"place-{key}": (
            CHOICE,
            {"text": "q", "choices": ["a", "b"], "label": value},
            f"the field 'label' is {said}, not a choice's number from 0 to 1 or the text of one choice",
        )
        for key, value, said in (
            ("above", 2, "'2'"),
            ("below", -1, "'-1'"),
            ("fraction", 0.5, "'0.5'"),
            ("bool", True, "true or false"),
            ("null", None, "null"),
            ("other", "c", "'c'"),
            ("empty", "", "''"),
            ("list", [1], "a list"),
            ("superscript", "²", "'²'"),
            ("padded", "0000000009", "'0000000009'"),
            ("pushed", " " * 12 + "9", "'            9'"),
            ("digits", "0" * 5000, f"'{'0' * 40}'"),
            ("huge", 10**4000, f"'1{'0' * 39}'"),
        )
    },
    "place-absent": (
        CHOICE,
        {"text": "q", "choices": ["a", "b"]},
        "no field 'label'; the row has 'text', 'choices'",
    ),
    "place-twice": (
        CHOICE,
        {"text": "q", "choices": ["a", "a"], "label": "a"},
        "the field 'label' is 'a', the text of two choices or more, so it names none of them",
    ),
    "tags-more": (
        TAGGING,
        {"tokens": ["a"], "tags": ["O", "O"]},
        "1 words in 'tokens', but 2 tags in 'tags'",
    ),
    "tags-fewer": (
        TAGGING,
        {"tokens": ["a"] * 1500, "tags": ["O"]},
        "1,500 words in 'tokens', but 1 tags in 'tags'",
    ),
    "tags-none": (TAGGING, {"tokens": ["a"], "tags": []}, "the field 'tags' is an empty list"),
    "tags-absent": (TAGGING, {"tokens": ["a"]}, "no field 'tags'; the row has 'tokens'"),
    "tags-text": (TAGGING, {"tokens": ["a"], "tags": "O"}, "the field 'tags' is a text, not a list of texts"),
    "tags-numbers": (TAGGING, {"tokens": ["a"], "tags": [3]}, "item 0 of 'tags' is a number, not a text"),
    "tags-null": (TAGGING, {"tokens": ["a"], "tags": [None]}, "item 0 of 'tags' is null, not a text"),
    "tags-empty": (TAGGING, {"tokens": ["a", "b"], "tags": ["O", ""]}, "item 1 of 'tags' is empty"),
    "words-none": (TAGGING, {"tokens": [], "tags": []}, "the field 'tokens' is an empty list"),
    "words-text": (
        TAGGING,
        {"tokens": "a b", "tags": ["O", "O"]},
        "the field 'tokens' is a text, not a list of texts",
    ),
    "words-blank": (TAGGING, {"tokens": ["\t \r"], "tags": ["O"]}, "item 0 of 'tokens' is only white space"),
    "words-list": (TAGGING, {"tokens": [["a"]], "tags": ["O"]}, "item 0 of 'tokens' is a list, not a text"),
    "words-nul": (
        TAGGING,
        {"tokens": ["a\0"], "tags": ["O"]},
        "item 0 of 'tokens' has a NUL character, the first at character 2",
    ),
    "words-huge": (
        TAGGING,
        {"tokens": ["a" * (1 << 20) + "a"], "tags": ["O"]},
        "item 0 of 'tokens' has 1,048,577 characters, more than 1,048,576",
    ),
    "span-no-answers": (SPAN_QA, B, "no field 'answers'; the row has 'context', 'question'"),
    "span-null": (SPAN_QA, {**B, "answers": None}, "the field 'answers' is null, not a list of answers"),
    "span-text": (SPAN_QA, {**B, "answers": "Ada"}, "the field 'answers' is a text, not a list of answers"),
    "span-unequal": (
        SPAN_QA,
        {**B, "answers": {"text": ["Ada"], "answer_start": [0, 4]}},
        "the field 'answers' must hold as many 'text' as 'answer_start'",
    ),
    "span-no-starts": (
        SPAN_QA,
        {**B, "answers": {"text": ["Ada"]}},
        "the field 'answers' must hold as many 'text' as 'answer_start'",
    ),
    "span-one-object": (
        SPAN_QA,
        {**B, "answers": {"text": "Ada", "answer_start": 0}},
        "the field 'answers' must hold as many 'text' as 'answer_start'",
    ),
    "span-item": (
        SPAN_QA,
        {**B, "answers": ["Ada"]},
        "answer 0 is a text, not an object with 'text' and 'answer_start'",
    ),
    "span-no-text": (SPAN_QA, {**B, "answers": [{"answer_start": 0}]}, "answer 0 has no 'text'"),
    "span-blank-text": (
        SPAN_QA,
        {**B, "answers": [{"text": " ", "answer_start": 3}]},
        "answer 0 has no 'text'",
    ),
    **{
        f"span-start-{key}": (
            SPAN_QA,
            {**B, "answers": [{"text": "Ada", "answer_start": 0}, {"text": "Ada", **start}]},
            "answer 1 ('Ada') has no 'answer_start', a character from 0",
        )
        for key, start in {
            "absent": {},
            "below": {"answer_start": -1},
            "bool": {"answer_start": False},
            "fraction": {"answer_start": 0.0},
            "text": {"answer_start": "0"},
            "null": {"answer_start": None},
        }.items()
    },
    "span-elsewhere": (
        SPAN_QA,
        {**B, "answers": [{"text": "Bob", "answer_start": 13}]},
        "answer 0 ('Bob') is not at character 13 of the context; it is at 14",
    ),
    "span-nowhere": (
        SPAN_QA,
        {**B, "answers": [{"text": "ada", "answer_start": 0}]},
        "answer 0 ('ada') is not at character 0 of the context; it is nowhere in it",
    ),
    "span-behind": (
        SPAN_QA,
        {**B, "answers": {"text": ["Ada"], "answer_start": [10**9]}},
        "answer 0 ('Ada') is not at character 1,000,000,000 of the context; it is at 0",
    ),
    "span-impossible": (
        SPAN_QA,
        {**B, "answers": [], "is_impossible": "true"},
        "the field 'is_impossible' is a text, not true or false",
    ),
    "span-no-question": (
        SPAN_QA,
        {"context": "a", "answers": []},
        "no field 'question'; the row has 'context', 'answers'",
    ),
    "span-blank-context": (
        SPAN_QA,
        {"context": "", "question": "q", "answers": []},
        "the field 'context' is empty",
    ),
    "span-number": (
        SPAN_QA,
        {"context": "a", "question": 7, "answers": []},
        "the field 'question' is a number, not a text: '7'",
    ),
}
GOOD_ROWS = {
    id(PAIR): line(**A, label="x"),
    id(SIMILARITY): line(**A, score=1),
    id(CHOICE): line(text="q", choices=["a", "b"], label=0),
    id(TAGGING): line(tokens=["a"], tags=["O"]),
    id(SPAN_QA): line(**B, answers=[]),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_gives_its_message(name: str, check_refused: Callable) -> None:
    form, row, reason = BAD_ROWS[name]
    good = GOOD_ROWS[id(form)]
    check_refused("a.jsonl", good + line(**row) + good, form, f"a.jsonl:2: {reason}; {MEND}")


# Of each bad table: its form, what it holds, and the whole message.
HEADER = (
    "begin the file with a line that names the columns {}, or set the names of yours, or their numbers from 1"
)
SCORED = HEADER.format("'text' and 'text_b' and 'score'")
TAGS = 'for such a task set kind = "tagging" in its [[task]]; '
NO_CHOICE = "not a choice's number from 0 to 1 or the text of one choice"
BAD_TABLES = {
    "score.csv": (
        SIMILARITY,
        "text,text_b\na,b\n",
        f"score.csv:1: the header has no column 'score'; its columns are 'text', 'text_b'; {SCORED}",
    ),
    "score.tsv": (
        SIMILARITY,
        "text\ttextb\tscore\na\tb\t1\n",
        "score.tsv:1: the header has no column 'text_b'; its columns are 'text', 'textb', 'score'; "
        f"did you mean 'textb'? {SCORED}",
    ),
    "empty.tsv": (SIMILARITY, "", f"empty.tsv: the file has no content: no header, 0 rows; {SCORED}"),
    "nan.csv": (
        SIMILARITY,
        "text,text_b,score\na,b,1\nc,d,nan\n",
        f"nan.csv:3: the field 'score' is 'nan', not a finite number; {MEND}",
    ),
    "missing.csv": (
        SIMILARITY,
        "text,text_b,score\na,b,\n",
        f"missing.csv:2: the field 'score' is '', not a number; {MEND}",
    ),
    "one-side.csv": (
        SIMILARITY,
        'text,text_b,score\n"a\nb",,1\n"c","d",1\n',
        f"one-side.csv:2: the field 'text_b' is empty; {MEND}",
    ),
    "ragged.csv": (
        PAIR,
        "text,text_b,label\na,b\nc,d,e,f\n\ng,h,x\ni,,x\n",
        f"ragged.csv: 3 of 4 rows are bad; {MEND}:\n"
        "  ragged.csv:2: 2 fields, but the first line has 3 columns (a value is missing)\n"
        "  ragged.csv:3: 4 fields, but the first line has 3 columns "
        "(put a text that holds a comma in quotes)\n"
        "  ragged.csv:6: the field 'text_b' is empty",
    ),
    "choice.csv": (
        CHOICE,
        "text,choice_1,choice_2,label\nq,a,,0\nq,,b,1\nq,a,b,2\nq,a,b,a\nq,a,b,\n",
        f"choice.csv: 4 of 5 rows are bad; {MEND}:\n"
        "  choice.csv:2: 1 choices in 'choices': at least 2 are needed\n"
        "  choice.csv:3: choice 0 of 'choices' is empty\n"
        f"  choice.csv:4: the field 'label' is '2', {NO_CHOICE}\n"
        f"  choice.csv:6: the field 'label' is '', {NO_CHOICE}",
    ),
    "column.csv": (
        CHOICE,
        "text,choices,label\nq,a b,0\n",
        f"column.csv:2: the field 'choices' is a text, not a list of texts; {MEND}",
    ),
    "huge.tsv": (
        PAIR,
        "text\ttext_b\tlabel\na\t" + "b" * ((1 << 20) + 1) + "\tx\n",
        f"huge.tsv:2: a field is longer than 1,048,576 characters (is a quote never closed?); {MEND}",
    ),
    "deep.jsonl": (
        TAGGING,
        '{"tokens": ' + "[" * 99_999 + "\n",
        "deep.jsonl:1: JSON nested too deeply: '{\"tokens\": <...>'...; " + MEND,
    ),
    "empty.jsonl": (
        CHOICE,
        "\n",
        "empty.jsonl: the file has no rows: 1 bytes, 0 examples; give it rows with 'text' and 'label'",
    ),
    **{
        name: (
            form,
            "a",
            f"{name}: the ending {ending!r} does not say what the file holds; "
            f"{hint}known: {', '.join(form.endings)}, each also with .gz, .bz2, .xz, .zst",
        )
        for form, name, ending, hint in (
            (CLASSIFICATION, "a.conll", ".conll", TAGS),
            (SIMILARITY, "a.jsn", ".jsn", ""),
            (CHOICE, "a.conllu.gz", ".conllu.gz", TAGS),
            (TAGGING, "a.csv", ".csv", ""),
            (TAGGING, "a.txt.xz", ".txt.xz", ""),
            (SPAN_QA, "a.tsv", ".tsv", ""),
            (SPAN_QA, "a.conll", ".conll", TAGS),
        )
    },
}


@pytest.mark.parametrize("key", BAD_TABLES)
def test_a_bad_file_gives_its_message(key: str, check_refused: Callable) -> None:
    form, data, message = BAD_TABLES[key]
    check_refused(key, data, form, message)


def test_there_are_enough_bad_rows_and_files_here() -> None:
    assert len(BAD_ROWS) + len(BAD_TABLES) >= 70
