import pytest

from twinlm.data.labels.examples import Example
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.use import predict as predicting
from twinlm.use.classify import classify
from twinlm.use.predict import predict

TEXTS = ["The red cat", "A big dog ran to the old house, and to the old house again", "tea"]


def probabilities(trained, texts):
    examples = [Example(str(number), (text,), None) for number, text in enumerate(texts)]
    return [answer["probabilities"] for answer in predict(trained, examples)]


def test_probabilities_do_not_depend_on_what_else_is_in_the_batch(classifier, monkeypatch):
    together = probabilities(classifier, TEXTS)
    alone = [probabilities(classifier, [text])[0] for text in TEXTS]
    for row, single in zip(together, alone, strict=True):
        assert row == pytest.approx(single, abs=2e-6)
        assert sum(row) == pytest.approx(1, abs=1e-5)
    monkeypatch.setattr(predicting, "by_length", lambda lengths: [[n] for n in range(len(lengths))])
    for row, single in zip(probabilities(classifier, TEXTS), alone, strict=True):
        assert row == pytest.approx(single, abs=2e-6)


def test_classes_come_with_their_probabilities_best_first(classifier):
    for chances, row in zip(classify(classifier, TEXTS), probabilities(classifier, TEXTS), strict=True):
        assert list(chances.values()) == sorted(chances.values(), reverse=True)
        assert [chances[name] for name in ("cat", "dog", "tea")] == pytest.approx(row)


def test_a_model_without_a_task_is_refused(gpt):
    with pytest.raises(ModelError, match="fine-tune it first"):
        classify(gpt, TEXTS)


def test_pairs_are_refused_by_a_model_of_single_texts(classifier):
    with pytest.raises(UsageError, match=r"classifies 1 text\(s\) at once, not 2"):
        classify(classifier, [("a", "b")])


def test_empty_texts_are_refused(classifier):
    with pytest.raises(DataError, match="item 2 holds an empty text"):
        classify(classifier, ["tea", " "])
