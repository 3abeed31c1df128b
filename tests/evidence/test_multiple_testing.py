import pytest
from msgspec.structs import replace

from twinlm.evidence.multiple_testing import adjusted
from twinlm.report import verdict


def _task(example_results, name, *p_values):
    """The example's first task, with other p values; its other comparisons are clear."""
    task = example_results.tasks[0]
    given = dict(enumerate(p_values))
    comparisons = [
        replace(item, p_value=given.get(number, 1e-4), p_interval=1e-4)
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
