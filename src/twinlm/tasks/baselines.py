"""What a classifier must beat to be worth its training: the most frequent class, and a linear model of words.

Both are fitted on the same training examples as the models, and the linear model's one setting is chosen on
the same validation examples. The baselines of other kinds of task are in floors.py.
"""

import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twinlm.data.labels.examples import Example
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
    predictions: list[Any]
    """Its answer to each test example."""
    seconds: float = 0.0
    """Time to fit, all settings tried, and to answer."""
    settings: dict[str, float] = field(default_factory=dict)
    """What was chosen on the validation examples, and how good it was there; empty if there was no choice."""
    notes: dict[str, int] = field(default_factory=dict)
    """What went wrong without stopping the fit, and how often."""


Texts = Sequence[str]
"""What one example reads: a text, or two."""


def class_baselines(
    train: Sequence[Example], valid: Sequence[Example], test: Sequence[Example]
) -> list[Baseline]:
    """Fit the baselines of a classification task."""
    return fit_baselines(
        train_texts=[example.texts for example in train],
        train_labels=[example.gold for example in train],
        valid_texts=[example.texts for example in valid],
        valid_labels=[example.gold for example in valid],
        test_texts=[example.texts for example in test],
    )


def fit_baselines(
    *,
    train_texts: Sequence[Texts],
    train_labels: Sequence[str],
    valid_texts: Sequence[Texts],
    valid_labels: Sequence[str],
    test_texts: Sequence[Texts],
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


def _majority(train_labels: Sequence[str], test_texts: Sequence[Texts]) -> Baseline:
    """Always the most frequent class; of equally frequent ones, the first in the alphabet."""
    counts = Counter(train_labels)
    most = min(counts, key=lambda label: (-counts[label], label))
    return Baseline(name=MAJORITY, label="most frequent class", predictions=[most] * len(test_texts))


def _linear(
    train_texts: Sequence[Texts],
    train_labels: Sequence[str],
    valid_texts: Sequence[Texts],
    valid_labels: Sequence[str],
    test_texts: Sequence[Texts],
) -> Baseline:
    """Logistic regression on the TF-IDF of words and pairs of words; of two texts, also on what they share.

    Without validation examples the middle setting is taken. Of equally good settings, the smallest.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    began = time.perf_counter()
    vectorizer = word_vectorizer([text for texts in train_texts for text in texts])
    train = _features(vectorizer, train_texts)
    valid = _features(vectorizer, valid_texts) if len(valid_texts) else None
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
    settings = {"C": float(best.C)} | ({} if valid is None else {"validation accuracy": best_accuracy})
    return Baseline(
        name=LINEAR,
        label="TF-IDF + logistic regression",
        predictions=[str(name) for name in best.predict(_features(vectorizer, test_texts))],
        seconds=time.perf_counter() - began,
        settings=settings,
        notes=dict(notes),
    )


def word_vectorizer(texts: Sequence[str]) -> Any:
    """Return scikit-learn's TF-IDF of words and pairs of words, fitted on texts.

    Raises:
        DataError: the texts hold no word.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Tokens of one letter stay: in scripts such as Chinese they are words. Sublinear: 1 + ln(count).
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        token_pattern=r"\b\w+\b",
        max_features=MOST_FEATURES,
        dtype=np.float32,
    )
    try:
        return vectorizer.fit(texts)
    except ValueError as error:
        raise DataError("the training examples of the task hold no word at all") from error


def _features(vectorizer: Any, rows: Sequence[Texts]) -> Any:
    """Return the TF-IDF of one text, or of two side by side with their product and difference."""
    from scipy import sparse

    parts = [vectorizer.transform(texts) for texts in zip(*rows, strict=True)]
    if len(parts) == 2:
        first, second = parts
        parts += [first.multiply(second), abs(first - second)]
    return sparse.hstack(parts, format="csr")
