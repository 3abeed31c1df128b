"""Pairs of own text: each differs in what it says it does, stands nowhere in the text, and comes again."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlm.data.probes.pairs_from_text import PHENOMENA, make_pairs
from twinlm.data.probes.words import find_numbers, find_words, number_form

NAMES = ["Ada", "Bob", "Cleo", "Dora", "Emil", "Fritz", "Gerd", "Hugo"]
DOCUMENTS = [
    f"In {1900 + 7 * place} the painter {name} moved to town {place}. "
    f"Every day {name} ate {place + 3} warm rolls. "
    f"The old house near the river was never sold by {name} again."
    for place, name in enumerate(NAMES)
]


def of(pairs, phenomenon):
    return [pair for pair in pairs if pair.phenomenon == phenomenon]


def test_each_phenomenon_changes_what_it_says():
    pairs, notes = make_pairs(DOCUMENTS, count=8, seed=1)
    assert Counter(pair.phenomenon for pair in pairs) == dict.fromkeys(PHENOMENA, 8)
    assert notes == ()
    for pair in of(pairs, "word_order"):
        good, bad = ([span.text for span in find_words(text)] for text in (pair.good, pair.bad))
        moved = [place for place, both in enumerate(zip(good, bad, strict=True)) if both[0] != both[1]]
        assert (len(moved), sorted(good)) == (2, sorted(bad))
        assert moved[0] > 0 and moved[1] - moved[0] <= 2
    for pair in of(pairs, "number_swap"):
        both = zip(find_numbers(pair.good), find_numbers(pair.bad), strict=True)
        ((old, new),) = [(a.text, b.text) for a, b in both if a.text != b.text]
        assert number_form(old) == number_form(new)
        assert new not in pair.good and any(new in text for text in DOCUMENTS)
    for pair in of(pairs, "name_swap"):
        changed = zip(pair.good.split(), pair.bad.split(), strict=True)
        ((old, new),) = [(a, b) for a, b in changed if a != b]
        assert {old, new} <= set(NAMES)
        assert new not in next(text for text in DOCUMENTS if pair.good in text)
    for pair in of(pairs, "sentence_order"):
        first, second = pair.good.split(". ")
        assert pair.bad == f"{second} {first}."


def test_the_same_seed_gives_the_same_pairs_and_another_one_others():
    first, again, other = (make_pairs(DOCUMENTS, count=4, seed=seed).pairs for seed in (1, 1, 2))
    assert first == again
    assert {pair.good for pair in first} != {pair.good for pair in other}
    assert [pair.id for pair in first[:5]] == [*(f"word_order-{n}" for n in range(1, 5)), "number_swap-1"]


def test_items_are_spread_over_the_documents():
    pairs, _ = make_pairs(DOCUMENTS, count=8, seed=3)
    homes = {next(d for d in DOCUMENTS if pair.good in d) for pair in of(pairs, "word_order")}
    assert len(homes) == 8


def test_too_little_text_gives_notes():
    pairs, notes = make_pairs(["Only one short sentence stands here."], count=5, seed=1)
    assert [pair.phenomenon for pair in pairs] == ["word_order"]
    assert notes == tuple(
        f"{name}: {1 if name == 'word_order' else 0} of 5 pairs could be made of 1 documents"
        for name in PHENOMENA
    )
    assert make_pairs([], count=1, seed=1).pairs == ()


@pytest.mark.parametrize(
    "text",
    ["我昨天在家里喝了很多茶。他今天也想喝一点水。", "वह कल घर पर बहुत चाय पी रहा था। आज वह पानी पीता है।"],
)
def test_no_language_is_asked_for(text):
    pairs, _ = make_pairs([text, "Something else stands here, in another one."], count=1, seed=1)
    assert {pair.phenomenon for pair in pairs} == {"word_order", "sentence_order"}


WORDS = st.sampled_from(
    ["the", "Ada", "Bob", "saw", "red", "12", "15", "1984", "cats,", '"So"', "I", "\n", "über"]
)
SENTENCE = st.lists(WORDS, min_size=2, max_size=9).map(lambda words: " ".join(words) + ". ")
TEXTS = st.lists(st.lists(SENTENCE, min_size=1, max_size=4).map("".join), max_size=5)


@settings(max_examples=60)
@given(TEXTS, st.integers(1, 6), st.integers(0, 3))
def test_the_right_text_is_the_documents_and_the_wrong_one_stands_nowhere(documents, count, seed):
    pairs, notes = make_pairs(documents, count=count, seed=seed)
    kinds = Counter(pair.phenomenon for pair in pairs)
    assert all(times <= count for times in kinds.values())
    assert len(notes) == sum(kinds[name] < count for name in PHENOMENA)
    assert len({(pair.phenomenon, pair.bad) for pair in pairs}) == len(pairs)
    assert len({pair.id for pair in pairs}) == len(pairs)
    for pair in pairs:
        assert any(pair.good in document for document in documents)
        assert not any(pair.bad in document for document in documents)
