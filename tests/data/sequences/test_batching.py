from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.sequences.batching import by_length, few_lengths


@given(st.lists(st.integers(1, 50)), st.integers(1, 120))
def test_each_sequence_is_in_one_group_and_no_group_is_larger_than_allowed(lengths, most):
    groups = by_length(lengths, most)
    assert sorted(number for group in groups for number in group) == list(range(len(lengths)))
    for group in groups:
        assert group
        assert len(group) == 1 or len(group) * max(lengths[number] for number in group) <= most


def test_like_lengths_come_together_in_their_order():
    assert by_length([5, 2, 5, 2, 9], 10) == [[1, 3], [0, 2], [4]]
    assert by_length([], 10) == []


@given(st.integers(1, 600), st.integers(1, 600))
def test_a_padded_length_is_round_or_the_models_own_and_holds_the_longest(longest, more):
    length = few_lengths(longest, longest + more - 1)
    assert longest <= length <= longest + more - 1
    assert length % 8 == 0 or length == longest + more - 1
    assert length - longest < 8
