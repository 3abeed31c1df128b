import json
import os
import re
import resource
import subprocess
import sys

import pytest

import twinlm
from twinlm.cli.command import Command
from twinlm.cli.main import GROUPS, prepare
from twinlm.errors import UserError

COMMAND = [sys.executable, "-c", "from twinlm.cli.main import main; main()"]
HEAVY = ["torch", "numpy", "scipy", "sklearn", "tokenizers", "pyarrow", "jinja2"]
# Each takes as long as all else together, or nearly so, and no answer needs it.
SLOW = ["torch._dynamo", "torch._inductor", "sympy", "scipy", "sklearn", "pyarrow", "jinja2", "transformers"]


def test_help_appears_at_once():
    times_s = []
    for _ in range(5):  # the fastest counts: beside another busy process the same work takes longer
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*COMMAND, "demo", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times_s) < 0.5


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from twinlm.cli.main import run; "
        "assert run(['--help']) == run(['demo', '--help']) == run(['config', 'list']) == 0; "
        f"print('HEAVY', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("HEAVY []\n")
    assert "Usage: twinlm demo" in done.stdout


def test_an_answer_imports_no_compiler_and_nothing_for_statistics(models):
    asked = [
        ["generate", f"{models}/gpt", "The", "--max-tokens", "2"],
        ["generate", f"{models}/gpt", "The", "--max-tokens", "2", "--beams", "2"],
        ["score", f"{models}/gpt", "The cat"],
        ["rank", f"{models}/gpt", "The", "cat", "dog"],
        ["embed", f"{models}/bert", "The cat"],
        ["fill", f"{models}/bert", "The [MASK]"],
        ["follows", f"{models}/bert", "The cat", "The dog"],
        ["classify", f"{models}/gpt", "The cat"],  # refused, as it knows no task, once all is imported
    ]
    program = (
        "import sys; from twinlm.cli.main import run; "
        f"print('CODES', [run(each) for each in {asked}]); "
        f"print('SLOW', [name for name in {SLOW} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "CODES [0, 0, 0, 0, 0, 0, 0, 4]" in done.stdout, done.stderr
    assert done.stdout.endswith("SLOW []\n")


def test_the_version_is_shown(cli):
    assert cli("--version").out == twinlm.__version__ + "\n"


def paths(commands, *above: str) -> list[tuple[str, ...]]:
    return [
        path
        for command in commands
        for path in ((*above, command.name), *paths(command.parts, *above, command.name))
    ]


COMMANDS = [command for commands in GROUPS.values() for command in commands]


@pytest.mark.parametrize("path", paths(COMMANDS), ids=" ".join)
def test_the_help_of_every_command_teaches_it_and_fits_a_terminal(cli, path):
    shown = cli(*path, "--help")
    assert shown.code == 0
    usage, _, summary, _, *_ = lines = shown.out.splitlines()
    assert usage.startswith(f"Usage: twinlm {' '.join(path)}")
    assert re.fullmatch(r"[A-Z].*\.", summary)
    assert shown.out.count(f"\nExamples:\n  twinlm {path[0]}") == 1
    examples = shown.out.partition("\nExamples:\n")[2].partition("\n\nNext:\n")[0]
    assert examples.count("twinlm ") >= 2
    assert re.search(r"\nNext:\n  twinlm \w+", shown.out)
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_says_when_to_use_it(cli, command: Command):
    assert "\nUse it " in cli(command.name, "--help").out


def test_the_overview_shows_every_command_in_its_group_on_one_screen(cli):
    lines = cli("--help").out.splitlines()
    assert len(lines) <= 50
    assert max(map(len, lines)) <= 80
    shown = [match for line in lines if (match := re.fullmatch(r"(.{10})  (\w+) +[A-Z].*\. *", line))]
    titles = [match[1].strip() for match in shown if match[1].strip()]
    assert titles == list(GROUPS) == ["Start here", "Train", "Compare", "Use", "Look into", "Exchange"]
    assert [match[2] for match in shown] == [command.name for command in COMMANDS]
    assert len(COMMANDS) == 32


def test_a_command_stands_in_the_folder_of_its_group():
    folders = {
        title: {command.source.__module__.split(".")[2] for command in commands if callable(command.source)}
        for title, commands in GROUPS.items()
    }
    assert folders == {title: {title.lower().split()[0]} for title in GROUPS}


def test_the_overview_names_every_exit_code(cli):
    def codes(error):
        return {error.exit_code}.union(*map(codes, error.__subclasses__()))

    said = {int(code) for code in re.findall(r"\b\d+\b", cli("--help").out.partition("Exit codes:")[2])}
    assert said == codes(UserError) | {0, 70}


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
        (
            ["report", "."],
            "error: .: there is no results.json here; give the folder of a finished comparison",
        ),
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
    assert prepare(["fill", "m", "-", "--json"]) == ["fill", "m", "-", "--json"]
    assert prepare(["fill", "m", "--", "--a.b", "-"]) == ["fill", "m", "--", "--a.b", "-"]


def test_the_program_exits_with_the_code_and_writes_where_it_should(tmp_path):
    done = subprocess.run(
        [*COMMAND, "plan", "nowhere.toml", "--json"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert json.loads(done.stdout)["exit_code"] == 2
    assert done.stderr.startswith("error: nowhere.toml: ")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    reading, writing = os.pipe()
    with subprocess.Popen(
        [*COMMAND, "config", "list"], stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        os.close(reading)
        os.close(writing)
        assert process.communicate()[1] == b""
    assert process.returncode == 0


def test_what_follows_two_dashes_is_no_option(cli):
    said = cli("score", "nowhere", "--", "--json", "--debug")
    assert said.code != 0 and said.out == "" and "Traceback" not in said.err
