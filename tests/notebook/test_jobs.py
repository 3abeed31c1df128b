"""Whole jobs in Python do what the commands do."""

import copy
import json
import pickle
import threading

import numpy as np
import pandas as pd
import pytest

import twinlm
from twinlm.errors import DataError, UsageError, UserError


@pytest.fixture(scope="module")
def compared(tmp_path_factory, rows, texts, settings):
    out = tmp_path_factory.mktemp("compared")
    arguments = {"settings": settings, "corpus": texts, "tasks": {"topic": pd.DataFrame(rows)}, "out": out}
    return twinlm.compare(**arguments, progress=twinlm.Silent()), arguments


def test_a_comparison_of_a_data_frame(compared):
    done, _ = compared
    assert done.report.is_file()
    scores = done.to_frame()
    assert {"GPT", "BERT"} <= set(scores["model"])
    assert set(scores["task"]) == {"topic"}
    assert ((scores["low"] <= scores["score"]) & (scores["score"] <= scores["high"])).all()
    stored = json.loads((done.folder / "results.json").read_text())
    gpt = next(score for score in stored["tasks"][0]["scores"] if score["arm"] == "gpt")
    assert scores[scores["model"] == "GPT"]["score"].item() == gpt["score"]["estimate"]
    differences = done.differences()
    assert len(differences) == len(stored["tasks"][0]["comparisons"])
    assert len(repr(done)) < 1000
    assert "<table>" in done._repr_html_()
    assert len(repr(done.results)) < 1000


def test_a_finished_comparison_is_found_again(compared):
    done, arguments = compared
    again = twinlm.compare(**arguments, progress=twinlm.Silent())
    assert again.results.tasks == done.results.tasks


def test_other_data_in_a_finished_run_is_refused(compared, rows):
    _, arguments = compared
    with pytest.raises(UserError):
        twinlm.compare(**{**arguments, "tasks": {"topic": rows[:100]}}, progress=twinlm.Silent())
    twinlm.compare(**arguments, progress=twinlm.Silent())  # and nothing is lost


def test_a_label_that_lacks_is_an_error_with_its_line(tmp_path, rows, texts, settings):
    broken = [*rows[:50], {"text": "no label"}, *rows[50:]]
    with pytest.raises(DataError, match="label") as raised:
        twinlm.compare(out=tmp_path, settings=settings, corpus=texts, tasks={"t": broken})
    assert raised.value.line == 51


@pytest.mark.parametrize("kind", ["gpt", "bert"])
def test_finetuning_a_model_object(tmp_path, kind, models, rows, settings):
    tuned = {name: settings[name] for name in ("finetune", "threads", "precision")}
    task = {"train": rows[:80], "test": rows[80:]}
    done = twinlm.finetune(models[kind], task, out=tmp_path, settings=tuned, progress=twinlm.Silent())
    assert models[kind].task is None  # the object is not changed
    assert 0 <= done.test["accuracy"].low <= done.test["accuracy"].high <= 1
    answers = twinlm.classify(done.model, [row["text"] for row in rows[80:]])
    right = [next(iter(answer)) == row["label"] for answer, row in zip(answers, rows[80:], strict=True)]
    assert done.test["accuracy"].estimate == pytest.approx(np.mean(right))
    assert "test accuracy" in repr(done)


@pytest.mark.parametrize("kind", ["gpt", "bert"])
def test_models_are_copied_and_pickled_by_their_files(kind, models):
    model = models[kind]
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert twin.model is not model.model
        assert np.array_equal(twinlm.embed(twin, ["a cat"]), twinlm.embed(model, ["a cat"]))
        assert twin.history == model.history
    assert len(repr(model)) < 200
    assert model.family.label in repr(model)


def test_jobs_run_in_another_thread(tmp_path, texts, settings):
    made = []
    arguments = {"out": tmp_path, "settings": settings, "corpus": texts, "progress": twinlm.Silent()}
    thread = threading.Thread(target=lambda: made.append(twinlm.pretrain("bert", **arguments)))
    thread.start()
    thread.join()
    assert made[0].family.name == "bert"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"settings": {"budget.amuont": 1}}, "'amuont' is not a setting"),
        ({"settings": {"budget.amount": object()}}, "settings\\['budget.amount'\\] can't be"),
        ({"settings": [1]}, "settings must be a dict"),
        ({"demo": True, "corpus": ["a"]}, "demo=True has its own"),
        ({"corpus": 3}, "no table"),
        ({"tasks": ["a"]}, "tasks must be a dict"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        twinlm.compare(out=tmp_path / "run", **options)


def test_a_kind_that_does_not_exist(tmp_path):
    with pytest.raises(UsageError, match="'brt'"):
        twinlm.pretrain("brt", out=tmp_path, corpus=["a"])
