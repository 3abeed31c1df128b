"""What is counted, against a second count; what is timed, against answers whose time is known."""

import math
import time
from dataclasses import replace

import pytest
import torch
from msgspec import structs
from torch.utils.flop_counter import FlopCounterMode

from twinlm.checkpoint import save_model
from twinlm.core import attention
from twinlm.data.labels.examples import Example
from twinlm.errors import DataError, ModelError
from twinlm.evaluate import serving
from twinlm.evaluate.serving import (
    BATCHES,
    measure_folders,
    measure_in_turns,
    requests_of,
)
from twinlm.families import FAMILIES
from twinlm.tasks.table import TASKS
from twinlm.use.predict import predict

BUDGET_S = 0.02


def examples(count: int) -> list[Example]:
    return [Example(f"test-{number}", (f"The cat of number {number}.",), None) for number in range(count)]


def measure_serving(trained, examples, **options):
    return measure_in_turns({"model": trained}, examples, **options)["model"]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("kind", TASKS)
def test_the_operations_are_those_that_a_counter_sees_beside_head_and_pooler(
    kind, name, tuned, task_examples, monkeypatch
):
    """Attention written out is counted; a fused kernel is not in all versions."""
    monkeypatch.setattr(attention, "fused_attention", attention.explicit_attention)
    width, layers, given = 64, 3, task_examples(kind)
    trained = tuned(name, kind, width=width, layers=layers)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for example in given:
            predict(trained, [example])
    seen = counter.get_total_flops() / len(given)
    found = measure_serving(trained, given, budget_s=BUDGET_S)
    assert 0.95 * seen <= found.flops <= seen


@pytest.mark.parametrize("name", FAMILIES)
def test_all_that_is_read_for_a_prediction_is_counted(name, tuned, task_examples):
    def of(kind: str) -> float:
        return measure_serving(tuned(name, kind), task_examples(kind), budget_s=BUDGET_S).sequences

    assert of("similarity") == (2 if FAMILIES[name].reads_both_orders else 1)
    assert of("choice") == 2.5  # three choices, and two
    assert of("classification") == of("tagging") == 1
    assert of("span_qa") > 1  # windows


def test_reading_both_orders_costs_twice_the_operations_and_tokens(tuned, task_examples):
    both, one = (
        measure_serving(tuned(name, "similarity", layers=2), task_examples("similarity"), budget_s=BUDGET_S)
        for name in ("gpt", "bert")
    )
    assert both.flops == pytest.approx(2 * one.flops)
    assert both.tokens == pytest.approx(2 * one.tokens)


def test_every_size_of_request_is_timed_and_says_on_what(tuned):
    trained, given = tuned("bert"), examples(70)
    found = measure_serving(trained, given, budget_s=BUDGET_S)
    assert [timing.batch for timing in found.timings] == [*BATCHES] == [1, 32]
    for timing in found.timings:
        assert 1 <= timing.requests <= 64
        assert timing.rounds_s and all(second > 0 for second in timing.rounds_s)
        assert 0 < timing.request_s.low <= timing.request_s.median <= timing.request_s.high
    assert found.peak_memory_bytes is None
    assert 0 <= found.others_share <= 1
    assert (found.threads, found.precision) == (torch.get_num_threads(), "float32")
    weights = sum(weight.numel() for weight in trained.tuned.parameters())
    assert found.weight_bytes == 4 * weights


def test_a_thousand_predictions_take_about_as_long_as_they_do(tuned, monkeypatch):
    """Answers that sleep: no machine is quicker, and a request of 32 is one sleep."""
    monkeypatch.setattr(serving, "predict", lambda trained, request: time.sleep(0.004))
    found = measure_serving(tuned("gpt"), examples(64), budget_s=0.1)
    one, many = found.timing(1), found.timing(32)
    assert one.request_s.low >= 0.004
    assert one.per_thousand_s.low >= 4.0
    assert many.per_thousand_s.low >= 4.0 / 32
    assert one.per_thousand_s.median > 8 * many.per_thousand_s.median


