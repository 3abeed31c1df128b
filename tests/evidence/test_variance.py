import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.evidence.outcomes import Outcomes
from twinlm.evidence.variance import effect, noise, of_models, shares, variances
from twinlm.rng import stream


def _draw(random, *, groups, seeds, examples):
    """Numbers with known components: 0.04 of examples, 0.02 of pre-training, 0.01 of fine-tuning, noise."""
    shape = (groups, seeds, examples)
    values_PSE = random.normal(size=examples) * 0.04**0.5
    values_PSE = values_PSE + random.normal(size=(groups, 1, 1)) * 0.02**0.5
    values_PSE = values_PSE + random.normal(size=(groups, 1, examples)) * 0.05**0.5
    values_PSE = values_PSE + random.normal(size=(groups, seeds, 1)) * 0.01**0.5
    values_PSE = values_PSE + random.normal(size=shape) * 0.3**0.5
    return Outcomes(values_PSE.reshape(groups * seeds, examples), groups)


def _mean(count, of, **design):
    random = stream(1, "components", str(design))
    return np.mean([of(variances(_draw(random, **design))) for _ in range(count)], axis=0)


def _components(found):
    arm = found.arms[0]
    return (
        found.examples,
        arm.pretraining,
        arm.pretraining_by_example,
        arm.finetuning,
        arm.finetuning_by_example,
    )


def test_the_components_are_found_again():
    found = _mean(300, _components, groups=6, seeds=4, examples=300)
    assert found == pytest.approx([0.04, 0.02, 0.05, 0.01, 0.3], rel=0.08)


def test_of_one_pre_training_its_variance_is_unknown():
    found = _mean(300, _components, groups=1, seeds=5, examples=300)
    assert found[1:3].tolist() == [0, 0]
    assert found[3:] == pytest.approx([0.01, 0.3], rel=0.08)
    assert found[0] == pytest.approx(0.04 + 0.05, rel=0.08)  # what it changes at examples looks like theirs


def test_with_one_fine_tuning_each_its_variance_is_in_that_of_pre_training():
    found = _mean(300, _components, groups=6, seeds=1, examples=300)
    assert found == pytest.approx([0.04, 0.03, 0.35, 0, 0], rel=0.1)


def test_a_baseline_adds_nothing_of_models():
    arm = _draw(stream(2, "arm"), groups=2, seeds=2, examples=50)
    baseline = variances(arm, np.zeros((1, 50))).arms[1]
    assert (noise(baseline), of_models(baseline)) == (0, 0)


def test_a_difference_has_the_variances_of_both_arms_and_not_what_examples_have_in_common():
    random = stream(3, "pair")
    hard_E = random.normal(size=4000)
    first, second = (Outcomes(hard_E + 0.1 * random.normal(size=(3, 4000))) for _ in range(2))
    found = variances(first, second)
    assert found.examples < 1e-3 and variances(first).examples == pytest.approx(1, rel=0.1)
    assert [arm.finetuning_by_example for arm in found.arms] == pytest.approx([0.01, 0.01], rel=0.1)


def test_models_that_are_equally_good_have_no_variance_of_seeds():
    """Three models that are right by chance on 75 % of the examples differ by noise alone."""
    random, found = stream(4, "noise"), []
    for _ in range(200):
        (arm,) = variances(random.random((3, 200)) < 0.75).arms
        found.append((arm.finetuning, arm.finetuning_by_example))
    finetuning, by_example = np.mean(found, axis=0)
    assert by_example == pytest.approx(0.75 * 0.25, rel=0.05)
    assert finetuning < 0.5 * by_example / 200  # it can't be below 0, so its mean is not quite 0


def test_the_parts_make_up_the_variance_of_the_mean():
    """The means of many whole draws vary as much as the components say."""
    design = {"groups": 3, "seeds": 2, "examples": 40}
    random = stream(5, "whole")
    seen = np.var([_draw(random, **design).values_RE.mean() for _ in range(4000)])

    def said(found):
        return (found.examples + noise(found.arms[0])) / 40 + of_models(found.arms[0])

    assert _mean(400, said, **design) == pytest.approx(seen, rel=0.15)


def test_the_shares_say_where_the_chance_is_from():
    arm = _draw(stream(6, "shares"), groups=3, seeds=2, examples=500)
    found = shares(variances(arm), 500)
    assert sum(found) == pytest.approx(1) and min(found) >= 0
    assert shares(variances(arm), 50)[0] > found[0]
    assert shares(variances(np.ones((3, 10))), 10) == (0, 0, 0)


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
