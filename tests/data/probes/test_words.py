"""Words of several scripts, and what is put in their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.probes.words import (
    casing,
    find_names,
    find_numbers,
    find_words,
    number_form,
    replaced,
    swapped,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"Don\'t go," said Ada (twice)...', ["Don't", "go", "said", "Ada", "twice"]),
        ("well-known \u2013 3.5 kg", ["well-known", "kg"]),
        ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया"]),
        ("我喝茶。Tea 3", ["我", "喝", "茶", "Tea"]),
        ("Straße, été; übermäßig", ["Straße", "été", "übermäßig"]),
        ("", []),
    ],
)
def test_a_word_has_no_signs_at_its_edges(text, words):
    assert [span.text for span in find_words(text)] == words


@given(st.text(max_size=60))
def test_a_span_says_where_its_text_stands(text):
    for span in [*find_words(text), *find_numbers(text), *find_names(text)]:
        assert text[span.begin : span.end] == span.text


def test_numbers_stand_alone():
    numbers = [
        span.text for span in find_numbers("In 1984, 1,024 men at 12:30 ran 3.5 km on the 19th (B12).")
    ]
    assert numbers == ["1984", "1,024", "12:30", "3.5"]
    assert [number_form(number) for number in numbers] == ["0000", "0,000", "00:00", "0.0"]
    assert [number_form(number) for number in ("0", "007", "7")] == ["0", "z00", "0"]


def test_names_have_a_capital_where_the_sentence_goes_on():
    text = 'Then Ada, Bob and "Carl" met I at NASA. Dan left - Eve stayed'
    assert [span.text for span in find_names(text)] == ["Ada", "Bob", "NASA"]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        *(("cat", "lower"), ("Cat", "capital"), ("CAT", "upper"), ("McCat", "mixed")),
        *(("A", "capital"), ("茶", "lower"), ("don't", "lower")),
    ],
)
def test_casing_says_how_a_word_is_written(word, kind):
    assert casing(word) == kind


def test_words_change_places_or_give_way():
    text = "The red, old cat"
    words = find_words(text)
    assert swapped(text, words[1], words[3]) == "The cat, old red"
    assert replaced(text, words[1], "blue") == "The blue, old cat"
