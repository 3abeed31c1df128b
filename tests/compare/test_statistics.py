import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from twinlm.compare import statistics
from twinlm.rng import stream
from twinlm.tasks import metrics


def _draw(random, *, seeds, examples, seed_deviations, effect=0.0, accuracy=0.75):
    """Two arms whose examples are hard in common and apart, and whose seeds differ in skill; probit scale.

    Without an effect both have the same expected accuracy.
    """
    common_E = random.normal(size=examples) * 0.75
    arms = []
    for sign, deviation in zip((0.5, -0.5), seed_deviations, strict=True):
        skill_S1 = random.normal(size=(seeds, 1)) * deviation
        own_E = random.normal(size=examples) * 0.45
        noise_SE = random.normal(size=(seeds, examples)) * (1 - 0.75**2 - 0.45**2) ** 0.5
        threshold = stats.norm.ppf(accuracy) * (1 + deviation**2) ** 0.5 + sign * effect
        arms.append(common_E + own_E + noise_SE + skill_S1 < threshold)
    return arms


def _share_of_winners(count, **arguments):
    random = stream(7, "simulation", str(arguments))
    return np.mean(
        [
            statistics.compare("a", a, "b", b).winner is not None
            for a, b in (_draw(random, **arguments) for _ in range(count))
        ]
    )


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("seed_deviations", [(0, 0), (0.05, 0.05), (0.0, 0.1)])
def test_false_winners_are_at_most_one_in_twenty(seeds, seed_deviations):
    count = 400
    share = _share_of_winners(count, seeds=seeds, examples=600, seed_deviations=seed_deviations)
    assert share <= 0.05 + 2.6 * (0.05 * 0.95 / count) ** 0.5


def test_a_single_seed_without_seed_variance_names_at_most_one_false_winner_in_twenty():
    share = _share_of_winners(400, seeds=1, examples=300, seed_deviations=(0, 0))
    assert share <= 0.05 + 2.6 * (0.05 * 0.95 / 400) ** 0.5


def test_a_clear_difference_is_found():
    """0.35 on the probit scale is about 11 points of accuracy at 75 %."""
    assert _share_of_winners(100, seeds=3, examples=800, seed_deviations=(0.05, 0.05), effect=0.35) > 0.9


def test_the_interval_holds_the_true_accuracy_in_95_of_100_repetitions():
    random = stream(7, "coverage")
    inside = 0
    for _ in range(400):
        correct_SE, _ = _draw(random, seeds=3, examples=500, seed_deviations=(0.08, 0.0))
        interval = statistics.mean_interval(correct_SE)
        inside += interval.low <= 0.75 <= interval.high
    assert inside / 400 >= 0.95 - 2.6 * (0.05 * 0.95 / 400) ** 0.5


@given(st.integers(1, 3), st.integers(1, 11), st.integers(0, 2**31))
def test_p_is_that_of_all_sign_flips(seeds, examples, seed):
    random = np.random.default_rng(seed)
    first_SE, second_SE = (random.random((seeds, examples)) < share for share in (0.7, 0.5))
    differences_E = first_SE.sum(axis=0).astype(int) - second_SE.sum(axis=0)
    signs = 1 - 2 * ((np.arange(2**examples)[:, None] >> np.arange(examples)) & 1)
    wanted = np.mean(np.abs(signs @ differences_E) >= abs(differences_E.sum()))
    assert statistics.paired_permutation_p(first_SE, second_SE) == pytest.approx(wanted, abs=1e-9)


def test_with_one_seed_p_is_that_of_mcnemars_exact_test():
    random = stream(1, "mcnemar")
    first_SE, second_SE = (random.random((1, 3000)) < share for share in (0.76, 0.73))
    better = int((first_SE & ~second_SE).sum())
    worse = int((second_SE & ~first_SE).sum())
    wanted = stats.binomtest(better, better + worse).pvalue
    assert statistics.paired_permutation_p(first_SE, second_SE) == pytest.approx(wanted, rel=1e-6)


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
    assert statistics.paired_permutation_p(first_SE, second_SE) == pytest.approx(sampled.pvalue, abs=0.02)


