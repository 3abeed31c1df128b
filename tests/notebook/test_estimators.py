"""The estimators behave in scikit-learn as its own do."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import twinlm
from twinlm.errors import DataError, UsageError
from twinlm.notebook.estimators import TwinClassifier, TwinEmbedder, TwinTagger

SMALL = {"finetune.max_length": 48, "finetune.batch_examples": 8, "precision": "float32"}


@pytest.mark.parametrize("kind", ["gpt", "bert"])
def test_vectors_in_a_pipeline(kind, models, rows):
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    pipeline = make_pipeline(TwinEmbedder(models[kind]), LogisticRegression()).fit(texts, labels)
    assert pipeline.predict(pd.Series(texts[:3])).shape == (3,)
    assert np.array_equal(pipeline[0].transform(texts[:2]), twinlm.embed(models[kind], texts[:2]))


def test_classes_are_those_given(models, rows):
    texts = [row["text"] for row in rows]
    numbers = np.array([{"animals": 7, "food": -2}[row["label"]] for row in rows])
    fitted = TwinClassifier(models["bert"], epochs=1, settings=SMALL).fit(texts, numbers)
    assert fitted.classes_.tolist() == [-2, 7]
    assert set(fitted.predict(texts).tolist()) <= {-2, 7}
    shares = fitted.predict_proba(texts)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
    assert fitted.score(texts, numbers) == np.mean(fitted.classes_[shares.argmax(1)] == numbers)
    assert models["bert"].task is None


def test_equal_seeds_give_equal_models(models, rows):
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    first, second, other = (
        TwinClassifier(models["gpt"], epochs=1, seed=seed, settings=SMALL)
        .fit(texts, labels)
        .predict_proba(texts)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_grid_search(models, rows):
    texts, labels = [row["text"] for row in rows][:60], [row["label"] for row in rows][:60]
    search = GridSearchCV(TwinClassifier(models["bert"], settings=SMALL), {"epochs": [1, 2]}, cv=2)
    search.fit(texts, labels)
    assert search.best_params_["epochs"] in (1, 2)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


def test_tags(models, rows):
    sentences = [row["text"].split() for row in rows]
    tags = [["O", "B-X", *["O"] * (len(words) - 2)] for words in sentences]
    fitted = TwinTagger(models["bert"], epochs=2, settings=SMALL).fit(sentences, tags)
    assert [len(row) for row in fitted.predict(sentences[:3])] == [len(row) for row in sentences[:3]]
    assert 0 <= fitted.score(sentences, tags) <= 1


def test_clones_have_the_same_parameters(models):
    estimator = TwinClassifier(models["bert"], epochs=3)
    assert clone(estimator).get_params()["epochs"] == 3


def test_bad_inputs_are_refused(models):
    classifier = TwinClassifier(models["bert"], settings=SMALL)
    with pytest.raises(UsageError, match="list of texts, not one text"):
        classifier.fit("a text", ["x"])
    with pytest.raises(UsageError, match=r"X\[1\] must be a text, not float: nan"):
        classifier.fit(["a", float("nan")], ["x", "y"])
    with pytest.raises(DataError, match="2 inputs and 1 answers"):
        classifier.fit(["a", "b"], ["x"])
    with pytest.raises(DataError, match="one class only"):
        classifier.fit(["a", "b"], ["x", "x"])
    with pytest.raises(DataError, match=r"X\[0\] is a text"):
        TwinTagger(models["bert"]).fit(["a text"], [["O"]])
    with pytest.raises(UsageError, match="valid_share"):
        TwinClassifier(models["bert"], valid_share=0).fit(["a", "b"], ["x", "y"])


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(models):
    check_estimator(TwinEmbedder(models["bert"]), on_skip=None)
