import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlm.doctor.checks import near_duplicates
from twinlm.doctor.checks.near_duplicates import (
    LEAST_SIMILARITY,
    Text,
    check_near_duplicates,
    find_near_duplicates,
)
from twinlm.system.log import Silent


def some_text(chance, words):
    return " ".join(f"w{chance.randrange(5000)}" for _ in range(words))


def runs(text):
    words = text.split()
    return {tuple(words[place : place + 3]) for place in range(len(words) - 2)}


def similarity(first, second):
    return len(runs(first) & runs(second)) / len(runs(first) | runs(second))


def texts_of(texts, split="train"):
    return [Text(split, f"a.txt:{number}", text) for number, text in enumerate(texts, 1)]


def test_planted_near_copies_are_found_and_nothing_else():
    chance = random.Random(0)
    originals = [some_text(chance, 60) for _ in range(300)]
    changed = []
    for number in range(50):
        words = originals[number * 3].split()
        words[chance.randrange(60)] = "other"
        changed.append(" ".join(words))
    found = find_near_duplicates(texts_of([*originals, *changed]), Silent())
    assert [(pair.first, pair.second) for pair in found] == [
        (number * 3, 300 + number) for number in range(50)
    ]
    assert all(pair.similarity >= 0.9 for pair in found)


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=6, max_size=14).map(" ".join), max_size=40))
def test_what_is_found_is_as_similar_as_a_slow_count_says(given):
    found = find_near_duplicates(texts_of(given), Silent())
    for pair in found:
        assert pair.first < pair.second
        assert pair.similarity == pytest.approx(similarity(given[pair.first], given[pair.second]))
        assert pair.similarity >= LEAST_SIMILARITY
    copies = {place for place, text in enumerate(given) if text in given[:place] and len(text.split()) >= 8}
    assert copies <= {pair.second for pair in found}


def test_a_thousand_variants_of_one_text_take_a_thousand_comparisons(monkeypatch):
    chance = random.Random(1)
    words = some_text(chance, 80).split()
    texts = [" ".join([*words, f"number{number}"]) for number in range(1000)]
    calls = []
    compared = near_duplicates._similarity
    monkeypatch.setattr(near_duplicates, "_similarity", lambda *sets: calls.append(1) or compared(*sets))
    found = find_near_duplicates(texts_of(texts), Silent())
    assert {pair.first for pair in found} == {0}
    assert len(found) == len(calls) == 999


def test_short_texts_are_not_compared():
    assert find_near_duplicates(texts_of(["one two three four five six seven"] * 5), Silent()) == []


def test_splits_are_told_apart_and_the_share_decides():
    chance = random.Random(2)
    test, train = some_text(chance, 40), some_text(chance, 40)
    texts = [
        Text("test", "t.txt:1", test),
        Text("train", "a.txt:1", test + " more"),
        Text("train", "a.txt:2", train),
        Text("train", "a.txt:3", "More " + train),
    ]
    checked = check_near_duplicates("corpus", texts, Silent())
    inside, across = checked.findings
    assert checked.facts == {
        "looked at": 4, "is all": True, "least similarity": 0.8, "within a split": 1, "across splits": 1,
    }  # fmt: skip
    assert inside.message.startswith("1 of 4 texts are near duplicates of others within one split (Jaccard")
    assert (inside.level, across.level) == ("warning", "warning")
    assert across.examples[0].startswith("a.txt:1 is 97 % like t.txt:1 ")


def test_more_than_the_most_texts_are_a_sample(monkeypatch):
    monkeypatch.setattr(near_duplicates, "MOST_TEXTS", 2)
    text = some_text(random.Random(3), 20)
    checked = check_near_duplicates("corpus", texts_of([text, text, text]), Silent())
    assert checked.facts["is all"] is False
    assert checked.findings[0].message.startswith("1 of a sample of 2 texts ")


def test_without_the_library_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "rensa", None)
    checked = check_near_duplicates("corpus", texts_of(["a b c d e f g h i"]), Silent())
    assert checked.facts == {"looked at": 0}
    assert (checked.findings[0].level, checked.findings[0].hint) == ("note", "pip install 'twinlm[data]'")
