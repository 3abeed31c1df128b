"""Choices of models become accuracies and a paired comparison of the two kinds."""

import numpy as np
import pytest

from twinlm.compare import statistics
from twinlm.compare.outcomes import Outcomes
from twinlm.compare.quality_results import phenomenon, rights_of

LABELS = {"gpt": "GPT", "bert": "BERT"}


def test_choices_without_ties_are_truth_values_and_one_tie_makes_numbers_of_all():
    sure = rights_of({"gpt": [[True, False]], "bert": [[1.0, 0.0]]})
    assert [values_PE.dtype for values_PE in sure.values()] == [np.bool_, np.bool_]
    tied = rights_of({"gpt": [[True, False]], "bert": [[0.5, 0.0]]})
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
    wanted = statistics.compare("gpt", arms[0], "bert", arms[1])
    assert (found.comparison.difference, found.comparison.p_value) == (wanted.difference, wanted.p_value)
    assert (found.comparison.pretraining_seeds, found.comparison.winner) == (3, "gpt")
