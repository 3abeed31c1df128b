"""What a model must beat to be worth its training: the most frequent class, and a linear model of words.

Both are fitted on the same training examples as the models, and the linear model's one setting is chosen on
the same validation examples.
"""

import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twinlm.errors import DataError

MAJORITY = "majority"
LINEAR = "tfidf-logistic-regression"
INVERSE_PENALTIES = (1.0, 10.0, 100.0)
"""Tried for C of the logistic regression: the larger, the less its weights are held small."""
MOST_FEATURES = 50_000
_MOST_ITERATIONS = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """A fitted baseline's answers to the test examples."""

    name: str
    """As `ArmScore.arm`."""
    label: str
    """As `ArmScore.label`."""
    predictions: list[str]
    """The class of each test example."""
    probabilities_EC: npt.NDArray[np.float64]
    """For each test example the probability of each class, in the order of `classes`."""
    classes: list[str]
    """The classes of the training examples, sorted."""
    seconds: float
    """Time to fit, all settings tried, and to answer."""
    settings: dict[str, float]
    """What was chosen on the validation examples, and the accuracy there; empty if there was no choice."""
    notes: dict[str, int]
    """What went wrong without stopping the fit, and how often."""


def fit_baselines(
    *,
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    valid_texts: Sequence[str],
    valid_labels: Sequence[str],
    test_texts: Sequence[str],
) -> list[Baseline]:
    """Fit both baselines and return their answers to the test texts; the same input gives the same answers.

    Raises:
        DataError: there are no training examples, or all of them are of one class.
    """
    if len(set(train_labels)) < 2:
        found = f"{len(train_labels)} training examples of {len(set(train_labels))} classes"
        raise DataError(f"a classifier needs examples of at least 2 classes, but there are {found}")
    majority = _majority(train_labels, test_texts)
    linear = _linear(train_texts, train_labels, valid_texts, valid_labels, test_texts)
    return [majority, linear]


def _majority(train_labels: Sequence[str], test_texts: Sequence[str]) -> Baseline:
    """Always the most frequent class; of equally frequent ones, the first in the alphabet."""
    counts = Counter(train_labels)
    classes = sorted(counts)
    shares_C = np.array([counts[name] for name in classes]) / len(train_labels)
    return Baseline(
        name=MAJORITY,
        label="most frequent class",
        predictions=[classes[int(shares_C.argmax())]] * len(test_texts),
        probabilities_EC=np.tile(shares_C, (len(test_texts), 1)),
        classes=classes,
        seconds=0.0,
        settings={},
        notes={},
    )


def _linear(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    valid_texts: Sequence[str],
    valid_labels: Sequence[str],
    test_texts: Sequence[str],
) -> Baseline:
    """Logistic regression on the TF-IDF of words and pairs of words.

    Without validation examples the middle setting is taken. Of equally good settings, the smallest.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    began = time.perf_counter()
    # Tokens of one letter stay: in scripts such as Chinese they are words. Sublinear: 1 + ln(count).
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        token_pattern=r"\b\w+\b",
        max_features=MOST_FEATURES,
        dtype=np.float32,
    )
    try:
        train = vectorizer.fit_transform(train_texts)
    except ValueError as error:
        raise DataError("the training examples of the task hold no word at all") from error
    valid = vectorizer.transform(valid_texts) if len(valid_texts) else None
    best, best_accuracy, notes = None, -1.0, Counter[str]()
    for penalty in INVERSE_PENALTIES if valid is not None else INVERSE_PENALTIES[1:2]:
        model = LogisticRegression(C=penalty, max_iter=_MOST_ITERATIONS)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(train, train_labels)
        for warning in caught:
            is_unfinished = issubclass(warning.category, ConvergenceWarning)
            notes["fits stopped before convergence" if is_unfinished else str(warning.message)] += 1
        accuracy = 0.0 if valid is None else float(np.mean(model.predict(valid) == np.asarray(valid_labels)))
        if accuracy > best_accuracy:
            best, best_accuracy = model, accuracy
    assert best is not None
    probabilities_EC = best.predict_proba(vectorizer.transform(test_texts)).astype(np.float64)
    classes = [str(name) for name in best.classes_]
    settings = {"C": float(best.C)} | ({} if valid is None else {"validation accuracy": best_accuracy})
    return Baseline(
        name=LINEAR,
        label="TF-IDF + logistic regression",
        predictions=[classes[index] for index in probabilities_EC.argmax(axis=1)],
        probabilities_EC=probabilities_EC,
        classes=classes,
        seconds=time.perf_counter() - began,
        settings=settings,
        notes=dict(notes),
    )
