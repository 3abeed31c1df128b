"""Choices and their labels: a number or a text, decided once from all rows of a file."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.labels.choices import (
    NEVER_FIRST,
    UNCLEAR,
    read_choice,
    read_choices,
    reading_of,
    settled,
)
from twinlm.data.labels.forms import CHOICE
from twinlm.data.text.rows import RowError
from twinlm.errors import DataError

AS_NUMBER, AS_TEXT = UNCLEAR.format("number"), UNCLEAR.format("text")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def one(value: object, choices: list[str]) -> int:
    """Return the choice that a label means which stands alone."""
    label = read_choice({"label": value}, "label", choices)
    return settled(label, reading_of([label]), "label", Counter())


json_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just([1])


@given(st.lists(st.sampled_from(["a", "b", "0", "1", "2 "]), min_size=2, max_size=4), json_values)
def test_any_value_is_one_of_the_choices_or_refused(choices: list[str], value: object) -> None:
    try:
        index = one(value, choices)
    except RowError as error:
        assert f"a choice's number from 0 to {len(choices) - 1}" in str(error)
    else:
        assert choices[index] == str(value) or index == float(str(value))


@given(
    st.integers(-20, 20),
    st.integers(2, 12),
    st.sampled_from([int, float, str, " {} ".format, "{:05d}".format, "{}.00".format]),
)
def test_a_choice_is_named_by_its_number_from_zero(number: int, size: int, written) -> None:
    choices = [f"choice {index}" for index in range(size)]
    if 0 <= number < size and str(written(number)) != "-0.0":
        assert one(written(number), choices) == number
        assert one(choices[number], choices) == number
    else:
        with pytest.raises(RowError, match=f"from 0 to {size - 1}"):
            one(written(number), choices)


def numbers_as_choices(rows: int) -> tuple[list[list[str]], list[int]]:
    """Return choices that are numbers, and the right one of each row: sums, differences and the like."""
    choices = [[str((row * step + step) % 11) for step in (1, 2, 3, 5)] for row in range(rows)]
    return choices, [row * 7 % 4 for row in range(rows)]


def rows_of(ending: str, choices: list[list[str]], labels: list[object]) -> str:
    if ending == ".jsonl":
        return "".join(
            json.dumps({"text": f"q{row}", "choices": its, "label": label}) + "\n"
            for row, (its, label) in enumerate(zip(choices, labels, strict=True))
        )
    head = "text,choice_1,choice_2,choice_3,choice_4,label\n"
    return head + "".join(
        f"q{row},{','.join(its)},{label}\n"
        for row, (its, label) in enumerate(zip(choices, labels, strict=True))
    )


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
@pytest.mark.parametrize("written", [str, float, int])
def test_numbers_of_choices_that_are_numbers_are_numbers_in_every_row(read_file, ending, written) -> None:
    choices, golds = numbers_as_choices(160)
    found, counts = read_file(f"a{ending}", rows_of(ending, choices, list(map(written, golds))), CHOICE)
    assert [example.gold for example in found.examples] == golds
    assert found.reading == "number"
    also_texts = sum(
        its.count(str(written(gold))) == 1 and its.index(str(written(gold))) != gold
        for its, gold in zip(choices, golds, strict=True)
    )
    assert counts[AS_NUMBER] == also_texts and (written is float or also_texts > 20)
    assert AS_TEXT not in counts


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_texts_of_choices_that_are_numbers_are_texts_in_every_row(read_file, ending) -> None:
    choices, golds = numbers_as_choices(160)
    choices = [its for its in choices if len(set(its)) == 4]
    golds = golds[: len(choices)]
    labels = [its[gold] for its, gold in zip(choices, golds, strict=True)]
    found, counts = read_file(f"a{ending}", rows_of(ending, choices, labels), CHOICE)
    assert [example.gold for example in found.examples] == golds
    assert found.reading == "text" and counts[AS_TEXT] > 20 and AS_NUMBER not in counts


def test_where_both_fit_every_row_a_json_number_is_a_number_and_a_text_a_text(read_file) -> None:
    choices = [["1", "0", "2", "3"]] * 3
    for labels, golds in (([0, 1, 0], [0, 1, 0]), (["0", "1", "0"], [1, 0, 1])):
        found, _ = read_file("a.jsonl", rows_of(".jsonl", choices, labels), CHOICE)
        assert [example.gold for example in found.examples] == golds


def test_a_label_that_fits_neither_or_not_as_the_others_is_refused_with_its_line(read_file) -> None:
    choices = [["a", "b", "c", "d"]] * 4
    with pytest.raises(DataError) as caught:
        read_file("a.csv", rows_of(".csv", choices, [0, "b", "1.0", 4]), CHOICE)
    assert "a.csv:5: the field 'label' is '4', not a choice's number from 0 to 3 or the text of one" in str(
        caught.value
    )
    assert "a.csv:3: the field 'label' is 'b', but the other labels are numbers from 0 to 3" in str(
        caught.value
    )
    with pytest.raises(DataError, match="is true or false, not a choice's number from 0 to 3") as caught:
        read_file("a.jsonl", rows_of(".jsonl", choices, [0, True, 1, 2]), CHOICE)
    assert (caught.value.file, caught.value.line) == ("a.jsonl", 2)


def test_a_file_is_read_as_the_files_of_its_task_before_it(read_file) -> None:
    few = rows_of(".csv", [["1", "0", "2", "3"]], ["0"])
    assert read_file("a.csv", few, CHOICE)[0].examples[0].gold == 1
    assert read_file("a.csv", few, CHOICE, reading="number")[0].examples[0].gold == 0
    with pytest.raises(DataError, match="but the labels of training are numbers from 0 to 3"):
        read_file("a.csv", rows_of(".csv", [["a", "b", "c", "d"]], ["b"]), CHOICE, reading="number")


@pytest.mark.parametrize(
    ("values", "choices"),
    [
        ({"choices": ["a", "b\r\nc"]}, ("a", "b\nc")),
        ({"choice1": "a", "choice2": "b"}, ("a", "b")),
        ({"choice_10": "c", "choice_9": "b", "choice_0": "a"}, ("a", "b", "c")),
        ({"choices 1": "a", "choices-2": "b", "choices": ["x", "y"]}, ("x", "y")),
        ({"choice1": "a", "choice2": "b", "choice3": "", "choice4": " "}, ("a", "b")),
        ({"choice1": "a", "choice2": "b", "choice": "no", "choice3b": "no", "my_choice4": "no"}, ("a", "b")),
    ],
)
def test_choices_are_a_list_or_numbered_columns(values: dict[str, object], choices: tuple[str, ...]) -> None:
    assert read_choices(values, "choices") == choices


def test_a_name_of_columns_is_no_pattern() -> None:
    assert read_choices({"a.b1": "x", "a.b2": "y", "axb3": "z"}, "a.b") == ("x", "y")


def test_two_choices_with_one_text_are_the_cause_where_labels_are_texts(read_file) -> None:
    choices, labels = [["1", "2", "2"], *[["5", "6", "7"]] * 3], ["2", "5", "6", "7"]
    with pytest.raises(
        DataError, match=r"a\.jsonl:1: the field 'label' is '2', the text of two choices or more"
    ):
        read_file("a.jsonl", rows_of(".jsonl", choices, labels), CHOICE)


@pytest.mark.parametrize("written", [int, str, float])
@pytest.mark.parametrize("size", [2, 4])
def test_numbers_that_never_are_zero_are_refused_where_that_is_no_chance(read_file, size, written) -> None:
    """They may count from 1, and where the last choice is never right no row says so."""

    def read(rows: int, *more: int, **options: object) -> Counter[str]:
        labels = [*(1 + row % max(1, size - 2) for row in range(rows)), *more]
        choices = [list("abcd")[:size]] * len(labels)
        text = rows_of(".jsonl", choices, list(map(written, labels)))
        return read_file("a.jsonl", text, CHOICE, **options)[1]

    with pytest.raises(
        DataError, match=r"a\.jsonl: .* never 0, though 40 rows have labels: do they count fr"
    ):
        read(40)
    assert read(3)[NEVER_FIRST] == 0
    assert read({2: 6, 4: 15}[size])[NEVER_FIRST] == {2: 6, 4: 15}[size]
    assert read(40, 0)[NEVER_FIRST] == 0
    assert read(40, reading="number")[NEVER_FIRST] == 0  # a later file is read as training's
