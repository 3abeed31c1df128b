"""Baselines: what a model must beat to be worth its training, for every kind of task.

They are fitted on the training examples of the models, and know no more than single words: how similar two
texts are in them, which tag a word mostly has, which sentence shares most words with a question.
"""

import re
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twinlm.data.labels.examples import Example
from twinlm.errors import DataError

MAJORITY = "majority"
LINEAR = "tfidf-logistic-regression"
_OVERLAP = "tfidf-similarity"
_MEAN = "mean"
_WORD_TAG = "word-tag"
NAMES = frozenset({MAJORITY, LINEAR, _OVERLAP, _MEAN, _WORD_TAG})
"""Names of all baselines of all kinds of task; no arm may have one of them."""
INVERSE_PENALTIES = (1.0, 10.0, 100.0)
"""Values tried for C of the logistic regression: a larger one penalizes its weights less."""
MOST_FEATURES = 50_000
_MOST_ITERATIONS = 300
_LEAST_SPREAD = 1e-4  # of cosines that a line can be fitted through
_WORD = re.compile(r"\b\w+\b")  # with tokens of one letter: in scripts such as Chinese they are words
_SENTENCE = re.compile(r"[^.!?]+(?:[.!?]+|$)")

Examples = Sequence[Example]


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """Answers of a fitted baseline to the test examples."""

    name: str
    """Name, see `ArmScore.arm`."""
    label: str
    """Label, see `ArmScore.label`."""
    predictions: list[Any]
    """Answer to each test example."""
    seconds: float = 0.0
    """Time to fit, for all settings tried, and to answer."""
    settings: dict[str, float] = field(default_factory=dict)
    """Setting chosen on the validation examples, with its score there; empty if there was no choice."""
    notes: dict[str, int] = field(default_factory=dict)
    """Problems that did not stop the fit, and how often each occurred."""


def class_baselines(train: Examples, valid: Examples, test: Examples) -> list[Baseline]:
    """Return the most frequent class, and a logistic regression on TF-IDF."""
    counts = Counter(example.gold for example in train)
    if len(counts) < 2:
        found = f"{len(train)} training examples of {len(counts)} classes"
        raise DataError(f"a classifier needs examples of at least 2 classes, but there are {found}")
    most = [_most(counts)] * len(test)
    majority = Baseline(name=MAJORITY, label="most frequent class", predictions=most)
    return [majority, _linear(train, valid, test)]


def similarity_baselines(train: Examples, valid: Examples, test: Examples) -> list[Baseline]:
    """Return the mean training score, and a line through the cosines of TF-IDF vectors."""
    golds = np.array([example.gold for example in train])
    vectorizer = word_vectorizer(train)
    cosines_E, tests_E = (_cosines(vectorizer, [tuple(e.texts) for e in part]) for part in (train, test))
    slope, offset = (
        np.polyfit(cosines_E, golds, 1) if np.ptp(cosines_E) > _LEAST_SPREAD else (0.0, golds.mean())
    )
    mean = [float(golds.mean())] * len(test)
    line = (slope * tests_E + offset).tolist()
    return [
        Baseline(name=_MEAN, label="mean of the training scores", predictions=mean),
        Baseline(name=_OVERLAP, label=_overlap_label(vectorizer), predictions=line),
    ]


def choice_baselines(train: Examples, valid: Examples, test: Examples) -> list[Baseline]:
    """Return the most frequent position of the right choice, and the choice with most words of the text."""
    most = Counter(example.gold for example in train).most_common(1)[0][0]
    positions = [min(most, len(example.texts) - example.stem - 1) for example in test]
    vectorizer = word_vectorizer(train)
    alike = []
    for example in test:
        stem = " ".join(example.texts[: example.stem])
        pairs = [(stem, choice) for choice in example.texts[example.stem :]]
        alike.append(int(_cosines(vectorizer, pairs).argmax()))
    return [
        Baseline(name=MAJORITY, label="most frequent place", predictions=positions),
        Baseline(name=_OVERLAP, label=_overlap_label(vectorizer), predictions=alike),
    ]


def tagging_baselines(train: Examples, valid: Examples, test: Examples) -> list[Baseline]:
    """Return the most frequent tag, and each word's most frequent tag in training."""
    by_word: dict[str, Counter[str]] = defaultdict(Counter)
    for example in train:
        for word, tag in zip(example.texts, example.gold, strict=True):
            by_word[word][tag] += 1
    usual = {word: _most(counts) for word, counts in by_word.items()}
    most = _most(sum(by_word.values(), Counter[str]()))
    majority = [[most] * len(example.texts) for example in test]
    tags = [[usual.get(word, most) for word in example.texts] for example in test]
    return [
        Baseline(name=MAJORITY, label="most frequent tag", predictions=majority),
        Baseline(name=_WORD_TAG, label="each word's most frequent tag", predictions=tags),
    ]


