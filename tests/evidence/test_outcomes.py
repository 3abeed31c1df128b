import numpy as np
import pytest

from twinlm.evidence.outcomes import Outcomes, as_outcomes, paired


def test_rows_are_ordered_by_pre_training():
    values_RE = np.arange(24.0).reshape(6, 4)
    arm = Outcomes(values_RE, groups=3)
    assert (arm.rows, arm.groups, arm.seeds, arm.examples) == (6, 3, 2, 4)
    assert arm.values_PSE[1, 0].tolist() == values_RE[2].tolist()
    assert arm.figures_U.tolist() == [values_RE[:2].mean(), values_RE[2:4].mean(), values_RE[4:].mean()]
    assert arm.means_E.tolist() == values_RE.mean(axis=0).tolist()


def test_of_one_pre_training_the_models_are_the_draws():
    values_RE = np.arange(12.0).reshape(3, 4)
    assert as_outcomes(values_RE).figures_U.tolist() == [1.5, 5.5, 9.5]
    arm = Outcomes(values_RE)
    assert as_outcomes(arm) is arm


def test_shapes_that_cannot_be_are_our_own_mistakes():
    with pytest.raises(AssertionError, match="as many fine-tuning seeds"):
        Outcomes(np.ones((4, 2)), groups=3)
    with pytest.raises(AssertionError, match="models by examples"):
        Outcomes(np.ones(4))
    with pytest.raises(AssertionError, match="same test examples"):
        paired(np.ones((1, 3)), np.ones((1, 4)))
