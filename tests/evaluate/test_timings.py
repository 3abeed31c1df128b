import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.evaluate.timings import ServingCost, Spread, Timing, ratio, spread

SECONDS = st.floats(1e-4, 1e3)


def timing(rounds_s: list[float], batch: int = 32, requests: int = 2) -> Timing:
    return Timing(
        batch=batch, requests=requests, request_s=Spread(median=1.0, low=0.5, high=2.0), rounds_s=rounds_s
    )


@given(st.lists(SECONDS, min_size=1, max_size=12))
def test_a_spread_is_the_median_and_two_percentiles(values):
    found = spread(values, 25, 75)
    assert found.low <= found.median <= found.high
    ordered = sorted(values)
    middle = len(values) // 2
    wanted = ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    assert found.median == pytest.approx(wanted)
    assert [found.low, found.high] == pytest.approx(np.quantile(values, [0.25, 0.75]).tolist())


def test_a_thousand_predictions_take_what_the_rounds_say():
    found = timing([0.64, 6.4, 0.32])
    assert found.predictions == 3 * 64
    assert found.per_thousand_s.median == pytest.approx(10.0)
    assert found.per_thousand_s.low == pytest.approx(7.5)
    assert found.per_thousand_s.high == pytest.approx(55.0)


@given(st.lists(SECONDS, min_size=1, max_size=9), st.floats(0.1, 10))
def test_a_ratio_takes_rounds_side_by_side_so_that_a_busy_moment_cancels(rounds_s, factor):
    found = ratio(timing([factor * second for second in rounds_s]), timing(rounds_s))
    assert (found.low, found.median, found.high) == pytest.approx((factor, factor, factor))


def test_a_ratio_of_other_requests_or_rounds_is_none():
    with pytest.raises(AssertionError, match="not the same requests"):
        ratio(timing([1.0]), timing([1.0], requests=3))
    with pytest.raises(ValueError, match="shorter"):
        ratio(timing([1.0, 2.0]), timing([1.0]))


def test_a_timing_is_found_by_its_size_of_request():
    one, many = timing([1.0], batch=1), timing([2.0])
    cost = ServingCost(
        timings=[one, many],
        flops=1.0,
        sequences=1.0,
        tokens=9.0,
        weight_bytes=4,
        peak_memory_bytes=None,
        others_share=0.0,
        threads=1,
        precision="float32",
        device="cpu",
    )
    assert cost.timing(32) is many
    assert cost.timing(1) is one