def test_p_is_the_same_the_other_way_round_and_never_zero():
    first_SE, second_SE = np.ones((3, 5000), bool), np.zeros((3, 5000), bool)
    p_value = statistics.paired_permutation_p(first_SE, second_SE)
    assert 0 < p_value < 1e-12
    assert statistics.paired_permutation_p(second_SE, first_SE) == p_value


def test_equal_arms_have_no_winner():
    correct_SE = stream(3, "equal").random((3, 100)) < 0.8
    found = statistics.compare("a", correct_SE, "b", correct_SE)
    assert (found.winner, found.p_value, found.difference.estimate) == (None, 1.0, 0.0)
    assert found.difference.low < 0 < found.difference.high


def test_the_better_arm_wins_whichever_comes_first():
    good_SE, bad_SE = np.ones((2, 50), bool), np.zeros((2, 50), bool)
    good_SE[:, 0] = False
    assert statistics.compare("a", good_SE, "b", bad_SE).winner == "a"
    assert statistics.compare("a", bad_SE, "b", good_SE).winner == "b"


def test_a_baseline_with_one_row_is_compared_with_every_seed():
    arm_SE = stream(4, "arm").random((3, 400)) < 0.8
    baseline_SE = stream(4, "baseline").random((1, 400)) < 0.6
    found = statistics.compare("arm", arm_SE, "baseline", baseline_SE)
    assert (found.seeds, found.examples, found.winner) == (3, 400, "arm")
    assert found.difference.estimate == pytest.approx(arm_SE.mean() - baseline_SE.mean())


def test_a_perfect_score_on_few_examples_is_not_certain():
    interval = statistics.mean_interval(np.ones((3, 10), bool))
    assert interval.estimate == interval.high == 1.0
    assert 0.6 < interval.low < 0.95


def test_one_example_and_one_seed_say_nothing():
    found = statistics.compare("a", np.ones((1, 1), bool), "b", np.zeros((1, 1), bool))
    assert found.winner is None


def test_seeds_that_differ_widen_the_interval():
    same_SE = np.repeat(stream(5, "same").random((1, 1000)) < 0.7, 3, axis=0)
    apart_SE = np.stack(
        [stream(5, "apart", row).random(1000) < share for row, share in enumerate((0.6, 0.7, 0.8))]
    )
    same, apart = statistics.mean_interval(same_SE), statistics.mean_interval(apart_SE)
    assert apart.high - apart.low > 3 * (same.high - same.low)


def test_growth_needed_is_that_of_a_power_of_four_in_five():
    correct_SE, other_SE = np.zeros((1, 400), bool), np.zeros((1, 400), bool)
    correct_SE[0, :30], other_SE[0, 30:50] = True, True
    found = statistics.compare("a", correct_SE, "b", other_SE)
    assert found.winner is None
    factor = statistics.growth_needed(found)
    needed = ((1.96 + 0.84) / 0.025) ** 2 * (50 / 400 - 0.025**2)  # the textbook's number for paired shares
    assert factor * 400 == pytest.approx(needed, rel=0.1)
    assert statistics.growth_needed(statistics.compare("a", correct_SE, "b", correct_SE)) == float("inf")


def _draw_answer_f1(random, *, seeds, examples, effect):
    """F1 of answers: right, wrong, or in part."""
    common_E = random.normal(size=examples)
    arms = []
    for sign in (0.5, -0.5):
        skill_S1 = sign * effect + random.normal(size=(seeds, 1)) * 0.05
        own_SE = random.normal(size=examples) * 0.5 + random.normal(size=(seeds, examples)) * 0.5
        ease_SE = 0.3 + skill_S1 + own_SE - common_E
        arms.append(np.where(ease_SE > 0.4, 1.0, np.where(ease_SE < -0.4, 0.0, ease_SE / 0.8 + 0.5)))
    return arms, 0.0


