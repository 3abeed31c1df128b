"""What a model must beat to be worth its training, where the task is no classification (see baselines.py).

Each floor knows no more than single words: how alike two texts are in them, which tag a word mostly has,
which sentence shares most words with a question.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from twinlm.data.labels.examples import Example
from twinlm.tasks.baselines import LINEAR, MAJORITY, Baseline, word_vectorizer

_OVERLAP = "tfidf-similarity"
_MEAN = "mean"
_WORD_TAG = "word-tag"
NAMES = frozenset({MAJORITY, LINEAR, _OVERLAP, _MEAN, _WORD_TAG})
"""Of all baselines of all kinds of task; no arm may have one of them."""
_MEAN_OVERLAP = "TF-IDF, words in common"
_LEAST_SPREAD = 1e-4
"""Of cosines that a line can be drawn through."""
_SENTENCE = re.compile(r"[^.!?]+(?:[.!?]+|$)")

Examples = Sequence[Example]


def similarity_floors(train: Examples, valid: Examples, test: Examples) -> list[Baseline]:
    """Return the mean score of all training examples, and a line through the cosines of TF-IDF vectors."""
    golds = np.array([example.gold for example in train])
    vectorizer = word_vectorizer([text for example in train for text in example.texts])
    cosines_E, tests_E = (_cosines(vectorizer, [tuple(e.texts) for e in part]) for part in (train, test))
    slope, offset = (
        np.polyfit(cosines_E, golds, 1) if np.ptp(cosines_E) > _LEAST_SPREAD else (0.0, golds.mean())
    )
    constant = Baseline(
        name=_MEAN, label="mean of the training scores", predictions=[float(golds.mean())] * len(test)
    )
    return [
        constant,
        Baseline(name=_OVERLAP, label=_MEAN_OVERLAP, predictions=(slope * tests_E + offset).tolist()),
    ]


def choice_floors(train: Examples, valid: Examples, test: Examples) -> list[Baseline]:
    """Return the most frequent place of the right choice, and the choice most like the text in its words."""
    most = Counter(example.gold for example in train).most_common(1)[0][0]
    places = [min(most, len(example.texts) - 2) for example in test]
    vectorizer = word_vectorizer([text for example in train for text in example.texts])
    alike = []
    for example in test:
        pairs = [(example.texts[0], choice) for choice in example.texts[1:]]
        alike.append(int(_cosines(vectorizer, pairs).argmax()))
    return [
        Baseline(name=MAJORITY, label="most frequent place", predictions=places),
        Baseline(name=_OVERLAP, label=_MEAN_OVERLAP, predictions=alike),
    ]


def tagging_floors(train: Examples, valid: Examples, test: Examples) -> list[Baseline]:
    """Return the most frequent tag, and for each word the tag that it has most often in training."""
    by_word: dict[str, Counter[str]] = defaultdict(Counter)
    for example in train:
        for word, tag in zip(example.texts, example.gold, strict=True):
            by_word[word][tag] += 1
    usual = {word: _most(counts) for word, counts in by_word.items()}
    most = _most(sum(by_word.values(), Counter[str]()))
    return [
        Baseline(
            name=MAJORITY,
            label="most frequent tag",
            predictions=[[most] * len(example.texts) for example in test],
        ),
        Baseline(
            name=_WORD_TAG,
            label="each word's most frequent tag",
            predictions=[[usual.get(word, most) for word in example.texts] for example in test],
        ),
    ]


def span_floors(train: Examples, valid: Examples, test: Examples) -> list[Baseline]:
    """Return "no answer" if that is the most frequent one, and the sentence most like the question."""
    vectorizer = word_vectorizer([text for example in train for text in example.texts])
    alike = []
    for example in test:
        sentences = list(_sentences(example.texts[1]))
        cosines = _cosines(vectorizer, [(example.texts[0], sentence) for sentence in sentences])
        alike.append(sentences[int(cosines.argmax())])
    floors = [Baseline(name=_OVERLAP, label="the sentence most like the question", predictions=alike)]
    if 2 * sum(not example.gold for example in train) > len(train):
        floors.insert(0, Baseline(name=MAJORITY, label="no answer", predictions=[""] * len(test)))
    return floors


def _cosines(vectorizer: Any, pairs: Sequence[Sequence[str]]) -> Any:
    """Return the cosine of the TF-IDF vectors of each pair of texts, (E,)."""
    first, second = (vectorizer.transform(texts) for texts in zip(*pairs, strict=True))
    return np.asarray(first.multiply(second).sum(axis=1), np.float64)[:, 0]


def _most(counts: Counter[str]) -> str:
    """Return the most frequent tag; of equally frequent ones the first in the alphabet."""
    return min(counts, key=lambda tag: (-counts[tag], tag))


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text, cut in the plainest way; a text without any comes whole."""
    found = [sentence.strip() for sentence in _SENTENCE.findall(text) if sentence.strip()]
    yield from found or [text]
