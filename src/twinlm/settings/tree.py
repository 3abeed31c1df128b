"""Settings files, overrides and presets as trees of values, each with the file and line that gave it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinlm.errors import UsageError

_LARGEST_FILE = 2**18
_MOST_DOTS = 1000
_DEEPEST = 8
_MOST_NESTED = 64


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """A value and its origin."""

    value: Any
    """Value, from TOML or the command line."""
    file: str | None = None
    """File or option that gave it."""
    line: int | None = None
    """Line in the file, from 1."""
    is_text: bool = False
    """Whether it is a string of the command line, still to be read as the setting's type."""

    def __repr__(self) -> str:
        return repr(self.value)


class Tree(dict[str, Any]):
    """Nested tables whose leaves are `Given`, and the origin of this table."""

    def __init__(
        self, items: Mapping[str, Any] | None = None, file: str | None = None, line: int | None = None
    ) -> None:
        super().__init__(items or {})
        self.file = file
        self.line = line


def read_toml(path: Path) -> Tree:
    """Return a TOML file as a tree."""
    try:
        data = path.read_bytes()
        text = data.decode().removeprefix("\ufeff")  # some editors begin every file with a byte order mark
        _check_sane(text, path)
        table = tomllib.loads(text)
        return Tree(_given(table, str(path), _lines_of_keys(text)), str(path))
    except FileNotFoundError as error:
        raise UsageError("there is no such settings file", file=path) from error
    except OSError as error:
        raise UsageError(f"can't read the settings: {error.strerror}", file=path) from error
    except UnicodeDecodeError as error:
        message = f"byte {error.start} (0x{data[error.start]:02x}) is not UTF-8"
        line, hint = data.count(b"\n", 0, error.start) + 1, "TOML files are UTF-8: save the file as UTF-8"
        raise UsageError(message, file=path, line=line, hint=hint) from error
    except RecursionError as error:
        raise UsageError("tables or lists are nested too deeply", file=path) from error
    except ValueError as error:  # TOMLDecodeError, or a number of too many digits
        match = re.search(r"\(at line (\d+)", str(error))
        at = int(match[1]) if match else None
        if "at end of document" in str(error):
            at = text.rstrip().count("\n") + 1
        raise UsageError(f"this is not TOML: {error}", file=path, line=at) from error


def given(table: Mapping[str, Any]) -> Tree:
    """Return a plain nested mapping, such as a preset, as a tree."""
    return Tree(_given(table, None, {}))


def read_overrides(overrides: Mapping[str, str]) -> Tree:
    """Return `{"pretrain.learning_rate": "3e-4"}` as a tree."""
    tree = Tree()
    for name, text in overrides.items():
        tables = name.replace("-", "_").split(".")
        if len(tables) > _DEEPEST:
            raise UsageError(f"--{shown(name)} is not a setting: it has {len(tables):,} parts")
        value: Any = Given(text, f"--{name}", is_text=True)
        for table in reversed(tables):
            value = Tree({table: value}, f"--{name}")
        tree = merge(tree, value)
    return tree


def merge(*trees: Tree) -> Tree:
    """Return the union of trees; a later one wins, table by table."""
    merged = Tree()
    for tree in trees:
        if tree.file:
            merged.file, merged.line = tree.file, tree.line
        for key, value in tree.items():
            before = merged.get(key)
            if before is not None and isinstance(before, Tree) != isinstance(value, Tree):
                raise _mixed(key, before, value)
            # A new table is not merged with itself: that would double the work at each level.
            tables = [table for table in (before, value) if isinstance(table, Tree)]
            merged[key] = merge(*tables) if tables else value
    return merged


def wrong(origin: Given | Tree, message: str, hint: str = "") -> UsageError:
    """Return an error that names the file and line of a value or table."""
    return UsageError(message, file=origin.file, line=origin.line, hint=hint)


def shown(value: Any) -> str:
    """Return a value as error messages show it, at most 100 characters."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        text = "a number of thousands of digits"
    return text if len(text) <= 100 else text[:100] + "..."


def _check_sane(text: str, path: Path) -> None:
    # A key of n parts costs Python's TOML reader n * n steps: minutes, without these limits.
    if len(text) > _LARGEST_FILE:
        message = f"the file has {len(text):,} characters, more than the {_LARGEST_FILE:,} allowed"
        raise UsageError(message, file=path)
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MOST_DOTS:
            message = f"the line has {line.count('.'):,} dots, more than the {_MOST_DOTS:,} allowed"
            raise UsageError(message, file=path, line=number, hint="use several lines")


def _given(
    table: Any, file: str | None, lines: Mapping[tuple[str, ...], int], path: tuple[str, ...] = ()
) -> Any:
    if len(path) > _MOST_NESTED:
        raise RecursionError
    if isinstance(table, Given):  # an option for a row of a list
        return table
    line = lines.get(path, lines.get(path[:-1]))
    if isinstance(table, Mapping):
        items = {key: _given(value, file, lines, (*path, key)) for key, value in table.items()}
        return Tree(items, file, line)
    if isinstance(table, list | tuple):
        rows = [
            _given(item, file, lines, (*path, str(number))) if isinstance(item, Mapping) else item
            for number, item in enumerate(table)
        ]
        return Given(rows, file, line)
    return Given(table, file, line)


def _lines_of_keys(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each key; a good guess, which only error messages use."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    rows: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$", line):
            table = tuple(part.strip().strip("\"'") for part in header[1].split(".")[:_DEEPEST])
            if line.lstrip().startswith("[["):
                rows[table] = rows.get(table, -1) + 1
                table = (*table, str(rows[table]))
            for depth in range(len(table)):
                lines.setdefault(table[: depth + 1], number)
        elif setting := re.match(r"\s*([\w.\-\"']+)\s*=", line):
            keys = tuple(part.strip("\"'") for part in setting[1].split("."))
            for depth in range(min(_DEEPEST, len(keys))):
                lines.setdefault((*table, *keys[: depth + 1]), number)
    return lines


def _mixed(key: str, before: Any, value: Any) -> UsageError:
    single = value if isinstance(value, Given) else before
    message = f"{shown(key)} can't be both a table of settings and the value {shown(single.value)}"
    origin, other = (value, before) if value.file else (before, value)
    return wrong(origin, message, f"see also {other.file}" if other.file else "")
