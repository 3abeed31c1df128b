"""A whole comparison with arms, two pre-trainings of each, a grid of rates and both curves."""

import json
from pathlib import Path

import pytest

from twinlm.comparison.plan.arms import arms
from twinlm.comparison.plan.pretrainings import pretrainings
from twinlm.comparison.run import Run
from twinlm.errors import UsageError
from twinlm.evidence.results import Results
from twinlm.settings import presets
from twinlm.system.log import Silent
from twinlm.system.records import read_record, to_json
from twinlm.system.stopping import Stop
from twinlm.tasks.table import task_kind

SETTINGS = """
pretrain.validations = 2
budget.amount = 4000
[quality]
sample_bytes = 1500
own_pairs = 20
pairs = ["blimp.jsonl"]
[compare]
seeds = [1, 2]
untrained = false
pretrainings = 2
learning_rates = [1e-3, 1.0]
label_counts = [20, 1000]
budget_shares = [0.5]
[[task]]
name = "topic"
train = "labels.csv"
[[arm]]
name = "no-nsp"
kind = "bert"
label = "BERT without NSP"
pretrain.sentence_task = "none"
[[arm]]
name = "lambda-0"
kind = "gpt"
finetune.auxiliary_weight = 0
[[arm]]
name = "unmasked"
kind = "gpt"
finetune = {auxiliary_weight = 0, both_sides = true}
[[arm]]
name = "clm-mlm"
kind = "bert"
pretrain = {first_objective = "causal", first_share = 0.5}
[[arm]]
name = "hybrid-left"
kind = "gpt"
pretrain.both_sides_share = 0.5
[[arm]]
name = "hybrid-both"
kind = "gpt"
pretrain.both_sides_share = 0.5
finetune = {auxiliary_weight = 0, both_sides = true}
[[arm]]
name = "nothing"
kind = "bert"
pretrained = false
"""

PAIRS = """{"sentence_good": "The cats like it.", "sentence_bad": "The cats likes it.", "UID": "agreement"}
{"sentence_good": "The dog likes it.", "sentence_bad": "The dog like it.", "UID": "agreement"}
{"sentence_good": "She saw herself.", "sentence_bad": "She saw himself.", "UID": "anaphor"}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, write_project) -> Path:
    """A folder with text, labels and settings."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, 150)
    (folder / "my.toml").write_text(SETTINGS)
    (folder / "blimp.jsonl").write_text(PAIRS)
    return folder


def open_run(tiny, project: Path) -> Run:
    settings = tiny(project / "my.toml")
    return Run(project / "run", settings, is_demo=False, progress=Silent(), stop=Stop())


