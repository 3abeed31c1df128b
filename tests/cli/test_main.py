import json
import os
import resource
import subprocess
import sys

import pytest

import twinlm
from twinlm.cli.main import _PARTS, prepare

COMMAND = [sys.executable, "-c", "from twinlm.cli.main import main; main()"]
HEAVY = ["torch", "numpy", "scipy", "sklearn", "tokenizers", "pyarrow", "jinja2"]


def test_help_appears_at_once():
    before_s = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*COMMAND, "demo", "--help"], capture_output=True, check=True)
    after_s = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after_s.ru_utime + after_s.ru_stime - before_s.ru_utime - before_s.ru_stime < 0.5


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from twinlm.cli.main import run; "
        "assert run(['--help']) == run(['demo', '--help']) == run(['config', 'list']) == 0; "
        f"print('HEAVY', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("HEAVY []\n")
    assert "Usage: twinlm demo" in done.stdout


def test_the_version_is_shown(cli):
    assert cli("--version").out == twinlm.__version__ + "\n"


@pytest.mark.parametrize("name", [getattr(part, "NAME", part.__name__.rpartition(".")[2]) for part in _PARTS])
def test_every_command_has_help_with_examples_that_fit_a_terminal(cli, name):
    shown = cli(name, "--help")
    assert shown.code == 0
    assert f"\nExamples:\n  twinlm {name}" in shown.out
    assert all(len(line) <= 80 for line in shown.out.splitlines())


def test_without_a_command_help_is_shown(cli):
    assert cli() == cli("--help")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["comapre"], 'error: unknown command "comapre"; did you mean "compare"?'),
        (["config", "lst"], 'error: unknown command "lst"; did you mean "list"?'),
        (
            ["generate", "m", "--max-tokns", "3"],
            "error: unknown option: --max-tokns; did you mean --max-tokens?",
        ),
        (
            ["generate", "m", "--max-tokens", "x"],
            'error: invalid value for --max-tokens: unable to convert "x" into int',
        ),
        (["generate"], 'error: command "generate" parameter MODEL requires an argument; --help shows what'),
        (["plan", "a.toml", "b.toml"], "error: too many arguments: b.toml; --help shows what"),
        (
            ["plan", "--pretrain.length"],
            'error: command "plan" parameter --pretrain.length requires an argument',
        ),
        (["pretrain", "gtp"], "error: there is no kind of model 'gtp'; did you mean 'gpt'?"),
        (["compare", "--ot", "x"], "error: --ot is neither an option nor a setting; did you mean 'out'?"),
        (
            ["compare", "--learning-rate", "1"],
            "did you mean --pretrain.optimizer.learning_rate or --finetune.",
        ),
        (["compare", "--pretrain.lenght", "8"], "'lenght' is not a setting; did you mean 'length'?"),
        (
            ["compare", "--model.width", "wide"],
            "error: --model.width: gpt.model.width must be a whole number",
        ),
        (["compare", "--size", "tinny"], "error: --size: size can't be 'tinny'; did you mean 'tiny'?"),
        (["compare", "none.toml"], "error: none.toml: there is no such settings file"),
        (["report", "."], "error: .: there is no results.json here; give the folder of a comparison"),
    ],
)
def test_a_mistake_is_answered_in_one_line_with_code_2(cli, arguments, wanted):
    answer = cli(*arguments)
    assert wanted in answer.err
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)


def test_an_error_names_file_and_line_also_as_json(cli, tmp_path):
    (tmp_path / "my.toml").write_text('size = "tiny"\n[pretrain]\nlenght = 3\n')
    answer = cli("compare", "my.toml", "--json")
    assert answer.code == 2
    assert (
        answer.err == "error: my.toml:3: [gpt.pretrain] 'lenght' is not a setting; did you mean 'length'?\n"
    )
    assert answer.json == {
        "error": "[gpt.pretrain] 'lenght' is not a setting",
        "file": "my.toml",
        "line": 3,
        "hint": "did you mean 'length'?",
        "exit_code": 2,
    }


def test_arguments_keep_their_meaning_when_prepared():
    assert prepare(["compare", "--pretrain.length=6.5", "a.toml", "--x", "--debug"]) == [
        "compare", "--pretrain/length=6.5", "a.toml", "--x",
    ]  # fmt: skip
    assert prepare(["fill", "m", "-", "--json"]) == ["fill", "m", "--json"]
    assert prepare(["fill", "m", "--", "--a.b", "-"]) == ["fill", "m", "--", "--a.b", "-"]


def test_the_program_exits_with_the_code_and_writes_where_it_should(tmp_path):
    done = subprocess.run(
        [*COMMAND, "generate", "nowhere", "x", "--json"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 4
    assert json.loads(done.stdout)["exit_code"] == 4
    assert done.stderr.startswith("error: nowhere: there is no such folder")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    reading, writing = os.pipe()
    with subprocess.Popen(
        [*COMMAND, "config", "list"], stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        os.close(reading)
        os.close(writing)
        assert process.communicate()[1] == b""
    assert process.returncode == 0
