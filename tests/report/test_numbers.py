import pytest

from twinlm.evidence.records import Interval
from twinlm.report import numbers


def _plain(text):
    return (
        text.replace("\N{NARROW NO-BREAK SPACE}", " ")
        .replace("\N{NO-BREAK SPACE}", " ")
        .replace("\N{MINUS SIGN}", "-")
    )


@pytest.mark.parametrize(
    ("function", "number", "text"),
    [
        (numbers.points, 0.031, "3.1"),
        (numbers.points, -0.0004, "0.0"),
        (numbers.points, -0.0123, "-1.2"),
        (numbers.percent, 0.786, "78.6 %"),
        (numbers.signed_percent, 0.366, "+37 %"),
        (numbers.signed_percent, -0.2, "-20 %"),
        (numbers.signed_percent, -0.004, "0 %"),
        (numbers.p_value, 0.0, "p < 0.001"),
        (numbers.p_value, 0.0023, "p = 0.002"),
        (numbers.p_value, 0.031, "p = 0.03"),
        (numbers.p_value, 1.0, "p = 1.00"),
        (numbers.bare_p, 0.0, "< 0.001"),
        (numbers.bare_p, 0.031, "0.03"),
        (numbers.whole, 1461, "1,461"),
        (numbers.amount, 9_999, "9,999"),
        (numbers.amount, 1_214_000, "1.21 M"),
        (numbers.amount, 999_600, "1.00 M"),
        (numbers.amount, 116_534_784, "117 M"),
        (numbers.amount, 42_600_000_000, "42.6 G"),
        (numbers.size, 512, "512 bytes"),
        (numbers.size, 20_881_244, "20.9 MB"),
        (numbers.duration, 0.312, "0.31 s"),
        (numbers.duration, 9.99, "10 s"),
        (numbers.duration, 59.7, "1 min 00 s"),
        (numbers.duration, 200, "3 min 20 s"),
        (numbers.duration, 7500, "2 h 05 min"),
        (numbers.moment, 0.00097, "0.97 ms"),
        (numbers.moment, 0.2054, "205 ms"),
        (numbers.moment, 0.9996, "1.00 s"),
        (numbers.moment, 6.4624, "6.46 s"),
        (numbers.moment, 78.0, "1 min 18 s"),
        (numbers.price, 12.5, "12.50"),
        (numbers.price, 0.997, "1.00"),
        (numbers.price, 0.00312, "0.0031"),
        (numbers.price, 0.0, "0"),
        (numbers.scientific, 1.21e14, "1.2e14"),
        (numbers.times, 6.667, "6.7"),
        (numbers.times, 12.3, "12"),
    ],
)
def test_numbers_read_as_people_write_them(function, number, text):
    assert _plain(function(number)) == text


def test_intervals_read_from_low_to_high_in_any_unit():
    interval = Interval(estimate=0.02, low=-0.012, high=0.05)
    assert _plain(numbers.low_to_high(interval)) == "-1.2 to 5.0"
    assert _plain(numbers.low_to_high(interval, "{:.3f}".format)) == "-0.012 to 0.050"


def test_lists_and_counts_read_as_sentences():
    assert numbers.listed(["a"]) == "a"
    assert numbers.listed(["a", "b", "c"]) == "a, b and c"
    assert numbers.listed(["a", "b"], "nor") == "a nor b"
    assert (numbers.counted(1, "seed"), numbers.counted(1200, "seed")) == ("1 seed", "1,200 seeds")
    assert numbers.points(0.12, signed=True) == "+12.0"
