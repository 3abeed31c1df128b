"""Exact match and F1 of answers, by hand and against a plain version of SQuAD's definition."""

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.tasks import answer_metrics as ours

WORDS = st.lists(
    st.sampled_from(["the", "The", "a", "an", "cat", "Cat,", "then", "Ünder", "42", "4-2", "-", "🙂", "cat"]),
    max_size=6,
).map(" ".join)


def plain(text: str) -> list[str]:
    """Lower case; no ASCII punctuation; no articles; words between white space."""
    kept = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return [word for word in kept.split() if word not in ("a", "an", "the")]


def plain_f1(gold: str, given_text: str) -> float:
    there, found = plain(gold), plain(given_text)
    if not there or not found:
        return float(there == found)
    left, common = list(there), 0
    for word in found:
        if word in left:
            left.remove(word)
            common += 1
    if common == 0:
        return 0.0
    precision, recall = common / len(found), common / len(there)
    return 2 * precision * recall / (precision + recall)


@given(st.lists(WORDS, min_size=1, max_size=3), WORDS)
def test_f1_and_exact_match_are_those_of_the_definition(golds, answer):
    assert ours.best_f1(golds, answer) == pytest.approx(max(plain_f1(gold, answer) for gold in golds))
    assert ours.is_exact(golds, answer) == any(plain(gold) == plain(answer) for gold in golds)


@pytest.mark.parametrize(
    ("golds", "answer", "f1", "exact"),
    [
        (["Denver Broncos"], "the Denver Broncos.", 1, True),
        (["Denver Broncos"], "Denver", 2 / 3, False),
        (["Denver", "Denver Broncos"], "denver broncos", 1, True),
        (["cat cat dog"], "cat dog dog", 2 / 3, False),
        (["1,000"], "1000", 1, True),
        (["another"], "other", 0, False),
        (["café"], "cafe", 0, False),
        (["", ""], "", 1, True),
        (["x"], "", 0, False),
        ([""], "x", 0, False),
        ([""], "The", 1, True),
    ],
)
def test_answers_by_hand(golds, answer, f1, exact):
    assert ours.best_f1(golds, answer) == pytest.approx(f1)
    assert ours.is_exact(golds, answer) is exact


def gold(*texts: str) -> list[dict]:
    return [{"text": text, "start": 0} for text in texts]


def test_questions_without_an_answer_are_shown_apart():
    found = ours.of_answers([gold("red cat"), gold("dog"), gold(), gold()], ["cat", "dog", "", "x"])
    assert found.figures == pytest.approx(
        {
            "answer F1": (2 / 3 + 1 + 1 + 0) / 4,
            "exact match": 2 / 4,
            "F1 where there is an answer": (2 / 3 + 1) / 2,
            "right where there is none": 1 / 2,
        }
    )
    assert found.values_E == pytest.approx([2 / 3, 1, 1, 0])
    assert found.values_E.mean() == pytest.approx(found.main)
    assert found.values_E.dtype == np.float64


def test_where_all_questions_have_an_answer_there_are_two_figures():
    assert list(ours.of_answers([gold("x")], ["x"]).figures) == ["answer F1", "exact match"]
    assert list(ours.of_answers([gold()], [""]).figures) == ["answer F1", "exact match"]


def test_a_gold_answer_that_is_an_article_only_is_none_as_in_squads_script():
    assert ours.gold_texts(gold("the", "cat")) == ["cat"]
    assert ours.gold_texts(gold("The.")) == [""]
    assert ours.gold_texts(gold()) == [""]
