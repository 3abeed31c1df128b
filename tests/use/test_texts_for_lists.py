"""Python reads a text as a list of letters: every public function that takes a list refuses it."""

import numpy as np
import pytest

import twinlm
from twinlm import Example, Sampling
from twinlm.errors import UsageError


def _refused(call, argument):
    for value in ("Hello", None):
        with pytest.raises(UsageError, match=rf"^{argument} must be a list") as caught:
            call(value)
        assert ("brackets" in str(caught.value)) == (value is not None)


@pytest.mark.parametrize(
    ("kind", "call", "argument"),
    [
        ("classification", twinlm.classify, "texts"),
        ("tagging", twinlm.tag, "sentences"),
        ("similarity", twinlm.similarity, "pairs"),
        ("choice", lambda model, value: twinlm.choose(model, "a", value), "choices"),
        ("span_qa", twinlm.predict, "examples"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fine_tuned_model_takes_no_text_for_a_list(kind, call, argument, tuned):
    _refused(lambda value: call(tuned(kind), value), argument)


@pytest.mark.parametrize(
    ("kind", "call", "argument"),
    [
        ("tagging", lambda model: twinlm.tag(model, ["Hello"]), r"sentences\[0\]"),
        ("similarity", lambda model: twinlm.similarity(model, ["ab", "cd"]), r"pairs\[0\]"),
        ("tagging", lambda model: twinlm.predict(model, [Example("1", "Hello", None)]), r"examples\[0\]"),
    ],
    ids=["tag", "similarity", "predict"],
)
def test_letters_are_no_words_and_no_pairs(kind, call, argument, tuned):
    with pytest.raises(UsageError, match=rf"{argument}.* must be a list of texts, not a text"):
        call(tuned(kind))


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_a_model_of_either_kind_takes_no_text_for_a_list(name, request):
    model = request.getfixturevalue(name)
    _refused(lambda value: twinlm.embed(model, value), "texts")
    _refused(lambda value: twinlm.features(model, value, layers=(-1,)), "texts")
    _refused(lambda value: twinlm.cosines(model, "a", value), "texts")
    _refused(lambda value: twinlm.score_batch(model, value), "texts")
    _refused(lambda value: twinlm.rank(model, "The", value), "candidates")
    _refused(lambda value: twinlm.rank_batch(model, value), "questions")
    _refused(lambda value: twinlm.score_pairs(model, value), "pairs")
    _refused(lambda value: twinlm.readable_pairs([model], value), "pairs")
    _refused(lambda value: twinlm.readable_pairs(value, []), "models")
    _refused(lambda value: twinlm.score_cloze(model, value), "items")
    _refused(lambda value: twinlm.readable_items([model], value), "items")


def test_prompts_stops_masks_and_pairs_are_no_letters(gpt, bert):
    options = {"max_tokens": 1, "sampling": Sampling(), "seed": 1}
    _refused(lambda value: twinlm.generate_batch(gpt, value, **options), "prompts")
    _refused(lambda value: twinlm.generate(gpt, "The", **options, stop=value), "stop")
    _refused(lambda value: twinlm.fill_batch(bert, value), "texts")
    _refused(lambda value: twinlm.draw_passages(value, seed=1), "documents")
    _refused(lambda value: twinlm.make_pairs(value, count=1, seed=1), "documents")
    _refused(lambda value: twinlm.make_cloze(value, [], [], count=1, seed=1), "documents")
    _refused(lambda value: twinlm.make_cloze([], value, [], count=1, seed=1), "training_texts")


def test_none_is_no_text(gpt, bert, tuned):
    options = {"max_tokens": 1, "sampling": Sampling(), "seed": 1}
    for call in (
        lambda: twinlm.score(gpt, None),
        lambda: twinlm.generate(gpt, None, **options),
        lambda: twinlm.beam_search(gpt, None),
        lambda: twinlm.rank(gpt, None, ["a", "b"]),
        lambda: twinlm.cosines(gpt, None, ["a"]),
        lambda: twinlm.fill(bert, None),
        lambda: twinlm.fill_together(bert, None),
        lambda: twinlm.choose(tuned("choice"), None, ["a", "b"]),
        lambda: twinlm.answer(tuned("span_qa"), "Who?", None),
        lambda: twinlm.classify(tuned("classification"), [None]),
    ):
        with pytest.raises(UsageError, match=r"must be a .*text.*, not None"):
            call()


def test_a_folder_may_be_a_text_and_never_none(tmp_path):
    settings = twinlm.resolve(None, {})
    run = twinlm.Run(str(tmp_path), settings, is_demo=False, progress=twinlm.Silent(), stop=twinlm.Stop())
    assert run.folder == run.workspace.folder == tmp_path
    file = tmp_path / "my.toml"
    file.write_text('title = "Mine"\n')
    assert twinlm.resolve(str(file), {}).title == "Mine"
    with pytest.raises(UsageError, match="folder must be a path, not None"):
        twinlm.load(None)
    with pytest.raises(UsageError, match="path must be a path, not None"):
        twinlm.read_pairs(None)


def test_arrays_of_texts_are_lists(bert, tuned):
    array = np.array([["ab", "cd"], ["ef", "gh"]])
    rows = array.tolist()
    assert twinlm.similarity(tuned("similarity"), array) == twinlm.similarity(tuned("similarity"), rows)
    assert twinlm.tag(tuned("tagging"), array) == twinlm.tag(tuned("tagging"), rows)
    assert (twinlm.embed(bert, array[0]) == twinlm.embed(bert, rows[0])).all()
    with pytest.raises(UsageError, match=r"^texts must be a list of texts, not a ndarray"):
        twinlm.embed(bert, np.array("ab"))
