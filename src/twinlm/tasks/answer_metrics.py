"""Exact match and F1 of answers, as SQuAD's scripts count them (Rajpurkar et al. 2016, 2018).

Texts are compared without case, punctuation and articles, and F1 is that of their words. Of several gold
answers the one counts that fits best. No answer is the empty text.
"""

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from twinlm.tasks.metrics import Measured

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)

Gold = Sequence[Mapping[str, Any]]
"""A question's right answers, each with its "text"; none if there is no answer."""


def of_answers(golds: Sequence[Gold], predicted: Sequence[str]) -> Measured:
    """Measure answers: F1 and exact match; where some have no answer, also each of both groups by itself."""
    texts = [gold_texts(gold) for gold in golds]
    f1_E = np.array([best_f1(right, given) for right, given in zip(texts, predicted, strict=True)])
    exact_E = np.array([is_exact(right, given) for right, given in zip(texts, predicted, strict=True)])
    has_answer_E = np.array([bool(gold) for gold in golds])
    figures = {"answer F1": float(f1_E.mean()), "exact match": float(exact_E.mean())}
    if has_answer_E.any() and not has_answer_E.all():
        figures["F1 where there is an answer"] = float(f1_E[has_answer_E].mean())
        figures["right where there is none"] = float(exact_E[~has_answer_E].mean())
    return Measured(figures, lambda: f1_E)


def gold_texts(gold: Gold) -> list[str]:
    """Return the texts of the right answers that are more than an article; the empty text if none is."""
    return [answer["text"] for answer in gold if normalized(answer["text"])] or [""]


def best_f1(golds: Sequence[str], given: str) -> float:
    """Return the F1 of the words of an answer against the right answer that fits best."""
    return max(_f1(normalized(gold).split(), normalized(given).split()) for gold in golds)


def is_exact(golds: Sequence[str], given: str) -> bool:
    """Tell whether an answer is one of the right ones."""
    return any(normalized(gold) == normalized(given) for gold in golds)


def normalized(text: str) -> str:
    """Return a text in lower case, without punctuation and articles, its words parted by single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split())


def _f1(gold: Sequence[str], given: Sequence[str]) -> float:
    if not gold or not given:
        return float(gold == given)
    common = sum((Counter(gold) & Counter(given)).values())
    return 2 * common / (len(gold) + len(given))
