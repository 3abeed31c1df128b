import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.evidence.effects import effect
from twinlm.rng import stream


def _shares(*counts, examples=100):
    """A row for each count of right examples, the first ones."""
    return np.arange(examples) < np.array(counts)[:, None]


def test_cohens_h_is_that_of_his_table():
    """Cohen (1988), table 6.2.2: the angles of 0.50 and 0.30 are 1.571 and 1.159."""
    found = effect(_shares(50), _shares(30))
    assert (found.name, found.size) == ("h", pytest.approx(1.571 - 1.159, abs=0.001))
    assert effect(_shares(100), _shares(0)).size == pytest.approx(np.pi)


def test_other_figures_have_the_mean_over_the_deviation():
    differences_E = np.array([0.1, 0.3, -0.1, 0.5])
    found = effect(differences_E[None] + 0.2, np.full((2, 4), 0.2))
    assert (found.name, found.only_first, found.odds_ratio) == ("d_z", None, None)
    assert found.size == pytest.approx(differences_E.mean() / differences_E.std(ddof=1))
    assert effect(np.full((1, 4), 0.3), np.full((1, 4), 0.2)).size == 0
    assert effect(np.full((1, 1), 0.3), np.full((1, 1), 0.2)).size == 0


def test_discordant_examples_are_those_of_mcnemars_table():
    first_RE, second_RE = np.zeros((1, 60), bool), np.zeros((1, 60), bool)
    first_RE[0, :30], second_RE[0, 20:45] = True, True
    found = effect(first_RE, second_RE)
    assert (found.only_first, found.only_second) == (20, 15)
    assert found.odds_ratio == 20.5 / 15.5


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**31))
def test_over_seeds_all_is_a_mean_over_pairs_of_models(rows, other_rows, seed):
    random = np.random.default_rng(seed)
    first_RE, second_RE = (random.random((count, 12)) < 0.6 for count in (rows, other_rows))
    found = effect(first_RE, second_RE)
    pairs = [(one_E, other_E) for one_E in first_RE for other_E in second_RE]
    assert found.only_first == pytest.approx(np.mean([(a & ~b).sum() for a, b in pairs]))
    assert found.only_second == pytest.approx(np.mean([(b & ~a).sum() for a, b in pairs]))
    ahead = [1.0 if a.sum() > b.sum() else 0.5 if a.sum() == b.sum() else 0.0 for a, b in pairs]
    assert found.first_is_ahead == pytest.approx(np.mean(ahead))


def test_the_other_way_round_all_is_turned():
    first_RE, second_RE = (stream(1, name).random((3, 80)) < 0.7 for name in ("one", "other"))
    found, turned = effect(first_RE, second_RE), effect(second_RE, first_RE)
    assert turned.size == pytest.approx(-found.size)
    assert turned.first_is_ahead == pytest.approx(1 - found.first_is_ahead)
    assert turned.odds_ratio == pytest.approx(1 / found.odds_ratio)