def _draw_entity_f1(random, *, seeds, examples, effect):
    """Pseudo-values of entities found, in sentences of none, one or several."""
    there_E = random.poisson(1.2, examples)
    hard_E = random.normal(size=examples)
    arms = []
    for sign in (0.5, -0.5):
        rows = []
        for skill in sign * effect + random.normal(size=seeds) * 0.05:
            chance_E = stats.norm.cdf(0.8 + skill - 0.6 * hard_E)
            hits_E = random.binomial(there_E, chance_E)
            found_E = hits_E + random.poisson(0.4 * (1 - chance_E) * (1 + there_E))
            rows.append(metrics.of_ratio("F1", 2 * hits_E, there_E + found_E).values_E)
        arms.append(np.stack(rows))
    return arms, 0.0


def _draw_spearman(random, *, seeds, examples, effect):
    """Pseudo-values of Spearman's correlation, with ties as in scores that people gave."""
    gold_E = random.integers(0, 6, examples).astype(float)
    common_E = random.normal(size=examples)
    arms = []
    for sign in (0.5, -0.5):
        rows = []
        for skill in sign * effect + random.normal(size=seeds) * 0.05:
            noise_E = common_E + random.normal(size=examples)
            predicted_E = gold_E * np.exp(skill) + 1.2 * noise_E
            rows.append(metrics.of_numbers(gold_E.tolist(), predicted_E.tolist()).values_E)
        arms.append(np.stack(rows))
    return arms, -1.0


# Effects are such that the better arm leads by 5 to 10 points.
FIGURES = {
    "answer F1": (_draw_answer_f1, 300, 0.35),
    "entity F1": (_draw_entity_f1, 300, 0.5),
    "Spearman": (_draw_spearman, 80, 0.6),
}


def _share_of_found(name, count, *, seeds, effect):
    draw, examples, _ = FIGURES[name]
    random = stream(8, "figures", name, str(effect))
    winners = []
    for _ in range(count):
        (first_SE, second_SE), least = draw(random, seeds=seeds, examples=examples, effect=effect)
        winners.append(statistics.compare("a", first_SE, "b", second_SE, least=least).winner)
    return np.mean([winner is not None for winner in winners]), winners


@pytest.mark.parametrize("name", FIGURES)
def test_false_winners_are_at_most_one_in_twenty_also_for_figures_that_are_no_shares(name):
    count = 200
    share, _ = _share_of_found(name, count, seeds=3, effect=0.0)
    assert share <= 0.05 + 2.6 * (0.05 * 0.95 / count) ** 0.5


@pytest.mark.parametrize("name", FIGURES)
def test_a_clear_difference_of_such_figures_is_found_on_the_right_side(name):
    share, winners = _share_of_found(name, 40, seeds=3, effect=FIGURES[name][2])
    assert share > 0.8
    assert "b" not in winners


@pytest.mark.parametrize("name", FIGURES)
def test_p_of_sampled_signs_is_that_of_scipy_and_the_same_the_other_way_round(name):
    draw, _, effect = FIGURES[name]
    (first_SE, second_SE), _ = draw(stream(9, name), seeds=2, examples=60, effect=effect / 3)
    sampled = stats.permutation_test(
        (first_SE.mean(axis=0), second_SE.mean(axis=0)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        rng=stream(9, "flips"),
    )
    found = statistics.paired_permutation_p(first_SE, second_SE)
    assert found == pytest.approx(sampled.pvalue, abs=0.02)
    assert statistics.paired_permutation_p(second_SE, first_SE) == found
    assert statistics.paired_permutation_p(first_SE, first_SE) == 1


@pytest.mark.parametrize("name", FIGURES)
def test_the_interval_is_around_the_figure_itself_and_within_its_limits(name):
    draw, examples, effect = FIGURES[name]
    (first_SE, _), least = draw(stream(9, name), seeds=3, examples=examples, effect=effect)
    interval = statistics.mean_interval(first_SE, least=least)
    assert interval.estimate == pytest.approx(first_SE.mean())
    assert least <= interval.low < interval.estimate < interval.high <= 1
