import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.evidence.holm import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_holms_own_steps():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.6]) == [1.0, 1.0]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def _rejected(p_values, level):
    """Holm's procedure as it stands: step down until a value is too large for what is left."""
    left = sorted(range(len(p_values)), key=lambda place: p_values[place])
    found = set()
    while left and p_values[left[0]] * len(left) < level:
        found.add(left.pop(0))
    return found


@given(P_VALUES, st.sampled_from([0.01, 0.05, 0.3]))
def test_what_is_below_the_level_is_what_the_procedure_rejects(p_values, level):
    adjusted = holm(p_values)
    assert {place for place, value in enumerate(adjusted) if value < level} == _rejected(p_values, level)


@given(P_VALUES)
def test_no_value_becomes_smaller_and_their_order_stays(p_values):
    adjusted = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    places = sorted(range(len(p_values)), key=lambda place: p_values[place])
    assert [adjusted[place] for place in places] == sorted(adjusted)
