import pytest

from twinlm.doctor.checks.findings import excerpt, folded, level_of, quantiles, words_of


def test_a_share_decides_between_a_warning_and_a_note():
    assert [level_of(share, 0.01) for share in (0.0, 0.0099, 0.01, 1.0)] == [
        "note",
        "note",
        "warning",
        "warning",
    ]


def test_copies_may_differ_in_case_and_white_space_only():
    assert folded("  The\tQuick\n fox ") == folded("the quick FOX") != folded("the quick fox.")


def test_words_are_without_case_and_punctuation():
    assert words_of("Don't — stop, ÉTÉ 3.5!") == ["don", "t", "stop", "été", "3", "5"]


@pytest.mark.parametrize(
    ("text", "place", "wanted"),
    [
        ("short", 0, "'short'"),
        ("two\nlines", 0, "'two lines'"),
        ("x" * 100, 0, "'" + "x" * 60 + "...'"),
        ("a" * 50 + "HERE" + "b" * 100, 50, "'..." + "a" * 20 + "HERE" + "b" * 36 + "...'"),
        ("a\x93b", 1, "'a\\x93b'"),
    ],
)
def test_an_excerpt_is_one_printable_line_around_a_place(text, place, wanted):
    assert excerpt(text, place) == wanted


def test_quantiles_are_values_that_stand_there():
    assert quantiles([]) == {}
    assert quantiles(range(1, 101)) == {"least": 1, "median": 50, "90 %": 90, "99 %": 99, "most": 100}
