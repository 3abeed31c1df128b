"""A server's answers are those of the page's own engine."""

import pytest

from twinlm.errors import DataError
from twinlm.page import answers

TEXT = "The river Loire flows"


@pytest.fixture(scope="module")
def questions(models):
    ids = models["bert"].tokenizer.encode(TEXT)
    return [
        ("surprise", {"model": "gpt", "text": TEXT, "next": True, "attention": True}),
        ("surprise", {"model": "bert", "ids": ids, "masked": [1, 2], "positions": [0, 1], "attention": True}),
        ("surprise", {"model": "gpt", "ids": [], "next": True}),
        ("predict", {"model": "topic/gpt", "inputs": [TEXT, "it's"]}),
        ("predict", {"model": "other/bert", "inputs": TEXT}),
        ("follows", {"model": "bert", "first": TEXT, "second": "it's"}),
    ]


def assert_alike(one, other, where=""):
    """Numbers may differ by the 16 bits of the page's weights, and in what order equals stand."""
    if where.endswith("ranks"):
        assert one == pytest.approx(other, abs=3), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_alike(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for number, (first, second) in enumerate(zip(one, other, strict=True)):
            assert_alike(first, second, f"{where}[{number}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=1e-2), where
    else:
        assert one == other, where


def test_a_server_answers_as_the_page_does(ask, models, questions):
    _, found = ask(questions)
    for (route, body), other in zip(questions, found, strict=True):
        fields = {key: value for key, value in body.items() if key != "model"}
        named = {"name": body["model"]} if route == "surprise" else {}
        assert_alike(answers.ANSWERS[route](models[body["model"]], **named, **fields), other, route)


@pytest.mark.parametrize("fields", [{}, {"ids": [10**6]}, {"ids": [-1]}, {"text": TEXT, "top": 65}])
def test_a_question_that_makes_no_sense_is_refused(fields, models):
    with pytest.raises(DataError):
        answers.surprise(models["gpt"], name="gpt", **fields)
