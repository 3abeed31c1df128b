"""Figures against scikit-learn and SciPy; the values of examples against leaving each out, slowly."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as theirs

from twinlm.rng import stream
from twinlm.tasks import metrics
from twinlm.tasks.table import task_kind

LABELS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcde")), min_size=1, max_size=60)
NUMBERS = st.lists(
    st.tuples(st.integers(-4, 4).map(lambda n: n / 4), st.integers(-9, 9).map(lambda n: n * 0.3)),
    min_size=2,
    max_size=25,
)


@given(st.integers(2, 6), st.integers(1, 60), st.integers(0, 2**31))
def test_scores_of_classes_equal_those_of_scikit_learn(classes, examples, seed):
    random = np.random.default_rng(seed)
    true_E, predicted_E = random.integers(0, classes, (2, examples))
    confusion_CC = metrics.confusion(true_E, predicted_E, classes)
    labels = list(range(classes))
    assert (confusion_CC == theirs.confusion_matrix(true_E, predicted_E, labels=labels)).all()
    wanted_C = theirs.f1_score(true_E, predicted_E, labels=labels, average=None, zero_division=0)
    assert metrics.f1_by_class(confusion_CC) == pytest.approx(wanted_C)
    wanted = theirs.f1_score(true_E, predicted_E, labels=sorted({*true_E}), average="macro", zero_division=0)
    assert metrics.macro_f1(confusion_CC) == pytest.approx(wanted)


def test_scores_without_examples_are_zero():
    assert metrics.macro_f1(np.zeros((3, 3))) == 0
    assert metrics.matthews(np.zeros((3, 3))) == 0


@given(LABELS)
def test_figures_of_named_classes_equal_those_of_scikit_learn(pairs):
    golds, predicted = (list(column) for column in zip(*pairs, strict=True))
    found = metrics.of_classes(golds, predicted)
    assert list(found.figures) == ["accuracy", "macro F1", "MCC"][: 2 + (len({*golds}) > 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = theirs.matthews_corrcoef(golds, predicted)
    assert found.figures.get("MCC", 0.0) == pytest.approx(wanted, abs=1e-12)
    assert found.figures["accuracy"] == pytest.approx(theirs.accuracy_score(golds, predicted))
    assert found.figures["accuracy"] == pytest.approx(theirs.f1_score(golds, predicted, average="micro"))
    names = sorted({*golds})
    wanted = theirs.f1_score(golds, predicted, labels=names, average="macro", zero_division=0)
    assert found.figures["macro F1"] == pytest.approx(wanted)
    assert found.values_E.dtype == np.bool_
    assert found.values_E.mean() == found.main
    by_class = metrics.f1_of_classes(golds, predicted)
    wanted_C = theirs.f1_score(golds, predicted, labels=names, average=None, zero_division=0)
    assert list(by_class) == names
    assert list(by_class.values()) == pytest.approx(wanted_C)


def test_all_models_divide_macro_f1_by_the_same_classes():
    golds = ["a", "a", "b", "b"]
    sure, other = (
        metrics.of_classes(golds, ["a", "a", "b", "a"]),
        metrics.of_classes(golds, ["a", "a", "b", "c"]),
    )
    # "c" is no class of these examples: it costs "b" a right answer, as "a" would, and is no third class.
    assert sure.figures["macro F1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert other.figures["macro F1"] == pytest.approx((1 + 2 / 3) / 2)
    assert list(metrics.f1_of_classes(golds, ["a", "a", "b", "c"])) == ["a", "b"]


def test_examples_of_one_class_have_no_correlation():
    assert "MCC" not in metrics.of_classes(["a", "a"], ["a", "b"]).figures
    assert metrics.of_classes(["a", "b"], ["a", "a"]).figures["MCC"] == 0


def test_choices_are_right_or_wrong():
    found = metrics.of_places([0, 3, 1, 1], [0, 3, 2, 0])
    assert found.figures == {"accuracy": 0.5}
    assert found.values_E.tolist() == [True, True, False, False]


@given(NUMBERS)
def test_correlations_equal_those_of_scipy(pairs):
    golds, predicted = (list(column) for column in zip(*pairs, strict=True))
    found = metrics.of_numbers(golds, predicted)
    assert found.least == -1
    spearman, pearson = found.figures.values()
    assert list(found.figures) == ["Spearman's correlation", "Pearson's correlation"]
    if len(set(golds)) == 1 or len(set(predicted)) == 1:
        assert (spearman, pearson) == (0, 0)
    else:
        assert spearman == pytest.approx(stats.spearmanr(golds, predicted).statistic, abs=1e-12)
        assert pearson == pytest.approx(stats.pearsonr(golds, predicted).statistic, abs=1e-12)
    assert metrics.ranks(np.array(predicted)) == pytest.approx(stats.rankdata(predicted))
    for place in range(len(golds)):
        numbers_E = np.array(predicted)
        left_E = metrics.ranks_without(numbers_E, metrics.ranks(numbers_E), place)
        assert left_E == pytest.approx(stats.rankdata(np.delete(numbers_E, place)))


@given(NUMBERS)
def test_the_values_of_numbers_are_those_of_leaving_each_out_slowly(pairs):
    golds, predicted = (list(column) for column in zip(*pairs, strict=True))
    check_values(metrics.of_numbers, golds, predicted)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=30))
def test_the_values_of_a_ratio_are_those_of_leaving_each_out_slowly(rows):
    parts = [min(pair) for pair in rows]
    wholes = [max(pair) for pair in rows]
    check_values(lambda part, whole: metrics.of_ratio("share", part, whole), parts, wholes)
    found = metrics.of_ratio("share", parts, wholes, other=0.25)
    assert found.figures == {"share": sum(parts) / max(1, sum(wholes)), "other": 0.25}


def check_values(measure, golds, predicted):
    """Hold values against n * whole - (n - 1) * without the example, moved to the figure."""
    found, count = measure(golds, predicted), len(golds)
    left_out_E = np.array(
        [
            measure(golds[:place] + golds[place + 1 :], predicted[:place] + predicted[place + 1 :]).main
            for place in range(count)
        ]
    )
    pseudo_E = count * found.main - (count - 1) * left_out_E
    assert found.values_E == pytest.approx(pseudo_E - pseudo_E.mean() + found.main, abs=1e-9)
    assert found.values_E.mean() == pytest.approx(found.main, abs=1e-9)


@pytest.mark.parametrize(
    ("measure", "gold", "predicted", "wanted"),
    [
        (metrics.of_numbers, 0.5, 0.7, 0.0),
        (metrics.of_classes, "a", "b", 0.0),
        (metrics.of_places, 1, 1, 1.0),
        (lambda part, whole: metrics.of_ratio("share", part, whole), 1, 2, 0.5),
    ],
)
def test_a_single_example_has_one_value_without_a_warning(measure, gold, predicted, wanted):
    found = measure([gold], [predicted])
    assert (found.main, found.values_E.tolist()) == (wanted, [wanted])


def test_constant_numbers_correlate_with_nothing_whatever_their_mean_is_rounded_to():
    constant_E, others_E = np.full(12, 0.1), np.arange(12.0)
    assert constant_E.mean() != 0.1
    assert metrics.pearson(constant_E, others_E) == 0
    assert metrics.pearson(others_E, constant_E) == 0
    assert metrics.pearson(constant_E, np.full(12, 0.3)) == 0


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_correlations_do_not_depend_on_the_unit(size):
    first_E, second_E = stream(2, "unit").normal(size=(2, 30))
    wanted = stats.pearsonr(first_E, second_E).statistic
    assert metrics.pearson(first_E * size, second_E * size) == pytest.approx(wanted)


def test_the_jackknifes_spread_is_near_the_true_one_of_a_correlation():
    """The variance of the mean of pseudo-values is that of Spearman's correlation over new samples."""
    random = stream(1, "jackknife")
    figures, variances = [], []
    for _ in range(300):
        gold_E = random.normal(size=80)
        found = metrics.of_numbers(gold_E.tolist(), (gold_E + random.normal(size=80)).tolist())
        figures.append(found.main)
        variances.append(found.values_E.var(ddof=1) / 80)
    assert np.mean(variances) == pytest.approx(np.var(figures, ddof=1), rel=0.3)


@pytest.mark.parametrize(
    ("kind", "golds", "predicted", "undefined"),
    [
        ("similarity", [1.0, 2.0], [3.0, 3.0], {"Spearman's correlation", "Pearson's correlation"}),
        ("similarity", [1.0, 2.0], [3.0, 4.0], set()),
        ("classification", ["a", "b"], ["a", "a"], {"MCC"}),
        ("classification", ["a", "a"], ["a", "b"], set()),  # no MCC at all
        ("tagging", [["B-X", "O"]], [["O", "O"]], {"precision"}),
        ("tagging", [["O", "O"]], [["B-X", "O"]], {"recall"}),
        ("tagging", [["O", "O"]], [["O", "O"]], {"precision", "recall", "entity F1"}),
    ],
)
def test_a_figure_that_would_be_0_over_0_is_undefined(kind, golds, predicted, undefined):
    scheme = "entities" if kind == "tagging" else ""
    assert task_kind(kind).measure(golds, predicted, scheme).undefined.keys() == undefined
