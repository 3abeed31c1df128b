"""Counting models are proper distributions and equal slow ones made of dictionaries."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.evaluate.ngrams import Counts, counting_loss


class Store:
    def __init__(self, tokens):
        self.tokens_T = np.array(tokens, dtype=np.uint16)


@given(st.lists(st.integers(0, 6), min_size=2, max_size=60))
def test_the_chances_of_all_tokens_are_one(tokens):
    counts, all_V = Counts(np.array(tokens), 7), np.arange(7)
    assert counts.unigram(all_V).sum() == pytest.approx(1)
    for before in range(7):
        assert counts.bigram(np.full(7, before), all_V).sum() == pytest.approx(1)


@given(st.lists(st.integers(0, 6), min_size=2, max_size=60), st.integers(0, 6), st.integers(0, 6))
def test_a_pair_has_the_chance_that_witten_and_bell_give(tokens, before, after):
    pairs, single = Counter(itertools.pairwise(tokens)), Counter(tokens)
    alone = (single[after] + 1) / (len(tokens) + 7)
    followers = sum(first == before for first, _ in pairs)
    total = sum(count for (first, _), count in pairs.items() if first == before)
    slow = (pairs[before, after] + followers * alone) / (total + followers) if total else alone
    counts = Counts(np.array(tokens), 7)
    assert counts.bigram(np.array([before]), np.array([after]))[0] == pytest.approx(slow)


def test_what_always_follows_is_known_by_pairs_and_not_by_single_tokens():
    train, held_out = Store([0, 1, 2, 3] * 500), Store([0, 1, 2, 3] * 20)
    found = counting_loss(train, held_out, 4)
    assert found.unigram == pytest.approx(math.log(4), rel=0.01)
    assert found.bigram < 0.05


def test_tokens_that_are_left_out_are_not_predicted_but_stand_before_others():
    train, held_out = Store([0, 1, 0, 1, 0, 2] * 200), Store([0, 1] * 50)
    without = counting_loss(train, held_out, 3, left_out=[0])
    assert without.bigram == pytest.approx(-math.log(2 / 3), rel=0.02)
