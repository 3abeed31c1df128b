"""A run directory: stopped anywhere, it ends with the same numbers; other settings never mix into it."""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from twinlm.comparison.run import Run
from twinlm.errors import LockedError, ModelError, UsageError
from twinlm.prepare import stage
from twinlm.settings import presets
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop

COMMAND = [sys.executable, "-m", "twinlm", "compare", "my.toml"]
SETTINGS = """
threads = 1
precision = "float32"
corpus.train = "text.txt"
model = {layers = 1, width = 16, heads = 2, max_length = 32}
[pretrain]
length = 32
batch_sequences = 4
validations = 2
validation_sequences = 8
checkpoint_every_steps = 3
[finetune]
max_length = 32
epochs = 1
[budget]
match = "tokens"
amount = 2500
[tokenizer]
vocab_size = 300
[quality]
sample_bytes = 800
own_pairs = 10
[compare]
timing_seconds = 0
seeds = [1, 2]
[[task]]
name = "topic"
train = "labels.csv"
"""
MEASURED = ("seconds", "planned_seconds", "tokens_per_second", "peak_memory_bytes")


@pytest.fixture(scope="module")
def project(tmp_path_factory, write_project) -> Path:
    """A folder with text, labels and settings."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, 150)
    (folder / "my.toml").write_text(SETTINGS)
    return folder


def run_to_the_end(project: Path, out: str) -> None:
    subprocess.run([*COMMAND, "--out", out], cwd=project, check=True, capture_output=True)


def numbers(folder: Path) -> dict:
    """Everything in the results that is not a measurement of this machine at this moment."""

    def strip(value):
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if key not in (*MEASURED, "command")}
        return [strip(item) for item in value] if isinstance(value, list) else value

    results = strip(json.loads((folder / "results.json").read_text()))
    results["caveats"] = [
        text
        for text in results["caveats"]
        if not re.match("The (budgets are equal|planned training time was wrong)", text)
    ]
    return results


@pytest.mark.slow
def test_a_comparison_that_is_killed_again_and_again_ends_with_the_same_numbers(project):
    run_to_the_end(project, "straight")
    chance, kills = random.Random(1), 0
    while True:
        process = subprocess.Popen(
            [*COMMAND, "--out", "killed"], cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            # Later each time, so that it gets to the end on a machine of any speed.
            _, said = process.communicate(timeout=chance.uniform(3, 5) + 3 * kills)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0, said.decode()
        break
    assert kills > 0
    assert numbers(project / "killed") == numbers(project / "straight")
    for log in ("gpt/metrics.jsonl", "bert/metrics.jsonl"):
        assert (project / "killed" / log).read_bytes() == (project / "straight" / log).read_bytes()
    for model in ("gpt", "bert", "tasks/topic/gpt/seed-1", "tasks/topic/bert-scratch/seed-2"):
        weights = [project / out / model / "model" / "model.safetensors" for out in ("killed", "straight")]
        assert weights[0].read_bytes() == weights[1].read_bytes()


def open_run(project: Path, out: str, **overrides: str) -> Run:
    settings = presets.resolve(project / "my.toml", {"corpus.train": str(project / "text.txt"), **overrides})
    return Run(project / out, settings, is_demo=False, progress=Silent(), stop=Stop())


def test_updates_that_fine_tunings_lost_stand_beside_the_verdict(project, monkeypatch):
    monkeypatch.chdir(project)
    with open_run(project, "straight") as run:
        run.compare()
    shutil.copytree(project / "straight", project / "lost")
    for seed, lost in (("seed-1", 2), ("seed-2", 1)):
        path = project / "lost/tasks/topic/bert-scratch" / seed / "fine-tuning.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "lost_steps": lost}))
    with open_run(project, "lost") as run:
        said = [text for text in run.compare().caveats if "updates in fine-tuning" in text]
    assert len(said) == 1
    assert said[0].startswith("Topic: BERT without pre-training skipped 3 updates in fine-tuning")


def test_other_settings_in_the_same_folder_are_refused_and_named(project, monkeypatch):
    monkeypatch.chdir(project)
    with open_run(project, "mixed") as run:
        run.workspace.tokenizer("gpt")
    with (
        open_run(project, "mixed", **{"tokenizer.vocab_size": "310"}) as run,
        pytest.raises(UsageError, match=r"tokenizer\.vocab_size was 300, now 310"),
    ):
        run.workspace.tokenizer("gpt")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"finetune.epochs": "2"}, r"finetune\.epochs was 1, now 2"),
        ({"finetune.frozen_layers": "0"}, r"finetune\.frozen_layers was -1, now 0"),
    ],
)
def test_finished_predictions_are_not_passed_off_as_those_of_other_settings(
    settings, said, project, monkeypatch
):
    monkeypatch.chdir(project)
    with open_run(project, "predicted") as run:
        trial = run.finetuning.trials(run.workspace.arm("gpt-scratch"), "topic")[0]
        found = run.finetuning.predictions(trial)
        assert run.finetuning.predictions(trial) == found
    with open_run(project, "predicted", **settings) as run, pytest.raises(UsageError, match=said):
        run.finetuning.predictions(run.finetuning.trials(run.workspace.arm("gpt-scratch"), "topic")[0])


def test_fine_tuning_notes_the_tokenizer_and_the_seed_of_weights_that_were_drawn(project, monkeypatch):
    monkeypatch.chdir(project)
    noted = {}
    with open_run(project, "noted") as run:
        for name in ("gpt", "gpt-scratch"):
            trial = run.finetuning.trials(run.workspace.arm(name), "topic")[0]
            run.finetuning.finetuned(trial)
            path = run.finetuning.folder(trial) / "inputs.json"
            noted[name] = json.loads(path.read_text())
            assert noted[name]["tokenizer"] == run.workspace.tokenizer("gpt").fingerprint
    assert [noted[name]["first_seed"] for name in ("gpt", "gpt-scratch")] == [None, 0]
    assert [len(noted[name]["start"]) for name in ("gpt", "gpt-scratch")] == [64, 0]


def test_a_damaged_tokenizer_is_found(project, monkeypatch):
    monkeypatch.chdir(project)
    with open_run(project, "tokenizer") as run:
        run.workspace.tokenizer("gpt")
    (path,) = (project / "tokenizer").glob("tokenizers/*/files/tokenizer_config.json")
    data = path.read_bytes()
    path.write_bytes(data.replace(b" ", b"\t", 1))  # which means the same
    with open_run(project, "tokenizer") as run, pytest.raises(ModelError, match="it is damaged"):
        run.workspace.tokenizer("gpt")


def test_a_run_directory_is_for_one_process(project, monkeypatch):
    monkeypatch.chdir(project)
    with (
        open_run(project, "locked"),
        pytest.raises(LockedError, match="process"),
        open_run(project, "locked"),
    ):
        pass


def test_a_changed_environment_is_announced(project, monkeypatch):
    monkeypatch.chdir(project)
    said: list[str] = []
    with open_run(project, "moved"):
        pass
    environment = project / "moved" / "environment.json"
    environment.write_text(environment.read_text().replace('"threads": "1"', '"threads": "7"'))
    run = open_run(project, "moved")
    run.progress.say = said.append
    with run:
        pass
    assert "threads 7 -> 1" in said[0]


def test_an_unknown_task_gets_the_nearest_name(project, monkeypatch):
    monkeypatch.chdir(project)
    with open_run(project, "tasks") as run, pytest.raises(UsageError, match="did you mean 'topic'"):
        run.workspace.task("topics")


def test_a_stage_knows_its_inputs_whatever_their_order(tmp_path):
    first = stage.enter(tmp_path, {"a": 1, "b": {"c": [1, 2]}})
    assert stage.enter(tmp_path, {"b": {"c": [1, 2]}, "a": 1}) == first
    with pytest.raises(UsageError, match=r"b\.c was \[1, 2\], now \[1, 3\]"):
        stage.enter(tmp_path, {"a": 1, "b": {"c": [1, 3]}})
