import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from twinlm.evidence.multiple_testing import adjusted, holm
from twinlm.report import verdict

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def _task(example_results, name, *p_values):
    """The example's first task, with other p values; its other comparisons are clear."""
    task = example_results.tasks[0]
    changed = dict(enumerate(p_values))
    comparisons = [
        replace(item, p_value=changed.get(number, 1e-4), p_interval=1e-4)
        for number, item in enumerate(task.comparisons)
    ]
    return replace(task, name=name, comparisons=comparisons)


def test_each_question_is_adjusted_over_its_tasks(example_results):
    tasks = [_task(example_results, name, p) for name, p in [("a", 0.03), ("b", 0.02), ("c", 0.001)]]
    found = adjusted(tasks)
    assert [task.comparisons[0].p_adjusted for task in found] == pytest.approx([0.04, 0.04, 0.003])
    assert all(item.claims == 3 for task in found for item in task.comparisons)
    assert all(item.p_adjusted == pytest.approx(3e-4) for task in found for item in task.comparisons[1:])
    assert [task.comparisons[0].p_value for task in found] == [0.03, 0.02, 0.001]


def test_a_winner_of_one_task_may_be_none_among_three(example_results):
    tasks = [_task(example_results, name, p) for name, p in [("a", 0.03), ("b", 0.6), ("c", 0.5)]]
    alone = adjusted(tasks[:1])[0]
    assert alone.comparisons[0].winner is not None and alone.comparisons[0].claims == 1
    alone, among = (verdict.with_verdicts(adjusted(some))[0] for some in (tasks[:1], tasks))
    assert among.comparisons[0].winner is None
    assert "Cannot tell" in among.verdict and "On its own, this task would show a difference" in among.verdict
    wanted = verdict.task_verdict(among)
    assert among.verdict == wanted != alone.verdict


def test_the_greater_p_of_interval_and_test_is_adjusted(example_results):
    task = _task(example_results, "a", 0.001)
    first = replace(task.comparisons[0], p_interval=0.2)
    (found,) = adjusted([replace(task, comparisons=[first])])
    assert (found.comparisons[0].p_adjusted, found.comparisons[0].winner) == (0.2, None)


def test_it_is_one_question_whichever_arm_is_first_and_whichever_baseline_is_best(example_results):
    task = _task(example_results, "a")
    names = [(item.first, item.second) for item in task.comparisons]
    linear = next(number for number, (_, second) in enumerate(names) if second.startswith("tfidf"))
    turned = [replace(item, first=item.second, second=item.first) for item in task.comparisons[:1]]
    other = replace(task.comparisons[linear], second="majority")
    found = adjusted([task, replace(task, name="b", comparisons=[*turned, other])])
    assert [item.claims for item in found[1].comparisons] == [2, 2]
    assert found[0].comparisons[0].claims == found[0].comparisons[linear].claims == 2
    assert found[0].comparisons[1].claims == 1


def test_tasks_without_comparisons_stay(example_results):
    task = replace(example_results.tasks[0], comparisons=[])
    assert adjusted([task])[0].comparisons == []
    assert adjusted([]) == []


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
