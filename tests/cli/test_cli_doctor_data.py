"""`twinlm doctor data`, beside `twinlm doctor`."""

from pathlib import Path

import pytest

SMALL = ["--tokenizer.vocab_size", "400", "--pretrain.length", "32"]


@pytest.fixture
def project(tmp_path, monkeypatch, write_project):
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, 120)
    rows = [f"words of their own {number * 7919 % 1000} here,{number % 2}" for number in range(60)]
    Path("labels.csv").write_text("\n".join(["text,label", *rows]))
    return ["--corpus.train", "text.txt", "--task", "labels.csv", *SMALL]


def test_healthy_data_gives_code_0_and_says_what_was_measured(cli, project):
    answer = cli("doctor", "data", *project)
    assert answer.code == 0
    assert answer.out.startswith("corpus\n  train\n    files: 1\n    documents: 120\n")
    assert "\n0 problems, " in answer.out
    assert "labels in train: " in answer.out
    assert " MiB of memory." in answer.out


def test_a_problem_gives_code_1_and_says_why_and_what_to_do(cli, project):
    Path("text.txt").write_bytes(Path("text.txt").read_bytes() + b"\n\nCaf\xe9.")
    answer = cli("doctor", "data", *project)
    assert answer.code == 1
    assert (
        "\nPROBLEM corpus.train: 1 lines hold bytes that are not UTF-8\n"
        "  why: the run would stop at the first\n"
        "  do: set encoding " in answer.out
    )


def test_json_is_all_facts_and_findings(cli, project):
    Path("text.txt").write_bytes(Path("text.txt").read_bytes() + b"\n\nCaf\xe9.")
    answer = cli("doctor", "data", *project, "--json")
    assert (answer.code, answer.json["ok"]) == (1, False)
    assert {*answer.json} == {"ok", "findings", "facts", "cost"}
    assert {*answer.json["findings"][0]} == {"level", "where", "message", "why", "hint", "examples"}
    assert answer.json["facts"]["corpus"]["train"]["documents"] == 121
    assert answer.json["cost"]["peak_memory_bytes"] > 0


def test_settings_from_a_file_and_a_run_of_its_own_name(cli, project):
    Path("my.toml").write_text('[corpus]\ntrain = ["text.txt"]\n[tokenizer]\nvocab_size = 400\n')
    trained = cli("tokenizer", "train", "my.toml")
    assert trained.code == 0
    answer = cli("doctor", "data", "my.toml", "--json")
    assert answer.json["facts"]["tokenizers"]["byte-bpe"]["from"] == "runs/my/tokenizers/byte-bpe/files"
    assert {path.name for path in Path("runs").iterdir()} == {"my"}


def test_mistakes_are_mistakes_as_everywhere(cli):
    assert cli("doctor", "data").code == 2
    assert "there is nothing to look at" in cli("doctor", "data").err
    answer = cli("doctor", "data", "--corpus.trian", "a.txt")
    assert answer.code == 2
    assert "did you mean" in answer.err


def test_a_missing_file_is_a_problem_and_no_traceback(cli):
    answer = cli("doctor", "data", "--corpus.train", "none.txt")
    assert answer.code == 1
    assert "PROBLEM corpus.train: none.txt: no such file" in answer.out


def test_help_says_what_the_codes_mean(cli):
    shown = cli("doctor", "data", "--help")
    assert shown.code == 0
    assert "Exit codes: 0 no problem" in shown.out
    assert all(len(line) <= 80 for line in shown.out.splitlines())
    assert "data" in cli("doctor", "--help").out
