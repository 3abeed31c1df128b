"""A whole tiny comparison from the command line, and what can be done with what it leaves."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from twinlm.cli import main
from twinlm.comparison.plan.matches import AXES
from twinlm.evidence.results import Results
from twinlm.settings import presets
from twinlm.system.records import read_record

SETTINGS = """
threads = 1
precision = "float32"
corpus.train = "text.txt"
model = {layers = 1, width = 16, heads = 2, max_length = 32}
pretrain = {length = 32, batch_sequences = 4, validations = 2, validation_sequences = 8}
finetune = {max_length = 32, epochs = 1}
budget = {match = "tokens", amount = 2000}
tokenizer.vocab_size = 300
compare = {seeds = [1, 2], untrained = false, timing_seconds = 0.02}
quality.sample_bytes = 800
[[task]]
name = "topic"
train = "labels.csv"
"""
TRAINED = "runs/my/tasks/topic/bert/seed-1"


@pytest.fixture(scope="session")
def finished(tmp_path_factory, write_project) -> Path:
    """A folder with text, labels, settings and a finished comparison."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, 200)
    (folder / "my.toml").write_text(SETTINGS)
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()) as out:
        assert main.run(["compare", "my.toml"]) == 0
    (folder / "said.txt").write_text(out.getvalue())
    return folder


@pytest.fixture
def project(finished, monkeypatch, cli) -> Path:
    """The same, as the current folder."""
    monkeypatch.chdir(finished)
    return finished


@pytest.fixture
def unfinished(finished, cli, tmp_path) -> Path:
    """An empty folder with text, labels and settings only, as the current folder."""
    for name in ("text.txt", "labels.csv", "my.toml"):
        shutil.copy(finished / name, tmp_path / name)
    return tmp_path


def test_a_comparison_prints_its_verdict_and_leaves_a_report(project):
    said = (project / "said.txt").read_text()
    assert said.startswith("Task ") and "Failed trainings" in said.splitlines()[0]
    assert said.endswith("Report: runs/my/report.html\n")
    assert all((project / "runs" / "my" / f"report.{kind}").is_file() for kind in ("html", "md"))


def test_given_again_it_does_nothing_over_and_finds_the_same(cli, project):
    before = json.loads((project / "runs" / "my" / "results.json").read_text())
    again = cli("compare", "my.toml", "--resume", "--json")
    assert (again.code, again.err) == (0, "")
    assert again.json["tasks"] == before["tasks"]


def test_other_settings_are_not_mixed_into_a_run(cli, project):
    answer = cli("compare", "my.toml", "--pretrain.length", "16")
    assert answer.code == 2
    assert (
        "started with different settings: pretrain.length was 32, now 16; choose another --out" in answer.err
    )


def test_another_budget_is_planned_anew_until_something_is_trained(cli, unfinished):
    small = ["--corpus.train", "text.txt", "--task", "labels.csv", "--model.layers", 1, "--model.width", 16]
    small += ["--model.heads", 2, "--tokenizer.vocab_size", 300, "--threads", 1, "--budget.match", "tokens"]
    small += ["--finetune.epochs", 1, "--pretrain.batch_sequences", 4, "--compare.seeds", "[1]", "--json"]
    tokens = []
    for amount in (9000, 30000, 9000):
        planned = cli("plan", *small, "--budget.amount", amount)
        assert planned.code == 0, planned.err
        tokens.append(planned.json["plans"][0]["tokens"])
    assert tokens[0] == tokens[2] < tokens[1]
    shorter = cli("plan", *small, "--budget.amount", 9000, "--pretrain.length", 64)
    assert shorter.code == 0, shorter.err


