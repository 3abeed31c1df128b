import json

import pytest

from twinlm.errors import ModelError
from twinlm.evidence.json_records import costs_from_json, from_json, read_results, to_json
from twinlm.system import storage


def _value(example_results):
    return json.loads(storage.json_bytes(to_json(example_results)))


def test_results_come_back_from_json_as_they_were(example_results, tmp_path):
    path = tmp_path / "results.json"
    storage.write_json(path, to_json(example_results))
    assert read_results(path) == example_results
    assert next(iter(storage.read_json(path).items())) == ("format", 1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda value: value.update(format=2), "format 1 was expected, but it is int '2'"),
        (lambda value: value.pop("format"), "format 1 was expected, but it is null"),
        (lambda value: value.pop("title"), "results lacks or doesn't know title"),
        (lambda value: value.update(extra=1), "results lacks or doesn't know extra"),
        (lambda value: value.update(title=3), "results.title must be str, but it is int '3'"),
        (lambda value: value["costs"][1].update(steps=1.5), r"results.costs\[1\].steps must be int"),
        (lambda value: value["costs"][0].update(steps=True), r"results.costs\[0\].steps must be int"),
        (lambda value: value["tasks"][0].update(classes=None), r"results.tasks\[0\].classes must be .*null"),
        (
            lambda value: value["tasks"][0]["scores"][0].update(score_by_seed={"1": "x"}),
            r"score_by_seed\['1'\] must be float",
        ),
        (lambda value: value["data"].update(documents=[1]), r"results.data\['documents'\] must be"),
    ],
)
def test_damage_is_named_with_its_place(example_results, damage, message):
    value = _value(example_results)
    damage(value)
    with pytest.raises(ModelError, match=message):
        from_json(value)


def test_cost_cards_come_back_by_themselves_and_damage_is_named(example_results, tmp_path):
    costs = example_results.cost_cards["topic"]
    value = _value(example_results)["cost_cards"]["topic"]
    assert costs_from_json(value) == costs
    value[1]["serving"]["timings"][0]["requests"] = "many"
    with pytest.raises(ModelError, match=r"x.json: .*costs\[1\].serving.timings\[0\].requests must be int"):
        costs_from_json(value, file=tmp_path / "x.json")


def test_a_file_that_holds_something_else_is_named(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("[1, 2]")
    with pytest.raises(ModelError, match=r"results.json: these are not results .* this is list"):
        read_results(path)
