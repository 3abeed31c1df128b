import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from twinlm.evidence.permutation import paired_permutation_p
from twinlm.rng import stream


@given(st.integers(1, 3), st.integers(1, 11), st.integers(0, 2**31))
def test_p_is_that_of_all_sign_flips(seeds, examples, seed):
    random = np.random.default_rng(seed)
    first_SE, second_SE = (random.random((seeds, examples)) < share for share in (0.7, 0.5))
    differences_E = first_SE.sum(axis=0).astype(int) - second_SE.sum(axis=0)
    signs = 1 - 2 * ((np.arange(2**examples)[:, None] >> np.arange(examples)) & 1)
    wanted = np.mean(np.abs(signs @ differences_E) >= abs(differences_E.sum()))
    assert paired_permutation_p(first_SE, second_SE) == pytest.approx(wanted, abs=1e-9)


def test_with_one_seed_p_is_that_of_mcnemars_exact_test():
    random = stream(1, "mcnemar")
    first_SE, second_SE = (random.random((1, 3000)) < share for share in (0.76, 0.73))
    better = int((first_SE & ~second_SE).sum())
    worse = int((second_SE & ~first_SE).sum())
    wanted = stats.binomtest(better, better + worse).pvalue
    assert paired_permutation_p(first_SE, second_SE) == pytest.approx(wanted, rel=1e-6)


def test_p_agrees_with_the_sampled_test_of_scipy():
    random = stream(2, "sampled")
    first_SE, second_SE = (random.random((3, 200)) < share for share in (0.74, 0.7))
    sampled = stats.permutation_test(
        (first_SE.mean(axis=0), second_SE.mean(axis=0)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        rng=stream(2, "flips"),
    )
    assert paired_permutation_p(first_SE, second_SE) == pytest.approx(sampled.pvalue, abs=0.02)


def test_p_is_the_same_the_other_way_round_and_never_zero():
    first_SE, second_SE = np.ones((3, 5000), bool), np.zeros((3, 5000), bool)
    p_value = paired_permutation_p(first_SE, second_SE)
    assert 0 < p_value < 1e-12
    assert paired_permutation_p(second_SE, first_SE) == p_value


def test_p_of_sampled_signs_is_that_of_scipy_and_the_same_the_other_way_round(simulated_figure):
    draw, _, effect = simulated_figure
    (first_SE, second_SE), _ = draw(stream(9, draw.__name__), seeds=2, examples=60, effect=effect / 3)
    sampled = stats.permutation_test(
        (first_SE.mean(axis=0), second_SE.mean(axis=0)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        rng=stream(9, "flips"),
    )
    found = paired_permutation_p(first_SE, second_SE)
    assert found == pytest.approx(sampled.pvalue, abs=0.02)
    assert paired_permutation_p(second_SE, first_SE) == found
    assert paired_permutation_p(first_SE, first_SE) == 1
