"""Settings files that come with the package: the papers' recipes and matched pairs, usable by name.

Every value in a recipe says where it is from, in a comment behind it: a paper's section, its released code, a
calculation from other values, or "ours", a choice of this project.

    learning_rate = 2.5e-4  # GPT 4.1
    clip_norm = 1.0  # code: train.py

Each departure from the paper stands in lines of its own, `# deviation: ...`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from twinlm.errors import UsageError
from twinlm.settings import build
from twinlm.settings.tree import Given, Tree, shown, wrong

_FOLDER = Path(__file__).parent
_COMMENT = re.compile(r"^[^#=]+=[^#]*#\s*(.*?)\s*$")
_DEVIATION = "# deviation:"


@dataclass(frozen=True, slots=True)
class Notes:
    """What the comments of a recipe, or of another settings file, say."""

    title: str
    """Its first line."""
    sources: dict[int, str]
    """Where the value of a line is from, by the number of the line, from 1."""
    deviations: list[str]
    """How it departs from the paper."""


def names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def find(file: Path) -> Path:
    """Return the settings file that a path or the name of a recipe stands for; a file that exists wins.

    Raises:
        UsageError: a name without an ending is neither a file nor a recipe.
    """
    if file.is_file() or file.suffix or len(file.parts) != 1:
        return file
    if str(file) not in names():
        message = f"there is no settings file and no recipe {str(file)!r}"
        raise UsageError(message, hint=build.closest(str(file), names()))
    return _place(str(file))


def read_trees(file: Path) -> list[Tree]:
    """Return what a settings file or recipe gives, after what the recipe gives that it begins with.

    `recipe = "bert-base-paper"` at the top of a file stands for all that is in that recipe.

    Raises:
        UsageError: there is no such file or recipe, or it can't be read.
    """
    trees = [build.read_toml(find(file))]
    while "recipe" in trees[0]:
        trees.insert(0, build.read_toml(_place(_recipe_of(trees[0]))))
    return trees


def read_notes(file: Path) -> Notes:
    """Return what the comments of a settings file say."""
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
        sources={number: found[1] for number, found in comments.items() if found},
        deviations=deviations,
    )


def _place(name: str) -> Path:
    return _FOLDER / f"{name}.toml"


def _recipe_of(tree: Tree) -> str:
    """Take out of a file's tree the name of the recipe that it begins with."""
    place = tree.pop("recipe")
    name = place.value if isinstance(place, Given) else dict(place)
    if not isinstance(name, str) or name not in names():
        raise wrong(place, f"recipe can't be {shown(name)}", build.closest(str(name), names()))
    return name