def test_a_change_of_what_was_trained_is_refused_before_the_text_is_read(cli, project, monkeypatch):
    monkeypatch.setattr(
        "twinlm.prepare.prepare.prepare_files", lambda *read: pytest.fail("the text was read")
    )
    for command in (["compare"], ["plan"], ["pretrain", presets.KINDS[0]]):
        for option, said in [
            ("--budget.amount", "budget.amount was"),
            ("--pretrain.mask_share", "mask_share was"),
        ]:
            answer = cli(*command, "my.toml", option, "0.3" if "mask" in option else "4000")
            assert (answer.code, said in answer.err) == (2, True), answer.err
    for command in ("compare", "plan"):
        for option, value in (("--finetune.epochs", 2), ("--gpt.finetune.dropout", 0.2)):
            answer = cli(command, "my.toml", option, value)
            name = option.rpartition(".")[2]
            assert (answer.code, f"finetune.{name} was" in answer.err) == (2, True), answer.err


def test_a_report_is_written_again(cli, project):
    page = project / "runs" / "my" / "report.html"
    page.unlink()
    assert cli("report", "runs/my").out == (project / "said.txt").read_text()
    assert page.is_file()
    assert cli("report", "runs/my", "--json").json == json.loads((page.parent / "results.json").read_text())


def test_a_plan_takes_labels_by_their_file_as_a_comparison_does(cli, unfinished):
    options = (
        "--corpus.train",
        "text.txt",
        "--task",
        "labels.csv",
        "--model.layers",
        "1",
        "--model.width",
        "16",
    )
    small = (
        "--model.heads",
        "2",
        "--tokenizer.vocab_size",
        "300",
        "--budget.amount",
        "1e10",
        "--threads",
        "1",
    )
    answer = cli("plan", *options, *small, "--finetune.epochs", "1", "--json")
    assert answer.code == 0, answer.err
    assert any(row["what"].startswith("fine-tuning") for row in answer.json["trainings"])


def test_a_plan_shows_all_axes_and_which_one_is_matched(cli, project):
    shown = cli("plan", "my.toml").out
    assert re.search(r"^tokens read +1,\d{3} +1,\d{3} +matched$", shown, re.MULTILINE)
    plan = cli("plan", "my.toml", "--json").json
    assert [row["family"] for row in plan["plans"]] == list(presets.KINDS)
    assert plan["match"] == "tokens"
    assert [row["match"] for row in plan["matches"]] == [axis for axis in AXES if axis != "money"]
    assert plan["trainings"][0]["what"] == "pre-training gpt" and plan["seconds"] > 0
    assert 0 <= plan["disk"]["missing_bytes"] < plan["disk"]["free_bytes"]
    assert "equal in" in shown and "the whole comparison" in shown and "TOO SMALL" not in shown


def test_a_plan_says_which_lead_could_be_shown(cli, project):
    shown = cli("plan", "my.toml", "--json").json["leads"]
    scores = read_record(Results, project / "runs" / "my" / "results.json").tasks
    assert [row["task"] for row in shown] == [task.name for task in scores]
    for row, task in zip(shown, scores, strict=True):
        [between_kinds, *_] = task.comparisons
        for name in ("examples", "seeds", "pretraining_seeds", "claims"):
            assert row[name] == getattr(between_kinds, name)
        assert (row["metric"], row["lead"] is None) == (task.metric, row["needed"] is None)
    assert "Smallest lead of GPT or BERT" in cli("plan", "my.toml").out


def test_a_text_is_continued(cli, feed, project):
    shown = cli("generate", "runs/my/gpt", "The cat", "--max-tokens", "5", "--temperature", "0")
    assert shown.out.startswith("The cat")
    feed(b"The cat\n")
    record = cli("generate", "runs/my/gpt", "-", "--max-tokens", "5", "--temperature", "0", "--json").json
    assert record["prompt"] + record["text"] == shown.out.removesuffix("\n")
    assert (record["tokens"], record["stopped_by"]) == (5, "max_tokens")
    full = cli("generate", "runs/my/gpt", "The cat", "--max-tokens", "99")
    assert full.err in (
        "",
        f"stopped after {32 - 1 - len_of(cli, 'The cat')} tokens: the model's maximum\n",
    )


