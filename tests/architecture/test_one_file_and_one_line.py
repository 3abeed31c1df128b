"""What CONTRIBUTING adds in one file and one line is added to a copy of the package, and used."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
BLOCKS = {
    language: re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for language in ("python", "diff", "toml")
}
SETTINGS = """
threads = 1
precision = "float32"
corpus.train = "text.txt"
model = {layers = 1, width = 16, heads = 2, max_length = 32}
pretrain = {length = 32, batch_sequences = 4, validations = 1, validation_sequences = 8}
finetune = {max_length = 32, epochs = 1, batch_examples = 8}
budget = {match = "tokens", amount = 1300}
tokenizer.vocab_size = 300
quality.sample_bytes = 0
compare = {timing_seconds = 0, seeds = [1], untrained = false, doctor = false}
[[task]]
name = "stars"
kind = "rating"
train = "stars.csv"
max_train_examples = 8
"""


def add_file(package: Path, block: str) -> None:
    """Write a block of Python into the file that its first line names."""
    path = package / re.match(r"# src/twinlm/(\S+)\n", block)[1]
    assert not path.exists()
    path.write_text(block)


def change(package: Path, block: str) -> None:
    """Apply a block of changes; the lines that it takes away or shows must stand in the file once."""
    header, *hunks = re.split(r"^@@\n|(?<=\.py)\n", block, flags=re.MULTILINE)
    path = package / re.match(r"--- src/twinlm/(\S+)", header)[1]
    text = path.read_text()
    for hunk in hunks:
        lines = hunk.splitlines()
        before = "\n".join(line[1:] for line in lines if line[:1] in "- ")
        after = "\n".join(line[1:] for line in lines if line[:1] in "+ ")
        assert text.count(before) == 1, f"{path} does not hold once: {before}"
        text = text.replace(before, after)
    path.write_text(text)


@pytest.fixture(scope="module")
def run(tmp_path_factory, write_project) -> Path:
    """The run of a copy of the package to which all examples were added."""
    folder = tmp_path_factory.mktemp("copy")
    package = folder / "twinlm"
    # With bytecode, which stays valid for all files but the changed ones; another test may be writing some.
    shutil.copytree(ROOT / "src" / "twinlm", package, ignore=shutil.ignore_patterns("*.pyc.*"))
    for block in BLOCKS["python"]:
        add_file(package, block)
    for block in BLOCKS["diff"]:
        change(package, block)
    write_project(folder, 150)
    sentences = (folder / "labels.csv").read_text().splitlines()[1:41]
    rows = [f"{sentence.split(',')[0]},{number % 5 + 1}" for number, sentence in enumerate(sentences)]
    (folder / "stars.csv").write_text("\n".join(["text,score", *rows]))
    (folder / "my.toml").write_text(SETTINGS + "\n".join(BLOCKS["toml"]))
    command = [sys.executable, "-m", "twinlm", "compare", "my.toml", "--out", "run"]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_the_page_shows_a_task_a_section_a_kind_and_an_arm():
    assert len(BLOCKS["python"]) == 3
    assert len(BLOCKS["toml"]) == 1


def test_a_new_type_of_task_is_fine_tuned_on_eight_rows_for_one_step(run):
    (task,) = json.loads((run / "results.json").read_text())["tasks"]
    assert task["kind"] == "rating"
    assert json.loads((run / "tasks/stars/gpt/seed-1/fine-tuning.json").read_text())["step"] == 1


def test_a_third_kind_of_model_is_pre_trained_and_compared_with_both(run):
    results = json.loads((run / "results.json").read_text())
    assert results["families"] == {"gpt": "GPT", "bert": "BERT", "nope": "NoPE"}
    compared = {frozenset((row["first"], row["second"])) for row in results["tasks"][0]["comparisons"]}
    assert {frozenset(("gpt", "nope")), frozenset(("bert", "nope"))} <= compared
    config = json.loads((run / "nope/model/config.json").read_text())
    assert config["family"] == "nope"


def test_a_new_arm_needs_no_code(run):
    scores = json.loads((run / "results.json").read_text())["tasks"][0]["scores"]
    assert "half-masked" in {score["arm"] for score in scores}


def test_a_new_section_is_in_the_page_and_in_the_markdown_file(run):
    (task,) = json.loads((run / "results.json").read_text())["tasks"]
    assert f"stars has {task['test_examples']} test examples." in (run / "report.html").read_text()
    assert "## Test examples" in (run / "report.md").read_text()