def test_models_answer_the_same_requests_in_turns_and_each_is_first_in_its_turn(tuned, monkeypatch):
    models = {name: tuned(name) for name in FAMILIES}
    names = {id(trained): name for name, trained in models.items()}
    asked = []

    def note(trained, request):
        asked.append((names[id(trained)], tuple(example.id for example in request)))
        time.sleep(0.002)

    monkeypatch.setattr(serving, "predict", note)
    monkeypatch.setattr(serving, "_MOST_ROUNDS", 4)
    costs = measure_in_turns(models, examples(3), budget_s=9.0)
    timings = [cost.timing(1) for cost in costs.values()]
    assert timings[0].requests == timings[1].requests == 3
    assert len(timings[0].rounds_s) == len(timings[1].rounds_s) == 4
    single = [(name, ids) for name, ids in asked if len(ids) == 1]
    warm_up = single[: 2 * (3 + 1)]  # the first request once more
    assert [name for name, _ in warm_up] == ["gpt"] * 4 + ["bert"] * 4
    rounds = single[len(warm_up) :]
    by_turn = [[name for name, _ in rounds[first : first + 6 : 3]] for first in range(0, len(rounds), 6)]
    assert by_turn == [["gpt", "bert"], ["bert", "gpt"]] * 2
    assert {ids for name, ids in rounds if name == "gpt"} == {ids for name, ids in rounds if name == "bert"}


def test_a_small_budget_gives_one_round_of_one_request(tuned, monkeypatch):
    monkeypatch.setattr(serving, "predict", lambda trained, request: time.sleep(0.01))
    found = measure_serving(tuned("gpt"), examples(64), budget_s=0.0)
    assert [(timing.requests, len(timing.rounds_s)) for timing in found.timings] == [(1, 1), (1, 1)]
    assert found.timing(1).predictions == 1
    assert found.timing(32).predictions == 32


@pytest.mark.parametrize(
    ("count", "batch", "requests"), [(1, 1, 1), (5, 32, 1), (70, 32, 3), (999, 1, 64), (999, 32, 8)]
)
def test_requests_are_full_different_and_always_the_same(count, batch, requests):
    given = examples(count)
    found = requests_of(given, batch)
    assert found == requests_of(given, batch)
    assert [len(request) for request in found] == [batch] * requests
    order = [example for request in found for example in request]
    distinct = min(count, len(order))
    assert len({example.id for example in order[:distinct]}) == distinct
    assert order[distinct:] == [order[number % distinct] for number in range(distinct, len(order))]
    if count == 70:
        assert order[:70] != given  # as files may be sorted


def test_models_in_folders_also_get_the_memory_of_a_process_of_their_own(tuned, tmp_path):
    trained = tuned("bert")
    save_model(tmp_path / "a" / "model", trained)
    said = []
    (found,) = measure_folders(
        {"a": tmp_path / "a"}, examples(3), budget_s=BUDGET_S, progress=Noting(said)
    ).values()
    assert found.peak_memory_bytes > 50e6  # PyTorch alone takes more
    assert structs.replace(found, timings=[], others_share=0.0, peak_memory_bytes=None) == structs.replace(
        measure_serving(trained, examples(3), budget_s=0.0), timings=[], others_share=0.0
    )
    assert [what for what, *_ in said] == ["timing a, 1 at once", "timing a, 32 at once"]


class Noting:
    """A progress that notes what was begun."""

    def __init__(self, said):
        self.said = said

    def start(self, what, total, unit):
        self.said.append((what, total, unit))

    def advance(self, done, **shown):
        assert 0 <= done <= math.ceil(BUDGET_S) + 1

    def finish(self):
        pass

    def say(self, line):
        raise AssertionError(line)


def test_what_can_not_be_timed_is_refused(tuned):
    with pytest.raises(DataError, match="no example to time"):
        measure_serving(tuned("gpt"), [])
    with pytest.raises(ModelError, match="only pre-trained"):
        measure_serving(replace(tuned("gpt"), task=None, tuned=None), examples(2))