@pytest.mark.parametrize("kind", presets.KINDS)
def test_texts_are_scored(cli, feed, project, kind):
    model = f"runs/my/{kind}"
    shown = cli("score", model, "The cat likes the dog.", "Soup.")
    assert [line.split("  ")[-1] for line in shown.out.splitlines()] == ["The cat likes the dog.", "Soup."]
    feed(b"The cat.\nThe dog.\n")
    records = [json.loads(line) for line in cli("score", model, "--json").out.splitlines()]
    assert [record["text"] for record in records] == ["The cat.", "The dog."]
    for record in records:
        each = [token["log_likelihood"] for token in record["tokens"]]
        assert sum(each) == pytest.approx(record["log_likelihood"])
        assert record["mean"] == pytest.approx(sum(each) / len(each))


def test_masks_are_filled(cli, feed, project):
    shown = cli("fill", "runs/my/bert", "The [MASK] likes the [MASK].", "--top-k", "2")
    assert re.fullmatch(r"The .*\.\n  \[MASK\] 1: .+ \d.*%, .+%\n  \[MASK\] 2: .+%, .+%\n", shown.out)
    feed(b"The [MASK]\n[MASK] cat\n")
    lines = cli("fill", "runs/my/bert", "--json").out.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["The [MASK]", "[MASK] cat"]
    assert len(json.loads(lines[0])["masks"][0]) == 5
    wrong = cli("fill", "runs/my/gpt", "The [MASK]")
    assert (wrong.code, "can't fill gaps; use generate" in wrong.err) == (4, True)


def test_texts_are_classified(cli, feed, project):
    shown = cli("classify", TRAINED, "The cat likes the dog.", "Soup.")
    assert [line.split("\t")[2] for line in shown.out.splitlines()] == ["The cat likes the dog.", "Soup."]
    feed(b"The cat likes the dog.\nSoup.\n")
    records = [json.loads(line) for line in cli("classify", TRAINED, "-", "--json").out.splitlines()]
    assert [record["class"] for record in records] == [line.split("\t")[0] for line in shown.out.splitlines()]
    assert all(set(record["probabilities"]) == {"animals", "food"} for record in records)
    wrong = cli("classify", "runs/my/bert", "x")
    assert (wrong.code, "fine-tune it first" in wrong.err) == (4, True)


def test_a_tokenizer_shows_how_it_cuts(cli, project):
    record = cli("tokenizer", "encode", "runs/my/gpt", "The cat é", "--json").json
    assert "".join(record["tokens"][:2]).startswith("The")
    by_folder = cli("tokenizer", "encode", "runs/my/tokenizers/byte-bpe", "The cat é", "--json").json
    assert by_folder["ids"] == record["ids"]
    assert cli("tokenizer", "encode", "runs/my/gpt", "The").out.startswith(f"{record['ids'][0]}\t'T")
    assert "with 300 tokens" in cli("tokenizer", "train", "my.toml").out


