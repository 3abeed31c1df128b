"""Exact match and F1 of answers, as SQuAD's scripts count them (Rajpurkar et al. 2016, 2018).

Texts are compared without case, punctuation and articles; F1 counts words. Of several gold answers the best
match counts. No answer is the empty text.
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
"""Right answers to a question, each with its "text"; empty if there is no answer."""


def of_answers(golds: Sequence[Gold], predicted: Sequence[str]) -> Measured:
    """Measure answers: F1 and exact match; if some questions have no answer, also each group by itself."""
    texts = [gold_texts(gold) for gold in golds]
    f1_E = np.array([best_f1(right, answer) for right, answer in zip(texts, predicted, strict=True)])
    exact_E = np.array([is_exact(right, answer) for right, answer in zip(texts, predicted, strict=True)])
    has_answer_E = np.array([bool(gold) for gold in golds])
    figures = {"answer F1": float(f1_E.mean()), "exact match": float(exact_E.mean())}
    if has_answer_E.any() and not has_answer_E.all():
        figures["F1 where there is an answer"] = float(f1_E[has_answer_E].mean())
        figures["right where there is none"] = float(exact_E[~has_answer_E].mean())
    return Measured(figures, lambda: f1_E)


def gold_texts(gold: Gold) -> list[str]:
    """Return the texts of right answers, without mere articles; the empty text if none is left."""
    return [answer["text"] for answer in gold if normalized(answer["text"])] or [""]


def best_f1(golds: Sequence[str], answer: str) -> float:
    """Return the F1 of an answer's words against the right answer that matches best."""
    return max(_f1(normalized(gold).split(), normalized(answer).split()) for gold in golds)


def is_exact(golds: Sequence[str], answer: str) -> bool:
    """Tell whether an answer is one of the right ones."""
    return any(normalized(gold) == normalized(answer) for gold in golds)


def normalized(text: str) -> str:
    """Return a text in lower case, without punctuation and articles, with single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split())


def _f1(gold: Sequence[str], answer: Sequence[str]) -> float:
    if not gold or not answer:
        return float(gold == answer)
    common = sum((Counter(gold) & Counter(answer)).values())
    return 2 * common / (len(gold) + len(answer))
