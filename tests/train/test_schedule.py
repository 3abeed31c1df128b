"""The learning rate at the steps that matter."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.settings import OptimizerSettings
from twinlm.train.schedule import learning_rate


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_it_rises_to_the_peak_at_the_end_of_the_warm_up_and_falls_to_almost_0(schedule: str) -> None:
    rate = learning_rate(OptimizerSettings(learning_rate=2.0, warmup_share=0.1, schedule=schedule), 100)
    assert rate(0) == pytest.approx(0.2)
    assert rate(4) == pytest.approx(1.0)
    assert rate(9) == rate(10) == 2.0
    assert rate(55) == pytest.approx(1.0)  # both are at a half in the middle of the fall
    wanted = 2 / 90 if schedule == "linear" else 1 + math.cos(math.pi * 89 / 90)
    assert rate(99) == pytest.approx(wanted)
    assert rate(99) > 0
    assert rate(100) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("steps", "warmup"), [(10, 1), (30, 3), (70, 7), (1000, 100), (11, 2), (1, 1)], ids=str
)
def test_the_warm_up_takes_its_share_of_the_steps_rounded_up(steps: int, warmup: int) -> None:
    """Rounded up, but not over an error of floating point: 0.1 * 70 is a little more than 7."""
    rate = learning_rate(OptimizerSettings(learning_rate=1.0, warmup_share=0.1), steps)
    assert rate(0) == pytest.approx(1 / warmup)
    assert rate(warmup - 1) == 1.0


def test_without_warm_up_the_first_step_has_the_full_rate() -> None:
    assert learning_rate(OptimizerSettings(learning_rate=1.0, warmup_share=0.0), 10)(0) == 1.0


def test_gpts_fine_tuning_warms_up_for_one_step() -> None:
    """0.2 % of the 530 steps that a task of that time took (Radford et al. 2018, 4.1) is one step, or two."""
    rate = learning_rate(OptimizerSettings(learning_rate=6.25e-5, warmup_share=0.002), 500)
    assert rate(0) == 6.25e-5


def test_the_warm_up_may_be_given_in_steps() -> None:
    rate = learning_rate(OptimizerSettings(learning_rate=1.0, warmup_steps=4, warmup_share=0.9), 100)
    assert [rate(step) for step in (0, 1, 3, 4)] == [0.25, 0.5, 1.0, 1.0]


def test_the_released_schedule_counts_from_the_first_step() -> None:
    """optimization.py: rate * step / warm-up below it, then polynomial_decay of power 1 over all steps."""
    settings = OptimizerSettings(learning_rate=1e-4, warmup_steps=10_000, released_schedule=True)
    rate = learning_rate(settings, 1_000_000)
    for step in (0, 1, 5000, 9999):
        assert rate(step) == pytest.approx(1e-4 * step / 10_000, rel=1e-12)
    for step in (10_000, 500_000, 999_999):
        assert rate(step) == pytest.approx(1e-4 * (1 - step / 1_000_000), rel=1e-9)


def test_the_released_schedule_rounds_a_share_of_the_steps_down() -> None:
    """run_classifier.py: int(num_train_steps * warmup_proportion); 0.1 * 70 is a little above 7 in floats."""
    for steps, warmup in ((70, 7), (79, 7), (9, 0)):
        settings = OptimizerSettings(learning_rate=1.0, warmup_share=0.1, released_schedule=True)
        rate = learning_rate(settings, steps)
        assert rate(warmup) == pytest.approx(1 - warmup / steps)
        assert all(rate(step) == pytest.approx(step / warmup) for step in range(warmup))


@given(
    share=st.floats(0, 0.9),
    steps=st.integers(1, 5000),
    schedule=st.sampled_from(["linear", "cosine"]),
)
def test_every_step_learns_and_none_above_the_peak(share: float, steps: int, schedule: str) -> None:
    rate = learning_rate(OptimizerSettings(learning_rate=0.5, warmup_share=share, schedule=schedule), steps)
    rates = [rate(step) for step in range(0, steps, max(1, steps // 50))] + [rate(steps - 1)]
    assert all(0 < value <= 0.5 for value in rates)
    peak = rates.index(max(rates))
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
