"""A server's figures of a text are those of the page's own engine."""

import json

import msgspec
import pytest

from twinlm.use.surprise import surprise

TEXT = "The river Loire flows"
OPTIONS = {"next": "with_next", "attention": "with_attention", "top": "top_k"}


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


def test_a_server_answers_as_the_page_does(ask, models):
    ids = models["bert"].tokenizer.encode(TEXT)
    questions = [
        {"model": "gpt", "text": TEXT, "next": True, "attention": True},
        {"model": "bert", "ids": ids, "masked": [1, 2], "positions": [0, 1], "attention": True},
        {"model": "gpt", "ids": [], "next": True},
        {"model": "bert", "text": TEXT * 9, "top": 0},
    ]
    _, found = ask([("surprise", body) for body in questions])
    for body, other in zip(questions, found, strict=True):
        given = {OPTIONS.get(key, key): value for key, value in body.items() if key != "model"}
        text = given.pop("text", given.pop("ids", None))
        said = json.loads(msgspec.json.encode(surprise(models[body["model"]], text, **given)))
        assert_alike({"model": body["model"], **said}, other)
