"""The stage of cost cards in a whole tiny run: measured once, kept, and measured again for other weights."""

import json
from types import SimpleNamespace

import pytest

from twinlm.comparison.run import Run
from twinlm.comparison.stages import serving
from twinlm.comparison.stages.serving import FILE, arm_cost, twins
from twinlm.errors import ModelError
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.train import pretrain

SETTINGS = """
compare.seeds = [3]
[[task]]
name = "topic"
train = "labels.csv"
"""
SPENT = {"seconds": 12.5, "flops": 3e10, "peak_memory_bytes": 7}


@pytest.fixture(scope="module")
def run(tmp_path_factory, write_project, tiny):
    folder = tmp_path_factory.mktemp("costs")
    write_project(folder, 80)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "my.toml").write_text(SETTINGS)
        settings = tiny(folder / "my.toml")
        with Run(folder / "out", settings, is_demo=False, progress=Silent(), stop=Stop()) as run:
            yield run


@pytest.fixture(scope="module")
def costs(run):
    return run.serving.cost_card(run.workspace.task("topic"), budget_s=0.02)


def test_every_arm_has_its_costs_and_twins_share_them(costs, run):
    assert [(cost.arm, cost.label) for cost in costs] == [(arm.name, arm.label) for arm in run.workspace.arms]
    gpt, bert, gpt_scratch, bert_scratch = costs
    assert gpt.serving == gpt_scratch.serving != bert.serving == bert_scratch.serving
    assert gpt.pretraining_s > 0 and gpt.pretraining_flops > 0
    assert (gpt_scratch.pretraining_s, gpt_scratch.pretraining_flops) == (0, 0)
    for cost in costs:
        assert cost.fine_tuning_s > 0 and cost.fine_tuning_flops > 0
        assert cost.serving.peak_memory_bytes > 50e6
    spent = storage.read_json(run.folder / "gpt" / pretrain.RESULT)
    assert (gpt.pretraining_s, gpt.pretraining_flops) == (spent["seconds"], spent["flops"])


def test_they_are_measured_once(costs, run, monkeypatch):
    monkeypatch.setattr(serving, "measure_folders", None)
    assert run.serving.cost_card(run.workspace.task("topic")) == costs


def test_other_weights_are_measured_anew(costs, run, monkeypatch):
    path = run.folder / "tasks" / "topic" / FILE
    kept = json.loads(path.read_text())
    kept["made_from"]["models"]["gpt"] = "0" * 64
    path.write_text(json.dumps(kept))
    measured = []

    def measure(folders, examples, *, budget_s, progress):
        measured.append((sorted(folders), len(examples), budget_s))
        return {"gpt": costs[0].serving, "bert": costs[1].serving}

    monkeypatch.setattr(serving, "measure_folders", measure)
    assert run.serving.cost_card(run.workspace.task("topic"), budget_s=7.0) == costs
    assert measured == [(["bert", "gpt"], len(run.workspace.task("topic").test), 7.0)]


def test_a_file_of_another_version_is_refused(costs, run):
    path = run.folder / "tasks" / "topic" / FILE
    kept = path.read_text()
    path.write_text(kept.replace('"weight_bytes"', '"weights"'))
    with pytest.raises(ModelError, match=r"costs.json: costs.*serving: unknown field `weights`"):
        run.serving.cost_card(run.workspace.task("topic"))
    path.write_text(kept)


def test_models_of_other_shapes_are_no_twins(run, costs):
    names = ("gpt", "bert", "gpt-scratch")
    gpt, bert, scratch = (
        run.finetuning.finetuned(run.finetuning.trials(run.workspace.arm(name), "topic")[0]) for name in names
    )
    models = {"a": gpt, "b": bert, "c": scratch, "d": bert}
    assert twins(models) == {"a": "a", "b": "b", "c": "a", "d": "b"}


@pytest.mark.parametrize(
    ("history", "seconds", "tuning"),
    [
        ({"pretraining": {"seconds": 9.0, "flops": 4e10}, "fine-tuning": SPENT}, 9.0, 12.5),
        ({"fine-tuning": SPENT}, 0.0, 12.5),
        ({"import": {"source": "minilm"}, "fine-tuning": SPENT}, None, 12.5),
        ({"import": {"source": "minilm"}}, None, None),
        ({"import": {}, "pretraining": {"seconds": 9.0, "flops": 4e10}, "fine-tuning": SPENT}, 9.0, 12.5),
    ],
    ids=["made here", "never pre-trained", "imported", "imported with its head", "pre-trained on"],
)
def test_what_making_took_stands_in_the_models_history(history, seconds, tuning, costs):
    found = arm_cost(SimpleNamespace(history=history), costs[0].serving, arm="gpt", label="GPT")
    assert (found.pretraining_s, found.fine_tuning_s) == (seconds, tuning)
    assert (found.pretraining_flops is None) == (seconds is None)
    assert (found.fine_tuning_flops is None) == (found.fine_tuning_peak_bytes is None) == (tuning is None)
