import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from twinlm.evidence.bootstrap import bca_interval, bootstrap_intervals, resampled_means
from twinlm.evidence.outcomes import Outcomes
from twinlm.rng import stream


def _pair(seed, *, rows=3, examples=200, shares=(0.8, 0.7)):
    random = stream(seed, "bootstrap of a test")
    common_E = random.random(examples)
    return [0.7 * common_E + 0.3 * random.random((rows, examples)) < share for share in shares]


@pytest.mark.parametrize("kind", ["right or wrong", "few, skewed numbers"])
def test_bca_is_that_of_scipy(kind):
    if kind == "right or wrong":
        first_E, second_E = (values_RE.mean(axis=0) for values_RE in _pair(1))
    else:
        first_E, second_E = stream(2, "skewed").exponential(size=40) ** 2, np.zeros(40)
    replicas = 20_000
    wanted = stats.bootstrap(
        (first_E, second_E),
        lambda a, b, axis=-1: (a - b).mean(axis=axis),
        paired=True,
        method="BCa",
        n_resamples=replicas,
        rng=stream(1, "scipy"),
    ).confidence_interval
    found, _ = bootstrap_intervals(first_E[None], second_E[None], replicas=replicas)
    width = wanted.high - wanted.low
    assert [found.low, found.high] == pytest.approx([wanted.low, wanted.high], abs=0.03 * width)
    assert found.estimate == pytest.approx((first_E - second_E).mean())


def _slow_bca(values_E, means_N):
    """Efron's formulas as they stand, with a jackknife."""
    estimate, examples = values_E.mean(), len(values_E)
    ties_N = np.isclose(means_N, estimate, rtol=1e-9)
    bias = stats.norm.ppf(np.mean(np.where(ties_N, 0.5, means_N < estimate)))
    left_out_E = np.array([np.delete(values_E, place).mean() for place in range(examples)])
    away_E = left_out_E.mean() - left_out_E
    acceleration = (away_E**3).sum() / (6 * (away_E**2).sum() ** 1.5)
    ends = []
    for share in (0.025, 0.975):
        moved = bias + stats.norm.ppf(share)
        ends.append(np.quantile(means_N, stats.norm.cdf(bias + moved / (1 - acceleration * moved))))
    return ends


@given(st.integers(5, 30), st.integers(0, 2**31))
def test_bca_is_that_of_the_formulas_as_they_stand(examples, seed):
    random = np.random.default_rng(seed)
    values_E = random.exponential(size=examples)
    means_N = values_E[random.integers(0, examples, (400, examples))].mean(axis=1)
    found = bca_interval(values_E, means_N)
    assert [found.low, found.high] == pytest.approx(_slow_bca(values_E, means_N), abs=1e-9)


def test_means_of_resampled_examples_are_those_of_a_slow_loop_in_distribution():
    values_RE = _pair(3, examples=60)[0]
    random = stream(3, "slow")
    slow_NR = np.stack([values_RE[:, random.integers(0, 60, 60)].mean(axis=1) for _ in range(4000)])
    quick_NR = resampled_means(values_RE, 4000)
    assert quick_NR.mean(axis=0) == pytest.approx(slow_NR.mean(axis=0), abs=0.006)
    assert np.cov(quick_NR.T) == pytest.approx(np.cov(slow_NR.T), abs=3e-4)


def _slow_two_level(first, second, replicas):
    """Draw examples, then pre-trainings, then the seeds of each, one after the other."""
    random, figures = stream(4, "slow"), []
    examples = first.examples
    for _ in range(replicas):
        chosen_E = random.integers(0, examples, examples)
        sides = []
        for arm in (first, second):
            drawn = [
                arm.values_PSE[group, random.integers(arm.seeds), :][chosen_E].mean()
                for group in random.integers(0, arm.groups, arm.groups)
                for _ in range(arm.seeds)
            ]
            sides.append(np.mean(drawn))
        figures.append(sides[0] - sides[1])
    return np.quantile(figures, [0.025, 0.975])


@pytest.mark.parametrize("groups", [1, 2])
def test_the_interval_over_both_is_that_of_a_slow_loop(groups):
    skills_R1 = np.array([0.62, 0.7, 0.8, 0.86])[:, None]
    first = Outcomes(stream(5, "first").random((4, 150)) < skills_R1, groups)
    second = Outcomes(stream(5, "second").random((1, 150)) < 0.6)
    low, high = _slow_two_level(first, second, 3000)
    _, found = bootstrap_intervals(first, second, replicas=20_000)
    assert [found.low, found.high] == pytest.approx([low, high], abs=0.02)


def test_seeds_widen_the_interval_over_both_only():
    skills_R1 = np.array([0.6, 0.7, 0.8])[:, None]
    apart_RE = stream(6, "apart").random((3, 1000)) < skills_R1
    over_examples, over_both = bootstrap_intervals(apart_RE, np.zeros((1, 1000), bool))
    assert over_both.high - over_both.low > 3 * (over_examples.high - over_examples.low)


@pytest.mark.parametrize(
    ("first_RE", "second_RE", "estimate"),
    [
        (np.ones((3, 50), bool), np.zeros((2, 50), bool), 1.0),
        (np.ones((3, 50), bool), np.ones((3, 50), bool), 0.0),
        (np.ones((1, 1), bool), np.zeros((1, 1), bool), 1.0),
        (np.full((3, 50), 1 / 3), np.full((2, 50), 0.1), 1 / 3 - 0.1),
    ],
    ids=["all right and all wrong", "equal", "one example", "constant numbers"],
)
def test_where_examples_agree_the_intervals_are_points(first_RE, second_RE, estimate):
    for found in bootstrap_intervals(first_RE, second_RE):
        assert [found.low, found.estimate, found.high] == pytest.approx([estimate] * 3)


def test_one_odd_example_among_many_gives_an_interval():
    first_RE = np.ones((1, 50), bool)
    second_RE = first_RE.copy()
    second_RE[0, 7] = False
    found, _ = bootstrap_intervals(first_RE, second_RE)
    assert found.estimate == pytest.approx(0.02)
    assert 0 <= found.low < found.estimate < found.high < 0.15


def test_the_same_arms_give_the_same_intervals_and_many_examples_need_little_memory():
    random = stream(7, "many")
    first_RE, second_RE = random.random((2, 20_000)), random.random((2, 20_000))
    tracemalloc.start()
    found = bootstrap_intervals(first_RE, second_RE, replicas=300)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 60e6
    assert bootstrap_intervals(first_RE, second_RE, replicas=300) == found
