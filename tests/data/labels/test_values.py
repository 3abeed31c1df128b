"""Fields of labelled rows: what each kind of value becomes, and which are refused."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.labels.values import (
    LOOK_ALIKE,
    MOST_FIELD_CHARACTERS,
    TRUE_AND_NUMBERS,
    Labels,
    check_text,
    read_number,
    read_text,
    read_words,
)
from twinlm.data.text.rows import RowError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("x", "x"),
        (" x y\t", "x y"),
        (1, "1"),
        (-3, "-3"),
        (10**30, str(10**30)),
        (2.0, "2"),
        (-0.0, "0"),
        (True, "True"),
        ("None", "None"),
        ("null", "null"),
        ("NaN ", "NaN"),
        ("NA", "NA"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("10\u00a0000", "10\u00a0000"),
        ("ß", "ß"),
    ],
)
def test_a_label_becomes_a_text(value: object, label: str) -> None:
    assert Labels(Counter()).label({"label": value}, "label") == label


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "the field 'label' is empty"),
        ("\u3000", "the field 'label' is only white space"),
        (None, "the field 'label' is null, a missing value"),
        (0.1, "the field 'label' is 0.1, not a whole number or a text"),
        (math.nan, "the field 'label' is nan, not a whole number or a text"),
        ([], "the field 'label' is a list, not a text or a whole number"),
        ("a\x07", "the field 'label' has control characters or line ends: 'a\\x07'"),
        ("a\u2028b", "the field 'label' has control characters or line ends: 'a\\u2028b'"),
        ("\ud800", "the field 'label' has half a surrogate pair, \\ud800, at character 1"),
    ],
)
def test_what_can_be_no_label_is_refused(value: object, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        Labels(Counter()).label({"label": value}, "label")
    assert str(caught.value) == reason


def test_labels_that_may_be_missing_values_are_classes_and_counted() -> None:
    counts: Counter[str] = Counter()
    for value in ("nan", "null", "NA", "N/A", "nan river"):
        Labels(counts).label({"label": value}, "label")
    key = "labels that may stand for a missing value (nan, null, NA): taken as a class"
    assert +counts == {key: 4}


def test_labels_that_are_perhaps_one_class_are_counted() -> None:
    counts: Counter[str] = Counter()
    labels = Labels(counts)
    for value in (1, "1", 2, 2.0, "Yes", "yes", "YES ", "no"):
        labels.label({"label": value}, "label")
    labels.count_twins()
    assert +counts == {
        "labels written as floats": 1,
        "labels with white space around them": 1,
        "labels that are numbers in one row and texts in another": 1,
        "labels that differ only in case": 3,
    }


def test_a_text_is_neither_empty_nor_endless_nor_holds_nul() -> None:
    assert read_text({"text": "a\r\nb\rc"}, "text") == "a\nb\nc"
    check_text("a" * MOST_FIELD_CHARACTERS, "it")
    for text, reason in (
        ("", "it is empty"),
        ("\r\n\u00a0", "it is only white space"),
        ("ab\0\0", "it has a NUL character, the first at character 3"),
        ("a" * (MOST_FIELD_CHARACTERS + 1), "it has 1,048,577 characters, more than 1,048,576"),
    ):
        with pytest.raises(RowError) as caught:
            check_text(text, "it")
        assert str(caught.value) == reason


@given(st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_as_such_and_as_a_text(number: float) -> None:
    assert read_number({"score": number}, "score") == float(number)
    assert read_number({"score": f" {number}\n"}, "score") == float(number)


@pytest.mark.parametrize("value", ["high", "4,5", "", "1_0", "nan", "-inf", True, None, [4]])
def test_a_score_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(RowError, match=r"the field 'score' is .*not a (finite )?number"):
        read_number({"score": value}, "score")


@given(json_values)
def test_any_value_is_a_finite_number_or_refused_in_few_words(value: object) -> None:
    try:
        number = read_number({"score": value}, "score")
    except RowError as error:
        assert len(str(error)) < 300
    else:
        assert math.isfinite(number)
        assert not isinstance(value, bool)


def test_words_are_a_list_of_texts_none_of_them_empty() -> None:
    assert read_words({"tokens": ["a", " b\r"]}, "tokens") == ("a", " b\n")
    for value, reason in (
        ([], "the field 'tokens' is an empty list"),
        ({}, "the field 'tokens' is an object, not a list of texts"),
        (["a", ""], "item 1 of 'tokens' is empty"),
        (["a", True], "item 1 of 'tokens' is true or false, not a text"),
        (["\udc00"], "the field 'tokens' has half a surrogate pair, \\udc00, at character 1"),
    ):
        with pytest.raises(RowError) as caught:
            read_words({"tokens": value}, "tokens")
        assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("labels", "alike", "true"),
    [
        (["pos", "pos\u200b", "neg"], 2, 0),
        (["caf\u00e9", "cafe\u0301", "tea"], 2, 0),
        (["a\u200db", "c"], 0, 0),
        ([1, True, 0], 0, 1),
        ([True, False, "true"], 0, 0),
    ],
)
def test_labels_that_look_alike_or_mix_true_with_numbers_are_counted(labels, alike, true) -> None:
    counts: Counter[str] = Counter()
    reader = Labels(counts)
    for label in labels:
        reader.label({"label": label}, "label")
    reader.count_twins()
    assert (counts[LOOK_ALIKE], counts[TRUE_AND_NUMBERS]) == (alike, true)


def test_tags_that_look_alike_are_counted() -> None:
    counts: Counter[str] = Counter()
    reader = Labels(counts)
    for tag in ("B-PER", "B-PER\ufeff", "O"):
        reader.bare(tag)
    reader.count_twins()
    assert counts[LOOK_ALIKE] == 2
