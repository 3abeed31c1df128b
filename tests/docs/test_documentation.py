"""Command lines and Python lines of the pages, and of the commands' own examples, exist.

They are parsed, not run: `tests/cli` and `tests/use` run each command and function.
"""

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import twinlm
from twinlm.cli import main, options, settings_table
from twinlm.settings import recipes

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
MOST_LINES_OF_THE_README = 150
_COMMAND = re.compile(r"(?:^|\| )(twinlm .+)")
_PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def _blocks(page: Path) -> str:
    """Return the code blocks of a page that name no language: commands."""
    return "\n".join(re.findall(r"^```\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))


def _texts() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        yield page.name, _blocks(page)
    pending = [command for commands in main.GROUPS.values() for command in commands]
    for command in pending:
        pending += command.parts
        yield command.name, re.sub(r"(?m)^ {2}", "", command.texts()[1] or "")
    yield "twinlm --help", re.sub(r"(?m)^ {2}|  +.*", "", main._EPILOGUE)


def _commands() -> list[str]:
    lines = [line for _, text in _texts() for line in text.splitlines()]
    commands = [match[1] for line in lines if (match := _COMMAND.search(line))]
    return sorted({command for command in commands if not command.endswith(" COMMAND")})


def _arguments(command: str) -> list[str]:
    """Return the arguments of a command line, without the shell's own."""
    without_remark = re.sub(r" +\([^()]+\)$", "", command)
    words = shlex.split(without_remark, comments=True)[1:]
    ends = [number for number, word in enumerate(words) if word in ("<", ">", "|")]
    return words[: min(ends, default=len(words))]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= MOST_LINES_OF_THE_README


def test_there_are_commands_to_look_at() -> None:
    assert len(_commands()) > 60


@pytest.mark.parametrize("command", _commands())
def test_a_command_line_is_one_that_twinlm_takes(command: str) -> None:
    arguments = main.prepare(_arguments(command))
    called, bound, *_ = main.build_app().parse_args(arguments, exit_on_error=False, print_error=False)
    for parameter in inspect.signature(called).parameters.values():
        value = bound.arguments.get(parameter.name)
        if parameter.kind is parameter.VAR_KEYWORD:
            names = {name.replace("/", ".") for name in value or {}}
            options.check_option_names(dict.fromkeys(names, ""))
            assert {re.sub(r"^(gpt|bert)\.", "", name) for name in names} <= set(settings_table.names())
        if parameter.name in ("file", "recipe") and isinstance(value, Path):
            recipes.find(value)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_a_sentence_names_exist(page: Path) -> None:
    known = {name for name in main.build_app() if not name.startswith("-")}
    named = set(re.findall(r"`twinlm\s+([a-z-]+)", page.read_text()))
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_lines_use_what_the_package_offers(page: Path) -> None:
    for block in _PYTHON.findall(page.read_text()):
        for node in ast.walk(ast.parse(block)):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "twinlm"
            ):
                assert node.attr in twinlm.__all__, node.attr
                assert hasattr(twinlm, node.attr)