def test_one_kind_is_pre_trained_and_fine_tuned_by_options_alone(cli, unfinished):
    given = {
        "--corpus.train": "text.txt", "--tokenizer.vocab-size": 300, "--threads": 1, "--precision": "float32",
        "--model.max-length": 32, "--model.width": 16, "--model.heads": 2, "--model.layers": 1,
        "--pretrain.length": 32, "--finetune.max_length": 32,
    }  # fmt: skip
    of_pretraining = {
        "--pretrain.batch_sequences": 4, "--pretrain.validation_sequences": 8,
        "--budget.match": "tokens", "--budget.amount": 2000,
    }  # fmt: skip
    shared = [part for pair in given.items() for part in pair]
    options = [*shared, *(part for pair in of_pretraining.items() for part in pair)]
    kind = presets.KINDS[0]
    done = cli("pretrain", kind, *options, "--json")
    assert [row["model"] for row in done.json] == ["runs/text/gpt/model"]
    assert re.search(r"^pre-training GPT: 1 of \d+ steps, loss", done.err, re.MULTILINE)
    fresh = cli("pretrain", kind, *options, "--fresh")
    assert fresh.err.startswith("--fresh: removing runs/text/gpt\n")
    assert re.fullmatch(r"runs/text/gpt/model: \d+ steps, [\d,]+ tokens, validation loss [\d.]+\n", fresh.out)
    tuning = ["finetune", kind, *shared, "--finetune.epochs", "1", "--untrained"]
    tuning += ["--task.train", "labels.csv", "--task.name", "food"]
    tuned = cli(*tuning, "--json").json
    assert (tuned["task"], tuned["model"]) == ("food", "runs/text/tasks/food/gpt-scratch/seed-1/model")
    again = cli(*tuning, "--fresh")
    assert "--fresh: removing runs/text/tasks/food/gpt-scratch/seed-1\n" in again.err
    assert "validation accuracy" in again.out
    assert "there is no task to fine-tune on" in cli("finetune", kind, *options).err


def test_a_page_of_the_models_and_the_report_link_to_each_other(cli, project, tmp_path):
    from twinlm.cli.start.demo import add_page

    run = tmp_path / "my"
    shutil.copytree(project / "runs" / "my", run)
    assert "twins.html" not in (run / "report.html").read_text()
    done = cli("page", run, "--json").json
    assert (done["page"], done["models"]) == (f"{run}/twins.html", ["gpt", "bert", "topic/gpt", "topic/bert"])
    assert done["bytes"] == (run / "twins.html").stat().st_size
    assert '"report":"report.html"' in (run / "twins.html").read_text()
    for name, link in (("report.html", 'href="twins.html"'), ("report.md", "](twins.html)")):
        assert link in (run / name).read_text()
    assert cli("report", run).code == 0 and 'href="twins.html"' in (run / "report.html").read_text()
    assert cli("page", run, "--out", tmp_path / "other.html").code == 0
    assert '"report":""' in (tmp_path / "other.html").read_text()
    assert add_page(run) == f"Both models, to try on a sentence: {run}/twins.html"


def test_a_run_in_use_is_not_entered(cli, project):
    from twinlm.system import storage

    with storage.lock(project / "runs" / "my"):
        answer = cli("plan", "my.toml")
    assert (answer.code, "in use by process" in answer.err) == (7, True)


def test_data_that_can_not_be_used_is_named_with_its_line(cli, unfinished):
    (unfinished / "text.txt").write_bytes(b"fine\n\nnot \xff fine\n")
    answer = cli("plan", "my.toml", "--json")
    assert answer.code == 3
    assert re.match(r"error: text\.txt:3: ", answer.err)
    assert (answer.json["file"], answer.json["line"]) == ("text.txt", 3)


def test_a_signal_stops_in_order_and_the_same_command_goes_on(cli, unfinished):
    program = "import os; os.environ['OMP_NUM_THREADS'] = '1'; from twinlm.cli.main import main; main()"
    arguments = ["pretrain", presets.KINDS[0], "my.toml", "--json", "--budget.amount", "40000"]
    command = [sys.executable, "-c", program, *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=unfinished, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        for line in process.stderr:
            if line.startswith("pre-training GPT: "):
                break
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == json.loads(out)["exit_code"] == 75
    assert err.splitlines()[-1].startswith(
        "error: stopped by a signal; all work is saved; run the same command"
    )
    saved = sorted((unfinished / "runs" / "my" / "gpt" / "checkpoints").glob("step-*"))
    first = int(saved[-1].name.removeprefix("step-"))
    done = cli(*arguments)
    assert re.search(rf"^pre-training GPT: {first + 1:,} of ", done.err, re.MULTILINE)
    assert done.json[0]["step"] > first


def len_of(cli, text: str) -> int:
    return len(cli("tokenizer", "encode", "runs/my/gpt", text, "--json").json["ids"])
