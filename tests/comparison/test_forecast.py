"""What a comparison will train and write is known before, and a disk that is too small is said to be."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from twinlm.comparison.forecast import folder_bytes, missing_bytes
from twinlm.comparison.run import Run
from twinlm.errors import ResourceError
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop

SETTINGS = """
model = {layers = 1, width = 64, heads = 2}
pretrain.checkpoint_every_steps = 5
finetune.epochs = 2
[compare]
seeds = [1]
learning_rates = [1e-3, 2e-3]
label_counts = [30]
budget_shares = [0.9]
[[arm]]
name = "no-nsp"
kind = "bert"
pretrain.sentence_task = "none"
[[task]]
name = "topic"
train = "labels.csv"
"""
Disk = namedtuple("Disk", "free")


@pytest.fixture
def opened(tmp_path: Path, write_project, tiny, monkeypatch):
    """A run of which nothing is trained yet."""
    write_project(tmp_path, 120)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.toml").write_text(SETTINGS)
    settings = tiny(tmp_path / "my.toml")
    with Run(tmp_path / "run", settings, is_demo=False, progress=Silent(), stop=Stop()) as run:
        yield run


def test_all_that_is_trained_and_kept_on_disk_was_planned(opened: Run, monkeypatch) -> None:
    planned = opened.forecast.trainings()
    assert not any(training.is_done for training in planned)
    assert missing_bytes(planned) > sum(training.kept_bytes for training in planned)
    most = dict.fromkeys((training.folder for training in planned), 0)
    remove = storage.remove

    def look_and_remove(path: Path) -> None:
        for folder in most:
            if folder in path.parents:
                most[folder] = max(most[folder], folder_bytes(folder))
        remove(path)

    monkeypatch.setattr(storage, "remove", look_and_remove)
    opened.compare()
    done = {
        path.parent for name in ("pretraining", "fine-tuning") for path in opened.folder.rglob(f"{name}.json")
    }
    assert {training.folder for training in planned} == done
    for training in planned:
        assert training.kept_bytes == pytest.approx(folder_bytes(training.folder), rel=0.15), training.title
        at_most = training.kept_bytes + training.working_bytes
        assert 0.5 * at_most < max(most[training.folder], training.kept_bytes) <= 1.1 * at_most, (
            training.title
        )
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Disk(free=0))
    assert missing_bytes(opened.forecast.trainings()) == 0
    opened.forecast.check_disk()  # all is there: a report can be asked for


def test_too_small_a_disk_is_said_before_training(opened: Run, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Disk(free=1 << 20))
    with pytest.raises(ResourceError, match=r"will write about 0\.\d GiB more, and 0\.0 GiB are free"):
        opened.compare()
    assert not (opened.folder / "gpt").exists() and not (opened.folder / "tasks" / "topic" / "gpt").exists()


def test_trainings_of_one_shape_are_timed_once_and_all_count(opened: Run, monkeypatch) -> None:
    forecast = opened.forecast
    planned = forecast.trainings()
    seconds = [forecast.seconds(training) for training in planned]
    assert len(forecast._timed_s) == 2  # a GPT and a BERT; arms differ in their pre-training only
    assert min(seconds) > 0
    by_title = {training.title: value for training, value in zip(planned, seconds, strict=True)}
    assert by_title["fine-tuning gpt"] == by_title["fine-tuning gpt-scratch"]
    assert by_title["fine-tuning bert"] == by_title["fine-tuning no-nsp"]
    plan = opened.pretraining.plans["gpt"]
    assert by_title["pre-training gpt"] > plan.seconds  # validations come on top
    assert by_title["pre-training gpt-share-0.9"] == pytest.approx(
        0.9 * by_title["pre-training gpt"], rel=0.2
    )
    assert not (opened.folder / "tasks").exists()
