"""Arguments of a wrong type are refused by name in every public function, before anything is computed."""

import inspect
import re

import pytest

import twinlm
from twinlm import Sampling
from twinlm.errors import UsageError

_WITH_MODEL = [
    name
    for name in twinlm.__all__
    if next(iter(getattr(getattr(twinlm, name), "__annotations__", {})), "") == "trained"
]
_HALF = "a \ud800 b"


def test_functions_that_take_a_model_are_found():
    assert len(_WITH_MODEL) == 25


@pytest.mark.parametrize("name", _WITH_MODEL)
@pytest.mark.parametrize("value", ["runs/x/gpt", None], ids=["folder", "None"])
def test_a_folder_is_no_model(name, value):
    function = getattr(twinlm, name)
    needed = [
        each
        for each in list(inspect.signature(function).parameters.values())[1:]
        if each.default is each.empty
    ]
    options = {each.name: ["abc"] for each in needed}
    with pytest.raises(UsageError, match=r"trained must be a model, not .*; give a model from twinlm\.load"):
        function(value, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: twinlm.embed(m, ["a"], layers="last"),
            "layers must be a list of whole numbers, not a text",
        ),
        (lambda m: twinlm.embed(m, ["a"], layers="-1"), "layers must be a list of whole numbers, not a text"),
        (
            lambda m: twinlm.embed(m, ["a"], layers=-1),
            "whole numbers, not an int: -1; put it in brackets: [-1]",
        ),
        (
            lambda m: twinlm.embed(m, ["a"], layers=[-1.0]),
            "layers[0] must be a whole number, not a float: -1.0",
        ),
        (lambda m: twinlm.embed(m, ["a"], layers=[]), "layers is empty"),
        (lambda m: twinlm.features(m, ["a"], layers="last"), "layers must be a list of whole numbers"),
        (lambda m: twinlm.features(m, ["a"], layers=[]), "layers is empty"),
        (lambda m: twinlm.embed(m, ["a"], pooling=["mean"]), "pooling must be a text, not a list: ['mean']"),
        (
            lambda m: twinlm.embed(m, ["a"], normalize="no"),
            "normalize must be True or False, not a text: 'no'",
        ),
        (lambda m: twinlm.embed(m, ["a"], prompt=1), "prompt must be a text, not an int: 1"),
        (lambda m: twinlm.generate(m, "a", max_tokens="3"), "max_tokens must be a whole number, not a text"),
        (lambda m: twinlm.generate(m, "a", max_tokens=True), "max_tokens must be a whole number, not True"),
        (lambda m: twinlm.generate(m, "a", sampling="greedy"), "sampling must be a Sampling, not a text"),
        (lambda m: twinlm.generate(m, "a", seed="a"), "seed must be a whole number, not a text: 'a'"),
        (lambda m: twinlm.generate_batch(m, ["a"], n="2"), "n must be a whole number, not a text: '2'"),
        (lambda m: twinlm.beam_search(m, "a", beams=2.0), "beams must be a whole number, not a float: 2.0"),
        (
            lambda m: twinlm.beam_search(m, "a", stopping="early"),
            "stopping can't be 'early'; use one of full,",
        ),
        (lambda m: twinlm.fill(m, "a [MASK]", top_k="3"), "top_k must be a whole number, not a text: '3'"),
        (lambda m: twinlm.rank(m, "a", ["b", "c"], part=["rest"]), "part must be a text, not a list"),
        (lambda m: twinlm.score(m, "a", method=["likelihood"]), "method must be a text, not a list"),
        (lambda m: twinlm.next_sentence(m, b"a", "b"), "first must be a text, not bytes: b'a'"),
        (lambda m: Sampling(temperature="0.5"), "temperature must be a number, not a text: '0.5'"),
        (lambda m: Sampling(top_k=None), "top_k must be a whole number, not None"),
        (lambda m: twinlm.resolve(None, "a=2"), "overrides must be a dict, not a text: 'a=2'"),
        (lambda m: twinlm.draw_passages(["a"], seed="1"), "seed must be a whole number, not a text: '1'"),
    ],
)
def test_a_value_of_another_type_is_named(call, message, gpt):
    with pytest.raises(UsageError, match=re.escape(message)):
        call(gpt)


@pytest.mark.parametrize(
    "call",
    [
        lambda m: twinlm.score(m, _HALF),
        lambda m: twinlm.embed(m, [_HALF]),
        lambda m: twinlm.generate(m, _HALF),
        lambda m: twinlm.generate(m, "a", stop=[_HALF]),
        lambda m: twinlm.rank(m, "a", ["b", _HALF]),
        lambda m: twinlm.cosines(m, _HALF, ["a"]),
        lambda m: twinlm.draw_passages([_HALF, "a"], seed=1),
    ],
)
def test_half_a_surrogate_pair_is_no_text(call, gpt):
    with pytest.raises(UsageError, match=r"half a surrogate pair, \\ud800, at character 3"):
        call(gpt)


def test_half_a_surrogate_pair_is_no_word(tuned):
    with pytest.raises(UsageError, match=r"sentences\[0\]\[1\] has half a surrogate pair"):
        twinlm.tag(tuned("tagging"), [["a", _HALF]])
    with pytest.raises(UsageError, match=r"texts\[0\]\[0\] has half a surrogate pair"):
        twinlm.classify(tuned("classification"), [_HALF])


def test_whole_numbers_stand_for_numbers():
    assert Sampling(temperature=1).temperature == 1
