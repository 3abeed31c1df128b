"""Each fine-tuning has a folder of its own, settings of its own, and is done once."""

import pytest

from twinlm.comparison.run import Run
from twinlm.comparison.stages.finetuning import Trial
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop


@pytest.fixture(scope="module")
def run(tiny, write_project, tmp_path_factory):
    """An opened run with two pre-trainings and two fine-tuning seeds."""
    folder = tmp_path_factory.mktemp("trials")
    write_project(folder, 60)
    (folder / "my.toml").write_text(f'[[task]]\nname = "topic"\ntrain = "{folder / "labels.csv"}"\n')
    changes = {
        "corpus.train": str(folder / "text.txt"),
        "compare.pretrainings": "2",
        "compare.seeds": "[1, 2]",
    }
    settings = tiny(folder / "my.toml", changes)
    with Run(folder / "run", settings, is_demo=False, progress=Silent(), stop=Stop()) as opened:
        yield opened


def test_an_arm_has_each_fine_tuning_seed_for_each_pre_training(run):
    found = run.finetuning.trials(run.workspace.arm("bert"), "topic")
    assert [(trial.first_seed, trial.seed) for trial in found] == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_no_two_trials_share_a_folder(run):
    arm = run.workspace.arm("bert")
    trials = [
        trial
        for changes in ({}, {"learning_rate": 1e-3}, {"learning_rate": 2e-3}, {"labels": 10})
        for trial in run.finetuning.trials(arm, "topic", **changes)
    ]
    folders = [run.finetuning.folder(trial) for trial in trials]
    assert len(set(folders)) == len(trials) == 16
    assert run.finetuning.folder(trials[0]) == run.folder / "tasks" / "topic" / "bert" / "seed-1"


def test_a_rate_of_the_grid_is_the_only_thing_that_changes(run):
    arm = run.workspace.arm("gpt")
    own, other = (
        Trial(arm=arm, task="topic", seed=1, first_seed=0, learning_rate=rate) for rate in (None, 7e-4)
    )
    assert own.settings == arm.settings.finetune
    assert other.settings.optimizer.learning_rate == 7e-4
    assert other.settings.epochs == own.settings.epochs


def test_fewer_labels_are_taken_from_the_training_examples_only(run):
    trial = Trial(arm=run.workspace.arm("gpt"), task="topic", seed=1, first_seed=0, labels=10)
    few, whole = run.workspace.task("topic", trial.labels), run.workspace.task("topic")
    assert len(few.train) == 10 and {row.id for row in few.train} <= {row.id for row in whole.train}
    assert len(few.valid) <= 10 and few.test == whole.test


def test_a_trial_is_done_once_and_its_answers_are_found_again(run):
    trial = run.finetuning.trials(run.workspace.arm("gpt-scratch"), "topic")[0]
    said = run.finetuning.predictions(trial)
    assert len(said) == len(run.workspace.task("topic").test)
    weights = run.finetuning.folder(trial) / "model" / "model.safetensors"
    before = storage.file_sha256(weights), weights.stat().st_mtime_ns
    assert run.finetuning.predictions(trial) == said
    assert (storage.file_sha256(weights), weights.stat().st_mtime_ns) == before
    left = run.finetuning.folder(trial) / "best.safetensors"
    left.touch()  # as if it had been killed before its last line
    assert run.finetuning.tried(trial) == run.finetuning.spent(trial)
    assert not left.exists()
