"""Choices of models become accuracies and a paired comparison of the two kinds."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from twinlm.comparison.stages.language_results import cloze_result, figure, phenomenon, rights_of
from twinlm.comparison.stages.records import Choices, GapChoices, LanguageAnswers
from twinlm.evidence import intervals
from twinlm.evidence.outcomes import Outcomes

LABELS = {"gpt": "GPT", "bert": "BERT"}


def test_choices_without_ties_are_truth_values_and_one_tie_makes_numbers_of_all():
    sure = rights_of({"gpt": [chosen(True, False)], "bert": [chosen(1.0, 0.0)]})
    assert [values_PE.dtype for values_PE in sure.values()] == [np.bool_, np.bool_]
    tied = rights_of({"gpt": [chosen(True, False)], "bert": [chosen(0.5, 0.0)]})
    assert [values_PE.dtype for values_PE in tied.values()] == [np.float64, np.float64]
    assert tied["bert"].tolist() == [[0.5, 0.0]]


def test_a_phenomenon_takes_its_own_pairs_and_compares_the_kinds_by_pair_and_pre_training():
    random = np.random.default_rng(0)
    rights = {"gpt": random.random((3, 300)) < 0.9, "bert": random.random((3, 300)) < 0.6}
    places = range(0, 300, 2)
    found = phenomenon("word_order", LABELS, rights, places)
    assert (found.name, found.pairs) == ("word_order", 150)
    for row in found.scores:
        assert row.accuracy.estimate == pytest.approx(rights[row.pretraining][:, ::2].mean())
        assert row.label == LABELS[row.pretraining]
    arms = [Outcomes(rights[name][:, ::2], groups=3) for name in LABELS]
    wanted = intervals.compare("gpt", arms[0], "bert", arms[1])
    assert (found.comparison.difference, found.comparison.p_value) == (wanted.difference, wanted.p_value)
    assert (found.comparison.pretraining_seeds, found.comparison.winner) == (3, "gpt")


def test_gaps_are_compared_by_what_sees_most_and_shared_ties_make_numbers():
    said = {
        "gpt": [answers(look("whole", [1.0, 0.5, 0]), look("before", [0, 0, 1.0]))] * 2,
        "bert": [answers(look("both sides", [0, 0, 1.0]), look("among all", [1.0, 1.0, 1.0]))] * 2,
    }
    found = cloze_result(LABELS, said)
    assert (found.chance, found.overall.pairs) == (0.2, 3)
    assert [row.accuracy.estimate for row in found.overall.scores] == pytest.approx([0.5, 1 / 3])
    assert found.overall.comparison.difference.estimate == pytest.approx(1 / 6)
    assert found.overall.comparison.pretraining_seeds == 2
    by_view = {view.sees: view.scores for view in [*found.whole, *found.others]}
    assert list(by_view) == ["whole", "both sides", "before", "among all"]
    assert [row.pretraining for row in by_view["among all"]] == ["bert"]
    assert by_view["among all"][0].accuracy.estimate == 1


def look(sees, right):
    return GapChoices(sees=sees, method="likelihood", right=right)


def answers(*looks):
    return LanguageAnswers(figures=[], pairs={}, cloze=list(looks))


def chosen(*right):
    return Choices(method="likelihood", right=list(right))


def figures_of(values_PE):
    return [SimpleNamespace(value=float(row.mean()), values_E=row.tolist(), caveat="") for row in values_PE]


def test_the_difference_of_one_model_to_another_is_that_of_a_paired_t_test_over_passages():
    random = np.random.default_rng(1)
    first_PE = random.normal(2.7, 0.5, (1, 12))
    second_PE = first_PE + random.normal(0.1, 0.05, (1, 12))
    named = SimpleNamespace(name="small", label="Small")
    found = figure(named, [0], figures_of(second_PE), figures_of(first_PE)).difference
    wanted = stats.ttest_rel(second_PE[0], first_PE[0]).confidence_interval()
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert found.estimate == pytest.approx((second_PE - first_PE).mean())
    assert figure(named, [0], figures_of(first_PE), None).difference is None


def test_pre_trainings_that_differ_make_the_interval_wider():
    random = np.random.default_rng(2)
    passages_E = random.normal(0, 0.5, 12)
    rows = {
        spread: [2.7 + spread * seed + passages_E + random.normal(0, 0.02, 12) for seed in (-1, 0, 1)]
        for spread in (0.0, 0.1)
    }
    named = SimpleNamespace(name="small", label="Small")
    widths = []
    for of_seeds in rows.values():
        found = figure(named, [0, 1, 2], figures_of(of_seeds), figures_of([passages_E] * 3)).difference
        widths.append(found.high - found.low)
    assert widths[1] > 3 * widths[0]