@pytest.fixture(scope="module")
def finished(project, tiny) -> Path:
    """The folder of the finished comparison."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        with open_run(tiny, project) as run:
            run.compare()
    return project / "run"


def test_arms_that_differ_in_fine_tuning_only_share_a_pre_training(project, tiny):
    settings = tiny(project / "my.toml")
    shared = {arm.name: arm.pretraining for arm in arms(settings)}
    assert shared == {
        "gpt": "gpt",
        "bert": "bert",
        "no-nsp": "no-nsp",
        "lambda-0": "gpt",
        "unmasked": "gpt",
        "clm-mlm": "clm-mlm",
        "hybrid-left": "hybrid-left",
        "hybrid-both": "hybrid-left",
        "nothing": "",
        "gpt-scratch": "",
        "bert-scratch": "",
    }
    assert list(pretrainings(settings)) == ["gpt", "bert", "no-nsp", "clm-mlm", "hybrid-left"]


def test_what_an_arm_does_not_give_is_as_its_kind_has_it(project, tiny):
    settings = tiny(project / "my.toml", {"bert.pretrain.mask_share": "0.3"})
    no_nsp, bert = settings.arm[0], settings.bert
    assert no_nsp.pretrain.sentence_task == "none"
    assert no_nsp.pretrain.mask_share == 0.3
    assert (no_nsp.model, no_nsp.finetune) == (bert.model, bert.finetune)
    again = tiny(project / "my.toml")
    assert again.arm[0].pretrain.optimizer == again.bert.pretrain.optimizer


@pytest.mark.parametrize(
    ("row", "line", "said"),
    [
        ('name = "x"', 1, "the kind of an arm can't be ''"),
        ('name = "x"\nkind = "brt"', 3, "the kind of an arm can't be 'brt'"),
        (
            'name = "x"\nkind = "bert"\npretrain.start = "a"',
            4,
            "an arm can't continue from a model of its own",
        ),
        ('name = "x"\nkind = "bert"\npretrain.mask_shar = 1', 4, r"mask_shar' is not a setting"),
        ('name = "x"\nkind = "gpt"\nfinetune.both_sides = true', 4, "auxiliary_weight=0.5 would train"),
        ('name = "../x"\nkind = "gpt"', 2, "can't be the name of an arm"),
    ],
)
def test_bad_arms_name_their_line(tmp_path, row, line, said):
    file = tmp_path / "arms.toml"
    file.write_text(f"[[arm]]\n{row}\n")
    with pytest.raises(UsageError, match=said) as caught:
        presets.resolve(file, {})
    assert caught.value.file == str(file)
    assert caught.value.line == line


@pytest.mark.parametrize("name", ["gpt", "tasks", "majority"])
def test_an_arm_has_a_name_of_its_own(tmp_path, name):
    file = tmp_path / "arms.toml"
    file.write_text(f'[[arm]]\nname = "{name}"\nkind = "gpt"\n')
    with pytest.raises(UsageError, match=r"two arms have the name .gpt.|can.t be the name of an arm"):
        arms(presets.resolve(file, {}))


def test_every_arm_is_scored_over_both_pre_trainings(finished):
    results = read_record(Results, finished / "results.json")
    assert results.pretraining_seeds == 2
    (task,) = results.tasks
    scores = {score.arm: score for score in task.scores if score.family}
    assert list(scores) == [
        *("gpt", "bert", "no-nsp", "lambda-0", "unmasked", "clm-mlm", "hybrid-left", "hybrid-both", "nothing")
    ]
    for score in scores.values():
        assert list(score.score_by_seed) == ["0/1", "0/2", "1/1", "1/2"]
    assert scores["no-nsp"].label == "BERT without NSP"


def test_arms_that_share_a_body_are_set_against_one_frozen_probe_for_each_pre_training(
    finished, project, tiny, monkeypatch
):
    (task,) = read_record(Results, finished / "results.json").tasks
    gaps = {body.arm: [gap.arm for gap in body.gaps] for body in task.frozen}
    assert gaps == {
        "gpt": ["gpt", "lambda-0", "unmasked"],
        "bert": ["bert"],
        "no-nsp": ["no-nsp"],
        "clm-mlm": ["clm-mlm"],
        "hybrid-left": ["hybrid-left", "hybrid-both"],
    }
    scores = {score.arm: score for score in task.scores}
    for body in task.frozen:
        assert list(body.score_by_seed) == ["0", "1"]
        for gap in body.gaps:
            lead = scores[gap.arm].score.estimate - body.score.estimate
            assert gap.difference.estimate == pytest.approx(lead)
    monkeypatch.chdir(project)
    settings = tiny(project / "my.toml", {"compare.probes": "false"})
    run = Run(project / "other", settings, is_demo=False, progress=Silent(), stop=Stop())
    assert run.probes.answers(run.workspace.task("topic")) == []


def test_each_pre_training_has_its_own_weights_language_and_cost(finished):
    results = read_record(Results, finished / "results.json")
    names = ["gpt", "bert", "no-nsp", "clm-mlm", "hybrid-left"]
    assert [cost.name for cost in results.costs] == names
    assert [language.name for language in results.language] == names
    assert [cost.tokens for cost in results.costs] == pytest.approx([4000] * 5, rel=0.05)
    weights = {value for name, value in results.fingerprints.items() if name.startswith("weights of")}
    assert len(weights) == 2 * len(names)
    records = [json.loads(line) for line in (finished / "clm-mlm/metrics.jsonl").read_text().splitlines()]
    causal = [row["step"] for row in records if "causal_lm" in row]
    masked = [row["step"] for row in records if "masked_lm" in row]
    assert causal and max(causal) < min(masked)
    assert abs(len(causal) - len(masked)) <= 1
    hybrid = json.loads((finished / "hybrid-left/metrics.jsonl").read_text().splitlines()[0])
    assert {"causal_lm", "masked_next_token"} <= hybrid.keys()


def test_arms_of_a_kind_are_set_against_it_on_the_same_passages_and_across_no_group(finished):
    for group in read_record(Results, finished / "results.json").quality.groups:
        first, *others = group.figures
        assert first.difference is None
        for figure in others:
            assert figure.difference.estimate == pytest.approx(figure.value - first.value)
            assert figure.difference.low < figure.difference.estimate < figure.difference.high
        is_of_bits = group.unit == "bits per byte"
        assert ("hybrid-left" in [figure.pretraining for figure in others]) == is_of_bits


def test_every_arm_had_the_same_trials_and_the_rate_is_chosen_on_validation(finished):
    results = read_record(Results, finished / "results.json")
    assert len(results.ledger) == 9
    for row in results.ledger:
        assert [(tried.learning_rate, tried.trials) for tried in row.tried] == [(1e-3, 4), (1.0, 4)]
        usable = {
            tried.learning_rate: tried.validation for tried in row.tried if tried.validation is not None
        }
        assert row.kept == min(rate for rate, value in usable.items() if value == max(usable.values()))
    assert any(row.tried[1].failed for row in results.ledger)


def test_curves_have_a_point_for_each_place_and_end_with_the_comparison(finished):
    results = read_record(Results, finished / "results.json")
    by_axis = {curve.axis: curve for curve in results.curves}
    assert list(by_axis) == ["labels", "pre-training budget"]
    sizes = [point.x for point in by_axis["labels"].points if point.arm == "gpt"]
    assert sizes == [20, results.tasks[0].train_examples]
    assert [point.x for point in by_axis["pre-training budget"].points] == [2000, 4000] * 2
    scores = {score.arm: score.score for score in results.tasks[0].scores}
    best = max(
        (score for score in results.tasks[0].scores if not score.family), key=lambda s: s.score.estimate
    )
    for curve in results.curves:
        ends = [point.score for point in curve.points][1::2]
        assert ends[:2] == [scores["gpt"], scores["bert"]]
        assert ends[2:] == ([best.score] if curve.axis == "labels" else [])
        assert curve.verdict
    assert best.label in by_axis["labels"].verdict
    few = json.loads(next((finished / "tasks/topic/gpt/labels-20").rglob("fine-tuning.json")).read_text())
    all_labels = json.loads(
        next((finished / "tasks/topic/gpt").glob("rate-0.001/seed-1/fine-tuning.json")).read_text()
    )
    assert few["step"] == all_labels["step"]


def test_the_best_baseline_is_fitted_on_the_examples_that_the_models_have(
    finished, project, tiny, monkeypatch
):
    (task,) = read_record(Results, finished / "results.json").tasks
    folder = finished / "tasks/topic/baselines/labels-20"
    assert json.loads((folder / "inputs.json").read_text())["labels"] == 20
    kept = {row["name"]: row for row in json.loads((folder / "predictions.json").read_text())}
    monkeypatch.chdir(project)
    with open_run(tiny, project) as run:
        few = run.workspace.task("topic", 20)
        floors = {row.name: row for row in task_kind(task.kind).baselines(few.train, few.valid, few.test)}
        assert to_json(run.baselines.fitted(run.workspace.task("topic"), 20)) == list(kept.values())
    assert len(few.train) == 20 and len(few.test) == task.test_examples
    assert {name: row["predictions"] for name, row in kept.items()} == {
        name: row.predictions for name, row in floors.items()
    }
    assert not (finished / "tasks/topic/baselines/labels-1000").exists()


def test_the_run_found_again_is_the_same(finished, project, tiny, monkeypatch):
    before = (finished / "report.md").read_text()
    monkeypatch.chdir(project)
    with open_run(tiny, project) as run:
        run.compare()
    assert (finished / "report.md").read_text() == before
