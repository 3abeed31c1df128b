"""Files of SQuAD's form: good ones of both versions, and bad ones with the place of each mistake."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.labels.forms import SPAN_QA
from twinlm.data.labels.squad import squad_questions
from twinlm.data.text.rows import BadRows
from twinlm.errors import DataError

MEND = "correct or remove what is bad"
HINT = "a .json file holds one list of objects, an object a line, or SQuAD's one object with 'data'"
CONTEXT = "Ada wrote it."
ASKED = {"id": "1", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def paragraph(*questions: object, context: object = CONTEXT) -> dict[str, object]:
    return {"context": context, "qas": list(questions)}


def squad(*paragraphs: object) -> str:
    """Return a file, a value a line, with one article."""
    return json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": list(paragraphs)}]}, indent=0)


def line_of(data: str, text: str) -> int:
    return data[: data.index(text)].count("\n") + 1


def test_all_questions_of_all_paragraphs_and_articles_are_read(read_file: Callable) -> None:
    second = {"id": "2", "question": "What?", "answers": [], "is_impossible": True}
    plausible = {**second, "plausible_answers": [{"text": "it", "answer_start": 10}]}
    other = paragraph({**ASKED, "question": "Whose?"}, context="Ada's.")
    article = {"paragraphs": [paragraph(ASKED, plausible), paragraph(), other]}
    data = {"version": "v2.0", "data": [article, {"paragraphs": []}, {"paragraphs": [other]}]}
    found, counts = read_file("a.json", json.dumps(data), SPAN_QA)
    assert [example.texts for example in found.examples] == [
        ("Who?", CONTEXT),
        ("What?", CONTEXT),
        ("Whose?", "Ada's."),
        ("Whose?", "Ada's."),
    ]
    assert [example.gold for example in found.examples] == [
        [{"text": "Ada", "start": 0}],
        [],
        [{"text": "Ada", "start": 0}],
        [{"text": "Ada", "start": 0}],
    ]
    assert [example.id for example in found.examples] == ["train-1", "train-2", "train-3", "train-4"]
    assert not counts


def test_a_question_is_asked_of_its_paragraph(read_file: Callable) -> None:
    found, _ = read_file("a.json", squad(paragraph({**ASKED, "context": "Another."})), SPAN_QA)
    assert found.examples[0].texts == ("Who?", CONTEXT)


def test_a_file_on_one_line_longer_than_any_text_is_read(read_file: Callable) -> None:
    contexts = [f"Ada {n} " + "é" * 1_000_000 for n in range(3)]
    data = json.dumps(
        {"data": [{"paragraphs": [paragraph(ASKED, context=text) for text in contexts]}]}, ensure_ascii=False
    )
    assert len(data.encode()) > 5 << 20
    found, _ = read_file("a.json", data, SPAN_QA)
    assert [example.texts[1] for example in found.examples] == contexts


@pytest.mark.parametrize("is_ascii", [False, True])
def test_a_question_has_the_line_of_its_own_text(is_ascii: bool) -> None:
    texts = ["Wer?", 'So "ja"?', "Wo über?", "Wer?", "日本?", "Who\nelse?", "a/b\\c?", "😀?"]
    questions = [{"question": text, "answers": []} for text in texts]
    data = json.dumps({"data": [{"paragraphs": [paragraph(*questions)]}]}, indent=1, ensure_ascii=is_ascii)
    Path("a.json").write_text(data, encoding="utf-8")
    lines = data.split("\n")
    wanted = [number for number, line in enumerate(lines, start=1) if '"question"' in line]
    found = squad_questions(json.loads(data), data, Path("a.json"), BadRows())
    assert [line for line, _ in found] == wanted


def test_oddly_escaped_questions_keep_the_line_of_one_before() -> None:
    texts = ["One?", "and/or?", "Three?", "Four/five?"]
    questions = [{"question": text, "answers": []} for text in texts]
    data = json.dumps({"data": [{"paragraphs": [paragraph(*questions)]}]}, indent=1).replace("/", "\\/")
    Path("a.json").write_text(data, encoding="utf-8")
    found = list(squad_questions(json.loads(data), data, Path("a.json"), BadRows()))
    assert [values["question"] for _, values in found] == texts
    one, three = line_of(data, '"One?"'), line_of(data, '"Three?"')
    assert [line for line, _ in found] == [one, one, three, three]


# Of each file that is no SQuAD at all: what it holds, and the whole message.
NO_SQUAD = {
    "empty.json": ("", f"empty.json: the file has no content; {HINT}"),
    "blank.json": ("\n \n", f"blank.json: the file has no content; {HINT}"),
    "list.json": (
        "[]",
        "list.json: the file has no rows: 2 bytes, 0 examples; "
        "give it rows with 'context' and 'question' and 'answers'",
    ),
    "null.json": ("null\n", f"null.json:1: not an object but null: 'null'; {HINT}"),
    "text.json": ("Who?\n", f"text.json:1: not JSON at column 1: Expecting value in 'Who?'; {HINT}"),
    "rows.json": (
        '{"data": []}\n{"data": []}\n',
        f"rows.json: 2 of 2 rows are bad; {MEND}:\n"
        "  rows.json:1: no field 'question'; the row has 'data'\n"
        "  rows.json:2: no field 'question'; the row has 'data'",
    ),
    "later.json": (
        '{"data": [\n{"paragraphs": ja}\n]}\n',
        f"later.json:2: not JSON at column 16: Expecting value in '{{\"paragraphs\": ja}}'; {HINT}",
    ),
    "cut.json": (
        '{"data": [\n{"paragraphs": [\n',
        f"cut.json:2: not JSON at column 17: Expecting value in '{{\"paragraphs\": ['; {HINT}",
    ),
    "nan.json": (
        '{"data": NaN}',
        f"nan.json:1: not JSON: NaN is no JSON value (use null for what is missing); {HINT}",
    ),
    "twins.json": (
        '{"data": [], "data": []}',
        f"twins.json:1: the key 'data' comes 2 times in one object; {HINT}",
    ),
    "deep.json": (
        '{"data": ' + "[" * 99_999,
        f"deep.json:1: JSON nested too deeply: '{{\"data\": <...>'...; {HINT}",
    ),
    "digits.json": (
        '{"data": ' + "9" * 5000 + "}",
        f"digits.json:1: a number with thousands of digits in '{{\"data\": <...>'...; {HINT}",
    ),
    "no-data.json": (
        "{}",
        f"no-data.json:1: no field 'question'; the row has nothing; {MEND}",
    ),
    "object-data.json": (
        '{"data": {"paragraphs": []}}',
        f"object-data.json:1: 'data' of the file is an object, where a list was expected; {HINT}",
    ),
    "null-data.json": (
        '{"data": null}',
        f"null-data.json:1: 'data' of the file is null, where a list was expected; {HINT}",
    ),
    "no-rows.json": (
        '{"data": []}',
        "no-rows.json: the file has no rows: 12 bytes, 0 examples; "
        "give it rows with 'context' and 'question' and 'answers'",
    ),
}
# Of each bad part: the file's paragraphs, the text on whose line the mistake is said to be, and what it is.
BAD_PARTS: dict[str, tuple[list[object], str, str]] = {
    "paragraph-text": (["p"], "{", "data[0].paragraphs[0] is a text, not an object with 'qas'"),
    "paragraph-null": ([None], "{", "data[0].paragraphs[0] is null, not an object with 'qas'"),
    "no-qas": (
        [{"context": "c"}],
        "{",
        "'qas' of data[0].paragraphs[0] is missing, where a list was expected",
    ),
    "object-qas": (
        [paragraph(ASKED), {"context": "c", "qas": {}}],
        "{",
        "'qas' of data[0].paragraphs[1] is an object, where a list was expected",
    ),
    "question-text": (
        [paragraph(ASKED, "Who?")],
        '"Who?"',
        "data[0].paragraphs[0].qas[1] is a text, not an object",
    ),
    "question-list": ([paragraph([])], "{", "data[0].paragraphs[0].qas[0] is a list, not an object"),
    "no-context": ([{"qas": [ASKED]}], '"Who?"', "the field 'context' is null, not a text: 'None'"),
    "list-context": (
        [paragraph(ASKED, context=["c"])],
        '"Who?"',
        "the field 'context' is a list, not a text: \"['c']\"",
    ),
    "empty-context": ([paragraph(ASKED, context="")], '"Who?"', "the field 'context' is empty"),
    "no-question": (
        [paragraph({"id": 1, "answers": []})],
        "{",
        "no field 'question'; the row has 'id', 'answers', 'context'",
    ),
    "number-question": (
        [paragraph({"question": 1, "answers": []})],
        "<...>",
        "the field 'question' is a number, not a text: '1'",
    ),
    "blank-question": (
        [paragraph({"question": "\t", "answers": []})],
        '"\\t"',
        "the field 'question' is only white space",
    ),
    "surrogate-question": (
        [paragraph({"question": "w\ud83d?", "answers": []})],
        '"w\\ud83d?"',
        "the field 'question' has half a surrogate pair, \\ud83d, at character 2",
    ),
    "no-answers": (
        [paragraph({"question": "Q?"})],
        '"Q?"',
        "no field 'answers'; the row has 'question', 'context'",
    ),
    "text-answers": (
        [paragraph({"question": "Q?", "answers": "Ada"})],
        '"Q?"',
        "the field 'answers' is a text, not a list of answers",
    ),
    "text-answer": (
        [paragraph({"question": "Q?", "answers": ["Ada"]})],
        '"Q?"',
        "answer 0 is a text, not an object with 'text' and 'answer_start'",
    ),
    "wrong-start": (
        [paragraph(ASKED), paragraph({**ASKED, "question": "Q?"}, context="By Ada.")],
        '"Q?"',
        "answer 0 ('Ada') is not at character 0 of the context; it is at 3",
    ),
    "other-paragraph": (
        [paragraph({**ASKED, "question": "Q?"}, context="Bob."), paragraph(ASKED)],
        '"Q?"',
        "answer 0 ('Ada') is not at character 0 of the context; it is nowhere in it",
    ),
    "bool-impossible": (
        [paragraph({"question": "Q?", "answers": [], "is_impossible": 1})],
        '"Q?"',
        "the field 'is_impossible' is a number, not true or false",
    ),
}


@pytest.mark.parametrize("name", NO_SQUAD)
def test_a_file_of_another_form_gives_its_message(name: str, check_refused: Callable) -> None:
    data, message = NO_SQUAD[name]
    check_refused(name, data, SPAN_QA, message)


@pytest.mark.parametrize("name", BAD_PARTS)
def test_a_bad_part_gives_its_place_and_message(name: str, check_refused: Callable) -> None:
    paragraphs, where, reason = BAD_PARTS[name]
    data = squad(*paragraphs)
    line = where if where == "<...>" else line_of(data, where)
    check_refused("a.json", data, SPAN_QA, f"a.json:{line}: {reason}; {MEND}")


def test_all_mistakes_of_a_file_are_in_one_message(check_refused: Callable) -> None:
    data = json.dumps(
        {
            "data": [
                7,
                {"paragraphs": [paragraph(ASKED, None), "p"]},
                {},
                {"paragraphs": [paragraph({**ASKED, "answers": 1})]},
            ]
        }
    )
    check_refused(
        "a.json",
        data,
        SPAN_QA,
        f"a.json: 5 of 6 rows are bad; {MEND}:\n"
        "  a.json:1: data[0] is a number, not an object with 'paragraphs'\n"
        "  a.json:1: data[1].paragraphs[0].qas[1] is null, not an object\n"
        "  a.json:1: data[1].paragraphs[1] is a text, not an object with 'qas'\n"
        "  a.json:1: 'paragraphs' of data[2] is missing, where a list was expected\n"
        "  a.json:1: the field 'answers' is a number, not a list of answers",
    )


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "Ada", "Who?"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "paragraphs", "context", "qas", "question", "answers", "text", "answer_start"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(values, st.integers(0, 4))
def test_any_value_in_any_place_is_read_or_refused(read_file: Callable, value: object, level: int) -> None:
    question = {**ASKED, "answers": value} if level == 4 else value
    part = {**paragraph(), "qas": question if level == 3 else [question]}
    article = {"paragraphs": [part if level > 2 else value]}
    whole: object = {"data": [article if level > 1 else value] if level > 0 else value}
    try:
        found, _ = read_file("a.json", json.dumps(whole), SPAN_QA)
    except DataError as error:
        assert str(error).startswith("a.json:")
    else:
        assert found.examples