def span_baselines(train: Examples, valid: Examples, test: Examples) -> list[Baseline]:
    """Return "no answer" if that is most frequent, and the sentence most like the question."""
    vectorizer = word_vectorizer(train)
    alike = []
    for example in test:
        question, context = example.texts
        sentences = [part.strip() for part in _SENTENCE.findall(context) if part.strip()] or [context]
        cosines = _cosines(vectorizer, [(question, sentence) for sentence in sentences])
        alike.append(sentences[int(cosines.argmax())])
    overlap = Baseline(name=_OVERLAP, label="the sentence most like the question", predictions=alike)
    if 2 * sum(not example.gold for example in train) <= len(train):
        return [overlap]
    return [Baseline(name=MAJORITY, label="no answer", predictions=[""] * len(test)), overlap]


def _linear(train: Examples, valid: Examples, test: Examples) -> Baseline:
    """Return a logistic regression on TF-IDF: its best C on validation examples, the smaller of equals."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    began = time.perf_counter()
    vectorizer = word_vectorizer(train)
    train_features, train_labels = _features(vectorizer, train), [example.gold for example in train]
    valid_features = _features(vectorizer, valid) if len(valid) else None
    valid_labels = np.array([example.gold for example in valid])
    best, best_accuracy, notes = None, -1.0, Counter[str]()
    for penalty in INVERSE_PENALTIES if len(valid) else INVERSE_PENALTIES[1:2]:
        model = LogisticRegression(C=penalty, max_iter=_MOST_ITERATIONS)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(train_features, train_labels)
        for warning in caught:
            is_unfinished = issubclass(warning.category, ConvergenceWarning)
            notes["fits stopped before convergence" if is_unfinished else str(warning.message)] += 1
        accuracy = float(np.mean(model.predict(valid_features) == valid_labels)) if len(valid) else 0.0
        if accuracy > best_accuracy:
            best, best_accuracy = model, accuracy
    assert best is not None
    return Baseline(
        name=LINEAR,
        label=f"TF-IDF{' of characters' * _is_of_characters(vectorizer)} + logistic regression",
        predictions=[str(name) for name in best.predict(_features(vectorizer, test))],
        seconds=time.perf_counter() - began,
        settings={"C": float(best.C)} | ({"validation accuracy": best_accuracy} if len(valid) else {}),
        notes=dict(notes),
    )


def word_vectorizer(examples: Examples) -> Any:
    """Return scikit-learn's TF-IDF of words and pairs of words, fitted on the texts of examples.

    If no text has a word, as with emoji alone, it is of characters and pairs of characters.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [text for example in examples for text in example.texts]
    has_words = any(map(_WORD.search, texts))
    vectorizer = TfidfVectorizer(
        analyzer="word" if has_words else "char",
        ngram_range=(1, 2),
        sublinear_tf=True,  # 1 + ln(count)
        token_pattern=_WORD.pattern if has_words else None,
        max_features=MOST_FEATURES,
        dtype=np.float32,
    )
    return vectorizer.fit(texts)


def _is_of_characters(vectorizer: Any) -> bool:
    is_of_characters: bool = vectorizer.analyzer == "char"
    return is_of_characters


def _overlap_label(vectorizer: Any) -> str:
    return f"TF-IDF, {'characters' if _is_of_characters(vectorizer) else 'words'} in common"


def _features(vectorizer: Any, examples: Examples) -> Any:
    """Return the TF-IDF of one text, or of two side by side with their product and difference."""
    from scipy import sparse

    parts = [vectorizer.transform(texts) for texts in zip(*(e.texts for e in examples), strict=True)]
    if len(parts) == 2:
        first, second = parts
        parts += [first.multiply(second), abs(first - second)]
    return sparse.hstack(parts, format="csr")


def _cosines(vectorizer: Any, pairs: Sequence[Sequence[str]]) -> Any:
    """Return the cosine of the TF-IDF vectors of each pair of texts, (E,)."""
    first, second = (vectorizer.transform(texts) for texts in zip(*pairs, strict=True))
    return np.asarray(first.multiply(second).sum(axis=1), np.float64)[:, 0]


def _most(counts: Counter[str]) -> str:
    """Return the most frequent label; of equally frequent ones the first in the alphabet."""
    return min(counts, key=lambda label: (-counts[label], label))
