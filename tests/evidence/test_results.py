import json

import pytest

from twinlm.errors import ModelError
from twinlm.evidence.results import ArmCost, Results
from twinlm.system import storage
from twinlm.system.records import as_record, read_record, to_json


def _value(example_results):
    return json.loads(storage.json_bytes(to_json(example_results)))


def test_results_come_back_from_json_as_they_were(example_results, tmp_path):
    path = tmp_path / "results.json"
    storage.write_json(path, to_json(example_results))
    assert read_record(Results, path) == example_results
    assert next(iter(storage.read_json(path).items())) == ("format", 1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda value: value.update(format=2), "format 1, got 2"),
        (lambda value: value.update(format=True), "format 1, got True"),
        (lambda value: value.pop("format"), "format 1, got None"),
        (lambda value: value.pop("title"), "missing field `title`"),
        (lambda value: value.pop("doctor"), "missing field `doctor`"),
        (lambda value: value.update(extra=1), "unknown field `extra`"),
        (lambda value: value.update(title=3), "title: expected `str`, got `int`: 3"),
        (
            lambda value: value["costs"][1].update(steps=1.5),
            r"costs\[1\].steps: expected `int`, got `float`: 1.5",
        ),
        (
            lambda value: value["costs"][0].update(steps=True),
            r"costs\[0\].steps: expected `int`, got `bool`: True",
        ),
        (lambda value: value["costs"][0].update(steps=2**63), r"costs\[0\].steps: expected `int` <="),
        (lambda value: value["costs"][0].update(flops=10**400), r"costs\[0\].flops: number out of range"),
        (lambda value: value["costs"][0].update(flops=1e101), r"costs\[0\].flops: expected `float` <="),
        (
            lambda value: value["tasks"][0].update(classes=None),
            r"tasks\[0\].classes: expected `array`, got `null`",
        ),
        (
            lambda value: value["tasks"][0]["scores"][0]["score"].pop("low"),
            r"scores\[0\].score: missing field `low`",
        ),
        (
            lambda value: value["tasks"][0]["scores"][0].update(score_by_seed={"1": 1, "2": "x"}),
            r"score_by_seed\['2'\]: expected `float`, got `str`: 'x'",
        ),
        (
            lambda value: value["data"].update(documents=[1]),
            r"data\['documents'\]: expected `int \| float \| str`",
        ),
        (
            lambda value: value["cost_cards"]["topic"][1]["serving"].update(threads="two"),
            r"cost_cards\['topic'\]\[1\].serving.threads: expected `int`, got `str`: 'two'",
        ),
    ],
)
def test_damage_is_named_with_its_place(example_results, damage, message):
    value = _value(example_results)
    damage(value)
    with pytest.raises(ModelError, match=message):
        as_record(Results, value)


def test_cost_cards_come_back_by_themselves_and_damage_is_named(example_results, tmp_path):
    costs = example_results.cost_cards["topic"]
    value = _value(example_results)["cost_cards"]["topic"]
    assert as_record(list[ArmCost], value) == costs
    value[1]["serving"]["timings"][0]["requests"] = "many"
    with pytest.raises(ModelError, match=r"x.json: \[1\].serving.timings\[0\].requests: expected `int`"):
        as_record(list[ArmCost], value, tmp_path / "x.json")


def test_a_file_that_holds_something_else_is_named(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("[1, 2]")
    with pytest.raises(ModelError, match=r"results.json: expected `object`, got `array`"):
        read_record(Results, path)
