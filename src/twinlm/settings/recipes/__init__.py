"""Settings files that come with the package: the papers' recipes and matched pairs, usable by name.

A comment gives the source of each value: a paper's section, its released code, a calculation from other
values, or "ours", a choice of this project.

    learning_rate = 2.5e-4  # GPT 4.1
    clip_norm = 1.0  # code: train.py

Each departure from the paper has lines of its own, `# deviation: ...`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from twinlm.errors import UsageError
from twinlm.settings.build import closest
from twinlm.settings.tree import Given, Tree, read_toml, shown, wrong

_FOLDER = Path(__file__).parent
_COMMENT = re.compile(r"^[^#=]+=[^#]*#\s*(.*?)\s*$")
_DEVIATION = "# deviation:"


@dataclass(frozen=True, slots=True)
class Notes:
    """Comments of a recipe or another settings file."""

    title: str
    """First line."""
    sources: dict[int, str]
    """Sources of the values by line, from 1."""
    deviations: list[str]
    """Departures from the paper."""


def names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def find(file: Path) -> Path:
    """Return the settings file of a path or a recipe's name; an existing file wins."""
    if file.is_file() or file.suffix or len(file.parts) != 1:
        return file
    if str(file) not in names():
        message = f"there is no settings file and no recipe {str(file)!r}"
        raise UsageError(message, hint=closest(str(file), names()))
    return _path(str(file))


def read_trees(file: Path) -> list[Tree]:
    """Return the trees of a settings file or recipe, after those of the recipes that it starts from."""
    return with_recipes(read_toml(find(file)))


def with_recipes(tree: Tree) -> list[Tree]:
    """Return a tree after those of the recipes that it starts from.

    `recipe = "bert-base-paper"` at the top of a file includes all settings of that recipe.
    """
    trees = [tree]
    while name := _recipe_of(trees[0]):
        trees.insert(0, read_toml(_path(name)))
    return trees


def read_notes(file: Path) -> Notes:
    """Return the comments of a settings file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comments = {number: _COMMENT.search(line) for number, line in enumerate(lines, 1)}
    deviations: list[str] = []
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith(_DEVIATION):
            deviations.append(line.removeprefix(_DEVIATION).strip())
        elif deviations and line.startswith("#   ") and before.startswith("#"):
            deviations[-1] += " " + line.lstrip("# ")
    return Notes(
        title=lines[0].lstrip("# ") if lines and lines[0].startswith("#") else "",
        sources={number: comment[1] for number, comment in comments.items() if comment},
        deviations=deviations,
    )


def _path(name: str) -> Path:
    return _FOLDER / f"{name}.toml"


def _recipe_of(tree: Tree) -> str:
    """Return the recipe that a tree starts from, empty for none, and remove it from the tree."""
    if (setting := tree.pop("recipe", None)) is None:
        return ""
    name = setting.value if isinstance(setting, Given) else dict(setting)
    if not isinstance(name, str) or name not in ("", *names()):
        raise wrong(setting, f"recipe can't be {shown(name)}", closest(str(name), names()))
    return name
