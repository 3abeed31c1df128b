"""The walks of docs/design.md go through functions that exist, and its rooms are those of the linter."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "twinlm"
PAGE = (ROOT / "docs" / "design.md").read_text()
BLOCKS = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
STEPS = [tuple(line.split()[:2]) for block in BLOCKS[1:] for line in block.splitlines()]
FILES = sorted(
    {
        (page.name, path)
        for page in [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
        for path in re.findall(r"`([\w./-]+\.py)`", page.read_text())
    }
)
QUOTED = re.findall(
    r"```python\n# (\S+\.py)\n(.*?)```", (ROOT / "docs" / "reading-order.md").read_text(), re.DOTALL
)
DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def names(tree: ast.Module) -> set[str]:
    """Return the functions and classes of a file, and "Class.name" of what classes hold."""
    found = {node.name for node in tree.body if isinstance(node, DEFINITIONS)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            inside = [part for part in node.body if isinstance(part, (*DEFINITIONS, ast.AnnAssign))]
            found |= {f"{node.name}.{getattr(part, 'name', None) or part.target.id}" for part in inside}
    return found


def test_there_are_five_walks():
    assert len(BLOCKS) == 6


@pytest.mark.parametrize(("file", "function"), STEPS)
def test_a_step_of_a_walk_is_a_function_of_its_file(file, function):
    assert function in names(ast.parse((PACKAGE / file).read_text()))


@pytest.mark.parametrize(("page", "file"), FILES)
def test_a_file_that_a_page_names_exists(page, file):
    folders = (ROOT, PACKAGE, ROOT / "src")
    is_beside_another = "/" not in file and any(path.name == file for path in PACKAGE.rglob("*.py"))
    assert is_beside_another or any((folder / file).is_file() for folder in folders), f"{page} names {file}"


def test_the_picture_has_the_rooms_in_the_order_of_their_imports():
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(row["layers"] for row in linter["contracts"] if row["containers"] == ["twinlm"])
    drawn = [re.split(r"\s{2,}", line)[0] for line in BLOCKS[0].splitlines() if not line.startswith(" ")]
    assert [line.removesuffix(".py") for line in drawn] == layers


@pytest.mark.parametrize(("file", "code"), QUOTED)
def test_quoted_code_is_that_of_its_file(file, code):
    lines = {line.strip() for line in (PACKAGE / file).read_text().splitlines()}
    assert {line.strip() for line in code.splitlines()} <= lines
