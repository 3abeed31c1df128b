import re
import tomllib

import pytest

from twinlm.cli.start.config import starter
from twinlm.settings import presets


def test_a_new_file_says_everything_and_is_valid(cli, tmp_path):
    assert cli("config", "new", "my.toml").code == 0
    (tmp_path / "my-text.txt").write_text("Some text.")
    rows = [f"Text {number}.,{'ab'[number % 2]}" for number in range(40)]
    (tmp_path / "my-labels.csv").write_text("\n".join(["text,label", *rows]))
    assert cli("config", "check", "my.toml").out == "my.toml: fine, with 1 file of text and 1 task\n"
    assert all(len(line) <= 150 for line in starter().splitlines())


def test_every_commented_line_of_a_new_file_is_a_setting_with_its_default(tmp_path):
    path = tmp_path / "all.toml"
    path.write_text(re.sub(r"^# (\w+ = )", r"\1", starter(), flags=re.MULTILINE))
    every = presets.resolve(path, {})
    (tmp_path / "few.toml").write_text(starter())
    few = presets.resolve(tmp_path / "few.toml", {})
    assert (every.corpus, every.task, every.budget, every.gpt) == (few.corpus, few.task, few.budget, few.gpt)
    assert every.bert.model == few.bert.model


def test_a_file_is_not_overwritten(cli, tmp_path):
    (tmp_path / "my.toml").write_text("seed = 1")
    answer = cli("config", "new", "my.toml")
    assert (answer.code, answer.err) == (
        2,
        "error: my.toml: this file already exists; give another name, or remove it\n",
    )
    assert (tmp_path / "my.toml").read_text() == "seed = 1"


def test_checking_finds_missing_files(cli, tmp_path):
    (tmp_path / "my.toml").write_text('[corpus]\ntrain = "none.txt"\n')
    answer = cli("config", "check", "my.toml")
    assert answer.code == 3
    assert "none.txt" in answer.err
    (tmp_path / "my.toml").write_text('[[task]]\ntrain = "none.csv"\n')
    answer = cli("config", "check", "my.toml")
    assert answer.code == 2
    assert "there is no file 'none.csv' of labelled texts" in answer.err


@pytest.mark.parametrize(
    ("task", "labels", "said"),
    [
        ('kind = "similarity"', "text,label\nA river.,a\n", "'text_b'"),
        ('kind = "tagging"', "text,label\nA river.,a\n", "does not say what the file holds"),
        ("", "text,stars\nA river.,a\n", "'label'"),
        ("", "text,label\n", "the file has no rows"),
    ],
)
def test_checking_finds_labels_that_the_kind_of_task_can_not_use(cli, tmp_path, task, labels, said):
    (tmp_path / "labels.csv").write_text(labels)
    (tmp_path / "my.toml").write_text(f'[[task]]\ntrain = "labels.csv"\n{task}')
    answer = cli("config", "check", "my.toml")
    assert (answer.code, answer.out) == (3, "")
    assert "labels.csv" in answer.err and said in answer.err


@pytest.mark.parametrize(
    ("table", "code", "said"),
    [
        ('[[imported]]\nfolder = "nowhere"', 4, "there is no such folder"),
        ('[[arm]]\nname = "gpt"\nkind = "bert"', 2, "two arms have the name 'gpt'"),
        ('[quality]\npairs = "gone.csv"', 3, "gone.csv"),
    ],
)
def test_checking_finds_models_and_pairs_that_can_not_be_used(cli, tmp_path, table, code, said):
    (tmp_path / "my.toml").write_text(table)
    answer = cli("config", "check", "my.toml")
    assert (answer.code, said in answer.err) == (code, True), answer.err


def test_shown_settings_give_themselves_again(cli, tmp_path):
    (tmp_path / "my.toml").write_text('size = "mini"\n[pretrain]\nlength = 64\n')
    shown = cli("config", "show", "my.toml", "--seed", "7", "--bert.finetune.epochs=2")
    (tmp_path / "shown.toml").write_text(shown.out)
    settings = presets.resolve(tmp_path / "shown.toml", {})
    assert settings == presets.resolve(tmp_path / "my.toml", {"seed": "7", "bert.finetune.epochs": "2"})
    assert (settings.seed, settings.bert.finetune.epochs, settings.gpt.pretrain.length) == (7, 2, 64)
    assert cli("config", "show", "shown.toml", "--json").json == tomllib.loads(shown.out)


def test_settings_are_listed_and_searched(cli):
    assert "pretrain.length = 128\n    whole number, at least 8" in cli("config", "list").out
    found = cli("config", "list", "warmup", "--json").json
    assert [row["name"] for row in found] == [
        "pretrain.optimizer.warmup_share",
        "pretrain.optimizer.warmup_steps",
        "finetune.optimizer.warmup_share",
        "finetune.optimizer.warmup_steps",
    ]
    assert found[2]["default"] == {"gpt": 0.002, "bert": 0.1}
    assert cli("config", "list", "lenght").err.startswith("error: no setting contains 'lenght'")
