"""Where arms stand, against the definition written out, and against evidence that is or isn't there."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from twinlm.evaluate.timings import Spread
from twinlm.evidence import intervals
from twinlm.evidence.pareto import Contender, front, judge, judge_task, prediction_s, training_flops
from twinlm.evidence.records import Comparison, Interval

NUMBERS = st.integers(1, 6)


def contender(arm: str, cost: float, score: float, half: float = 0.0, spread: float = 0.0) -> Contender:
    return Contender(
        arm=arm,
        label=arm.upper(),
        score=Interval(estimate=score, low=score - half, high=score + half),
        cost=Spread(median=cost, low=cost - spread, high=cost + spread),
    )


def comparison(first: str, second: str, winner: str | None) -> Comparison:
    return replace(intervals.compare(first, np.eye(3), second, np.zeros((3, 3))), winner=winner)


def standings(found):
    return {each.contender.arm: (each.standing, each.rivals) for each in found}


ROWS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8, unique=True)


@given(ROWS)
def test_the_front_is_whom_no_other_dominates(rows):
    arms = [contender(str(number), *row) for number, row in enumerate(rows)]
    wanted = {
        (cost, score)
        for cost, score in rows
        if not any(c <= cost and s >= score and (c, s) != (cost, score) for c, s in rows)
    }
    found = [(one.cost.median, one.score.estimate) for one in front(arms)]
    assert found == sorted(wanted)
    scores = [score for _, score in found]
    assert scores == sorted(scores)


@given(ROWS)
def test_exact_values_without_ties_leave_nothing_open(rows):
    assert all(
        each.standing == ("front" if each.contender in front([e.contender for e in found]) else "dominated")
        for found in [judge([contender(str(n), *row) for n, row in enumerate(rows)], [])]
        for each in found
        if not any(
            row[1] == each.contender.score.estimate and row[0] != each.contender.cost.median for row in rows
        )
    )


@given(ROWS, st.floats(0, 3), st.floats(0, 0.9))
def test_uncertainty_only_opens_what_was_decided(rows, half, spread):
    arms = [contender(str(number), *row, half, spread) for number, row in enumerate(rows)]
    exact = [contender(str(number), *row) for number, row in enumerate(rows)]
    best = {one.arm for one in front(arms)}
    for each, sure in zip(judge(arms, []), judge(exact, []), strict=True):
        assert each.standing in (sure.standing, "open")
        if each.standing == "front":
            assert each.contender.arm in best
        if each.standing == "dominated":
            assert each.contender.arm not in best
        assert bool(each.rivals) == (each.standing != "front")
    assert any(each.standing != "dominated" for each in judge(arms, []))


def test_a_winner_of_the_paired_test_decides_where_intervals_overlap():
    arms = [contender("a", 1, 0.8, half=0.1), contender("b", 2, 0.75, half=0.1)]
    assert standings(judge(arms, [])) == {"a": ("front", ()), "b": ("open", ("A",))}
    assert standings(judge(arms, [comparison("a", "b", "a")])) == {
        "a": ("front", ()),
        "b": ("dominated", ("A",)),
    }


def test_a_test_without_a_winner_decides_nothing_even_where_intervals_lie_apart():
    arms = [contender("a", 1, 0.9), contender("b", 2, 0.5)]
    assert standings(judge(arms, [comparison("a", "b", None)]))["b"] == ("open", ("A",))


def test_a_dearer_arm_that_may_be_no_better_is_open():
    arms = [contender("a", 1, 0.7, half=0.1), contender("b", 2, 0.75, half=0.1)]
    found = judge(arms, [])
    assert standings(found)["b"] == ("open", ("A",))
    assert standings(found)["a"] == ("front", ())


def test_costs_that_overlap_decide_nothing_but_a_shared_one_is_equal():
    worse = contender("b", 1.1, 0.5, spread=0.2)
    arms = [contender("a", 1.0, 0.9, spread=0.2), worse]
    assert standings(judge(arms, []))["b"] == ("open", ("A",))
    shared = dataclasses.replace(worse, cost=arms[0].cost)
    assert standings(judge([arms[0], shared], []))["b"] == ("dominated", ("A",))


def test_all_rivals_are_named():
    arms = [contender(letter, 1, 0.9) for letter in "abcdef"] + [contender("z", 2, 0.1)]
    assert judge(arms, [])[-1].rivals == tuple("ABCDEF")
    assert (judge(arms[1:5], [])[0].standing, judge(arms[1:5], [])[0].rivals) == ("open", tuple("CDE"))


def test_arms_of_a_task_are_judged_by_what_predictions_take(example_results):
    task = example_results.tasks[0]
    by_time, by_training = (
        judge_task(task, example_results.cost_cards[task.name], kind)
        for kind in (prediction_s, training_flops)
    )
    assert [each.contender.arm for each in by_time] == ["gpt", "bert", "gpt-scratch", "bert-scratch"]
    assert standings(by_time)["bert"][0] == "front"
    assert standings(by_time)["gpt"] == ("dominated", ("BERT",))
    assert standings(by_training)["bert"][0] == "front"
    for arm in ("gpt-scratch", "bert-scratch"):
        assert standings(by_training)[arm][0] == "open"
    labels = {score.arm: score.score for score in task.scores}
    for one, other in itertools.pairwise(by_time):
        assert one.contender.score == labels[one.contender.arm] != other.contender.score


def test_a_few_rounds_say_little_about_a_cost(example_results):
    task = example_results.tasks[0]

    def with_rounds(cost, count):
        one, many = cost.serving.timings
        timings = [one, replace(many, rounds_s=many.rounds_s[:count])]
        return replace(cost, serving=replace(cost.serving, timings=timings))

    for count, wanted in ((3, "open"), (4, "dominated")):
        costs = [with_rounds(cost, count) for cost in example_results.cost_cards[task.name][:2]]
        gpt, _ = judge_task(task, costs, prediction_s)
        assert gpt.standing == wanted
    gpt, _ = judge_task(task, [with_rounds(cost, 1) for cost in costs], prediction_s)
    spread = gpt.contender.cost
    assert (spread.low, spread.high) == pytest.approx((spread.median / 2, 2 * spread.median))


def test_an_arm_whose_training_is_not_known_is_left_out(example_results):
    task = example_results.tasks[0]
    costs = [replace(cost, pretraining_flops=None) for cost in example_results.cost_cards[task.name]]
    assert judge_task(task, costs, training_flops) == []
    assert len(judge_task(task, costs, prediction_s)) == 4
    known = replace(costs[0], pretraining_flops=2e13, fine_tuning_flops=1e12)
    (found,) = judge_task(task, [known], training_flops)
    assert found.contender.cost.median == pytest.approx(2.1e13)
