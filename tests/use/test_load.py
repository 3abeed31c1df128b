import pytest

from twinlm.checkpoint import save_model
from twinlm.errors import ModelError
from twinlm.use.generate import generate
from twinlm.use.load import load, models_below
from twinlm.use.sampling import Sampling


@pytest.fixture
def run(gpt, classifier, tmp_path):
    save_model(tmp_path / "demo" / "gpt" / "model", gpt)
    save_model(tmp_path / "demo" / "tasks" / "topic" / "gpt" / "seed-1" / "model", classifier)
    return tmp_path / "demo"


def test_a_model_is_found_by_its_folder_and_by_the_one_around_it(run, gpt):
    for place in (run / "gpt" / "model", run / "gpt", str(run / "gpt")):
        loaded = load(place)
        assert loaded.family is gpt.family
        best = Sampling(temperature=0)
        texts = [generate(model, "The red", max_tokens=4, sampling=best) for model in (loaded, gpt)]
        assert texts[0] == texts[1]


def test_a_fine_tuned_model_comes_with_its_classes(run):
    assert load(run / "tasks" / "topic" / "gpt" / "seed-1").task.labels == ("cat", "dog", "tea")


def test_a_run_folder_is_answered_with_the_models_in_it(run):
    with pytest.raises(ModelError, match=r"not a model folder; models are in .*gpt, .*seed-1"):
        load(run)
    assert models_below(run) == [run / "gpt", run / "tasks" / "topic" / "gpt" / "seed-1"]


def test_a_misspelled_folder_is_answered_with_the_one_that_was_meant(run):
    with pytest.raises(ModelError, match=r"no such folder; did you mean .*gpt"):
        load(run / "gtp")
    with pytest.raises(ModelError, match=r"no such folder; did you mean .*demo"):
        load(run.parent / "demos" / "gpt")


def test_a_file_is_no_model(run):
    with pytest.raises(ModelError, match="this is a file"):
        load(run / "gpt" / "model" / "model.safetensors")


def test_a_training_under_way_is_called_so(tmp_path):
    (tmp_path / "gpt" / "checkpoints").mkdir(parents=True)
    with pytest.raises(ModelError, match="not finished"):
        load(tmp_path / "gpt")


def test_a_folder_without_models_says_what_is_wanted(tmp_path):
    with pytest.raises(ModelError, match="such as RUN/gpt"):
        load(tmp_path)
