"""Where two curves cross: known crossings are found, chance ones are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm import rng
from twinlm.evidence.crossing import crossing
from twinlm.evidence.outcomes import Outcomes

PLACES = [10, 100, 1000]


def drawn(shares, *, seeds=3, examples=600, name="a"):
    chance = rng.stream(1, name)
    return [Outcomes(chance.random((seeds, examples)) < share) for share in shares]


def test_a_clear_crossing_is_found_with_its_range():
    found = crossing(PLACES, drawn([0.7, 0.75, 0.8]), drawn([0.5, 0.7, 0.95], name="b"))
    assert found is not None
    ahead, at = found
    assert ahead == 1
    assert 100 < at.estimate < 1000
    assert at.low <= at.estimate <= at.high
    assert at.low > 10 and at.high < 1000


def test_the_other_way_round_the_other_is_ahead_below_it():
    found = crossing(PLACES, drawn([0.5, 0.7, 0.95]), drawn([0.7, 0.75, 0.8], name="b"))
    assert found is not None and found[0] == -1


def test_a_crossing_at_a_point_where_both_are_equal_is_found_there():
    """Else a change of sign over a difference of 0 is missed, and an earlier one counts as the last."""
    (equal,) = drawn([0.7])
    first = [*drawn([0.8]), equal, *drawn([0.5], name="c")]
    second = [*drawn([0.5], name="b"), equal, *drawn([0.9], name="d")]
    found = crossing(PLACES, first, second)
    assert found is not None and found[0] == 1
    assert found[1].estimate == pytest.approx(100)
    assert crossing(PLACES, second, first)[0] == -1
    ahead, at = crossing([1, *PLACES], [*drawn([0.5], name="e"), *first], [*drawn([0.9], name="f"), *second])
    assert ahead == 1 and at.estimate == pytest.approx(100)


def test_curves_that_do_not_cross_have_no_crossing():
    assert crossing(PLACES, drawn([0.6, 0.7, 0.8]), drawn([0.5, 0.6, 0.7], name="b")) is None


def test_noise_around_equal_curves_shows_no_crossing():
    for number in range(20):
        first = drawn([0.6, 0.6, 0.6], name=f"first {number}", examples=200)
        second = drawn([0.6, 0.6, 0.6], name=f"second {number}", examples=200)
        assert crossing(PLACES, first, second) is None


@given(st.floats(-0.9, -0.1), st.floats(0.1, 0.9))
def test_it_lies_where_the_straight_line_on_the_logarithmic_axis_does(before, after):
    first = [Outcomes(np.full((2, 5), value)) for value in (before, after)]
    second = [Outcomes(np.zeros((1, 5)))] * 2
    found = crossing([10, 1000], first, second)
    assert found is not None
    _, at = found
    assert at.estimate == pytest.approx(10 * 100 ** (before / (before - after)))
    assert (at.low, at.high) == pytest.approx((at.estimate, at.estimate))
