import pytest

from twinlm.compare import readable


def _plain(text):
    return (
        text.replace("\N{NARROW NO-BREAK SPACE}", " ")
        .replace("\N{NO-BREAK SPACE}", " ")
        .replace("\N{MINUS SIGN}", "-")
    )


@pytest.mark.parametrize(
    ("function", "number", "text"),
    [
        (readable.points, 0.031, "3.1"),
        (readable.points, -0.0004, "0.0"),
        (readable.points, -0.0123, "-1.2"),
        (readable.percent, 0.786, "78.6 %"),
        (readable.signed_percent, 0.366, "+37 %"),
        (readable.signed_percent, -0.2, "-20 %"),
        (readable.signed_percent, -0.004, "0 %"),
        (readable.p_value, 0.0, "p < 0.001"),
        (readable.p_value, 0.0023, "p = 0.002"),
        (readable.p_value, 0.031, "p = 0.03"),
        (readable.p_value, 1.0, "p = 1.00"),
        (readable.whole, 1461, "1,461"),
        (readable.amount, 9_999, "9,999"),
        (readable.amount, 1_214_000, "1.21 M"),
        (readable.amount, 999_600, "1.00 M"),
        (readable.amount, 116_534_784, "117 M"),
        (readable.amount, 42_600_000_000, "42.6 G"),
        (readable.size, 512, "512 bytes"),
        (readable.size, 20_881_244, "20.9 MB"),
        (readable.duration, 0.312, "0.31 s"),
        (readable.duration, 9.99, "10 s"),
        (readable.duration, 59.7, "1 min 00 s"),
        (readable.duration, 200, "3 min 20 s"),
        (readable.duration, 7500, "2 h 05 min"),
        (readable.moment, 0.00097, "0.97 ms"),
        (readable.moment, 0.2054, "205 ms"),
        (readable.moment, 0.9996, "1.00 s"),
        (readable.moment, 6.4624, "6.46 s"),
        (readable.moment, 78.0, "1 min 18 s"),
        (readable.price, 12.5, "12.50"),
        (readable.price, 0.997, "1.00"),
        (readable.price, 0.00312, "0.0031"),
        (readable.price, 0.0, "0"),
        (readable.scientific, 1.21e14, "1.2e14"),
        (readable.times, 6.667, "6.7"),
        (readable.times, 12.3, "12"),
    ],
)
def test_numbers_read_as_people_write_them(function, number, text):
    assert _plain(function(number)) == text


def test_lists_and_counts_read_as_sentences():
    assert readable.listed(["a"]) == "a"
    assert readable.listed(["a", "b", "c"]) == "a, b and c"
    assert readable.listed(["a", "b"], "nor") == "a nor b"
    assert (readable.counted(1, "seed"), readable.counted(1200, "seed")) == ("1 seed", "1,200 seeds")
    assert readable.points(0.12, signed=True) == "+12.0"
