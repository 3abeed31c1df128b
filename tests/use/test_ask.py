"""Single questions to fine-tuned models: what comes back, and what is refused."""

import pytest

from twinlm.data.labels.examples import Example
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.use import predict as predicting
from twinlm.use.ask import answer, choose, classify, similarity, tag
from twinlm.use.predict import predict


def test_each_word_gets_one_of_the_tags(tuned):
    sentences = [["The", "red", "cat"], ["tea"], ["A", "big", "dog", "ran", "to", "the", "old", "house"] * 4]
    found = tag(tuned("tagging"), sentences)
    assert [len(tags) for tags in found] == [3, 1, 32]
    assert {name for tags in found for name in tags} <= {"cat", "dog", "tea"}
    assert tag(tuned("tagging"), []) == []
    assert [len(tags) for tags in tag(tuned("tagging"), [["red", "\u00a0", "cat"], ["\u3000"]])] == [3, 1]


def test_pairs_get_numbers_in_the_unit_of_training(tuned):
    trained = tuned("similarity")
    found = similarity(trained, [("The red cat", "tea"), ("tea", "The red cat")])
    assert all(type(number) is float for number in found)
    if trained.family.reads_both_orders:
        assert found[0] == pytest.approx(found[1], abs=1e-6)
    examples = [Example("0", ("The red cat", "tea"), None)]
    assert predict(trained, examples)[0]["predicted"] == pytest.approx(found[0], abs=1e-6)


def test_choices_get_probabilities_however_many_there_are(tuned):
    trained = tuned("choice")
    chances = choose(trained, "The red cat", ["sat", "ran", "drinks tea"])
    assert len(chances) == 3
    assert sum(chances) == pytest.approx(1, abs=1e-5)
    # The odds of two choices do not depend on a third one.
    first, second = choose(trained, "The red cat", ["sat", "ran"])
    assert first / second == pytest.approx(chances[0] / chances[1], rel=1e-3)


def test_an_answer_is_a_stretch_of_the_context(tuned):
    context = "A big dog ran to the old house. She drinks tea with café milk. " * 3
    found = answer(tuned("span_qa"), "Who ran?", context)
    assert found["best"] and found["best"] in context
    if found["predicted"]:
        start = found["start"]
        assert context[start : start + len(found["predicted"])] == found["predicted"] == found["best"]
    else:
        assert found["start"] is None
        assert found["no_answer_margin"] > 0.1


@pytest.mark.parametrize(
    ("kind", "ask", "message"),
    [
        ("tagging", lambda model: tag(model, [["a"], []]), "item 2 has an empty text"),
        ("tagging", lambda model: tag(model, [["a", " "]]), "item 1 has an empty text"),
        ("similarity", lambda model: similarity(model, [("a", "")]), "item 1 has an empty text"),
        ("choice", lambda model: choose(model, "a", ["b"]), "choose among at least 2 choices, not 1"),
        ("choice", lambda model: choose(model, "a", ["b", "\n"]), "item 1 has an empty text"),
        ("span_qa", lambda model: answer(model, "", "b"), "item 1 has an empty text"),
        ("span_qa", lambda model: answer(model, "a", " " * 999), "item 1 has an empty text"),
    ],
)
def test_empty_texts_are_refused(kind, ask, message, tuned):
    with pytest.raises(DataError, match=message) as caught:
        ask(tuned(kind))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: tag(model, [["a"]]),
        lambda model: similarity(model, [("a", "b")]),
        lambda model: choose(model, "a", ["b", "c"]),
        lambda model: answer(model, "a", "b"),
    ],
    ids=["tag", "similarity", "choose", "answer"],
)
def test_models_of_another_kind_are_refused_with_a_way_out(ask, tuned, gpt):
    with pytest.raises(ModelError, match="fine-tune it first"):
        ask(gpt)
    with pytest.raises(ModelError, match=r"fine-tuned for classification, not for .*; twinlm predict"):
        ask(tuned("classification"))


CLASS_TEXTS = ["The red cat", "A big dog ran to the old house, and to the old house again", "tea"]


def probabilities(trained, texts):
    examples = [Example(str(number), (text,), None) for number, text in enumerate(texts)]
    return [list(answer["probabilities"].values()) for answer in predict(trained, examples)]


def test_probabilities_do_not_depend_on_what_else_is_in_the_batch(classifier, monkeypatch):
    together = probabilities(classifier, CLASS_TEXTS)
    alone = [probabilities(classifier, [text])[0] for text in CLASS_TEXTS]
    for row, single in zip(together, alone, strict=True):
        assert row == pytest.approx(single, abs=2e-6)
        assert sum(row) == pytest.approx(1, abs=1e-5)
    monkeypatch.setattr(predicting, "by_length", lambda lengths: [[n] for n in range(len(lengths))])
    for row, single in zip(probabilities(classifier, CLASS_TEXTS), alone, strict=True):
        assert row == pytest.approx(single, abs=2e-6)


def test_classes_come_with_their_probabilities_best_first(classifier):
    for chances, row in zip(
        classify(classifier, CLASS_TEXTS), probabilities(classifier, CLASS_TEXTS), strict=True
    ):
        assert list(chances.values()) == sorted(chances.values(), reverse=True)
        assert [chances[name] for name in ("cat", "dog", "tea")] == pytest.approx(row)


def test_a_model_without_a_task_is_refused(gpt):
    with pytest.raises(ModelError, match="fine-tune it first"):
        classify(gpt, CLASS_TEXTS)


def test_pairs_are_refused_by_a_model_of_single_texts(classifier):
    with pytest.raises(UsageError, match=r"classifies 1 text at once, not 2"):
        classify(classifier, [("a", "b")])


def test_empty_texts_are_refused_by_their_number(classifier):
    with pytest.raises(DataError, match="item 2 has an empty text"):
        classify(classifier, ["tea", " "])
