"""What is pre-trained in a run: its seeds, its folders, its floors, and that it is found again."""

import math

import numpy as np
import pytest

from twinlm.comparison.run import Run
from twinlm.errors import UsageError
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop


@pytest.fixture(scope="module")
def run(tiny, write_project, tmp_path_factory):
    """An opened run of two pre-trainings of each kind."""
    folder = tmp_path_factory.mktemp("bodies")
    write_project(folder, 60)
    changes = {"corpus.train": str(folder / "text.txt"), "compare.pretrainings": "2", "seed": "5"}
    with Run(folder / "run", tiny(None, changes), is_demo=False, progress=Silent(), stop=Stop()) as opened:
        yield opened


def test_seeds_follow_the_runs_own(run):
    assert run.pretraining.seeds == [5, 6]


def test_the_first_seeds_model_lies_in_the_folder_of_its_name_and_others_below(run):
    assert run.pretraining.folder("gpt") == run.pretraining.folder("gpt", 5) == run.folder / "gpt"
    assert run.pretraining.folder("gpt", 6) == run.folder / "gpt" / "seed-6"


def test_an_unknown_pre_training_gets_the_nearest_name(run):
    with pytest.raises(UsageError, match="no pre-training 'brt'") as caught:
        run.pretraining.plan("brt")
    assert "bert" in caught.value.hint


def test_seeds_have_weights_of_their_own_that_are_found_again(run):
    bodies = run.pretraining
    for seed in bodies.seeds:
        bodies.trained("bert", seed)
    files = [bodies.folder("bert", seed) / "model" / "model.safetensors" for seed in bodies.seeds]
    first, second = map(storage.file_sha256, files)
    assert first != second
    bodies.trained("bert", 6)
    assert storage.file_sha256(files[1]) == second


def test_both_kinds_take_the_budget_and_are_planned_once(run):
    plans = run.pretraining.plans
    assert [plan.family for plan in plans.values()] == ["gpt", "bert"]
    assert run.pretraining.plan("gpt") == plans["gpt"]


def test_floors_are_in_the_units_of_the_curves(run):
    store = run.workspace.stores("gpt")["train"]
    tokens_T = run.workspace.stores("gpt")["valid"].tokens_T[:]
    counts = np.bincount(store.tokens_T[:], minlength=run.workspace.tokenizer("gpt").vocab_size) + 1.0
    nats = -np.log(counts[tokens_T[1:]] / counts.sum()).mean()
    expected = nats * store.token_count / math.log(2) / store.text_bytes
    assert run.pretraining.counting_loss("gpt").unigram == pytest.approx(expected)
    assert (
        run.pretraining.counting_loss("bert").unigram > nats / 2
    )  # nats for each token, not bits for each byte
