"""Nested settings from TOML files and `--a.b value` overrides into frozen dataclasses, strictly.

Every value keeps the place it was given at, so that an error can name file, line and value. Unknown keys
are never ignored. Which settings there are is said in `settings.py`.
"""

import dataclasses
import difflib
import math
import re
import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from twinlm.errors import UsageError

T = TypeVar("T")


_LARGEST_FILE = 2**18
_MOST_DOTS = 1000


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """A value and where it was given."""

    value: Any
    file: str | None = None
    line: int | None = None
    is_text: bool = False
    """It comes from the command line, as a string still to be read as the type that the setting has."""

    def __repr__(self) -> str:
        return repr(self.value)


class Tree(dict[str, Any]):
    """Nested tables whose leaves are `Given`, and where this table was given."""

    def __init__(
        self, items: Mapping[str, Any] | None = None, file: str | None = None, line: int | None = None
    ) -> None:
        super().__init__(items or {})
        self.file = file
        self.line = line


def option(
    default: Any, *, least: float | None = None, most: float | None = None, above: float | None = None
) -> Any:
    """Return a dataclass field with a default and the range that is allowed."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most, "above": above})


def read_toml(path: Path) -> Tree:
    """Return a TOML file as a tree.

    Raises:
        UsageError: the file can't be read, is not UTF-8 or not TOML.
    """
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
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else None
        raise UsageError(f"this is not TOML: {error}", file=path, line=line) from error


def given(table: Mapping[str, Any]) -> Tree:
    """Return a plain nested mapping, such as a preset, as a tree."""
    return Tree(_given(table, None, {}))


def read_overrides(overrides: Mapping[str, str]) -> Tree:
    """Return `{"pretrain.learning_rate": "3e-4"}` as a tree."""
    tree = Tree()
    for name, text in overrides.items():
        tables = name.replace("-", "_").split(".")
        given: Any = Given(text, f"--{name}", is_text=True)
        for table in reversed(tables):
            given = Tree({table: given}, f"--{name}")
        tree = merge(tree, given)
    return tree


def merge(*trees: Tree) -> Tree:
    """Return the union of trees; a later one wins, table by table.

    Raises:
        UsageError: one has a table where another has a value.
    """
    merged = Tree()
    for tree in trees:
        if tree.file:
            merged.file, merged.line = tree.file, tree.line
        for key, value in tree.items():
            before = merged.get(key, value)
            if isinstance(before, Tree) and isinstance(value, Tree):
                merged[key] = merge(before, value)
            elif isinstance(before, Tree) or isinstance(value, Tree):
                raise _mixed(key, before, value)
            else:
                merged[key] = value
    return merged


def build(kind: type[T], tree: Tree, path: tuple[str, ...] = ()) -> T:
    """Return the dataclass `kind` with what `tree` gives and defaults for the rest.

    Raises:
        UsageError: an unknown key, a wrong type, or a value out of range, with the place it was given at.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    check_names(tree, fields, path)
    values = {
        key: _convert(value, hints[key], fields[key].metadata, (*path, key)) for key, value in tree.items()
    }
    try:
        return kind(**values)
    except UsageError as error:  # a rule between values knows neither table nor file
        raise _wrong(tree, f"{_table(path)}{error.message}", error.hint) from error


def check_names(tree: Tree, names: Iterable[str], path: tuple[str, ...] = ()) -> None:
    """Check that a table has no other keys than `names`.

    Raises:
        UsageError: it has; with the name that was probably meant.
    """
    names = list(names)
    for key, value in tree.items():
        if key not in names:
            raise _wrong(value, f"{_table(path)}{_shown(key)} is not a setting", closest(key, names))


def closest(word: str, words: Iterable[str]) -> str:
    """Return "did you mean ...?" with the most alike of `words`, or a list of them if none is alike."""
    words = list(words)
    alike = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"did you mean {alike[0]!r}?" if alike else "there are: " + ", ".join(words)


def plain(value: Any) -> Any:
    """Return nested dataclasses as nested dictionaries and lists, as TOML and JSON hold them."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _check_sane(text: str, path: Path) -> None:
    """Refuse what keeps Python's TOML reader busy for minutes: a key of n parts costs it n * n."""
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
    if isinstance(table, Mapping):
        items = {key: _given(value, file, lines, (*path, key)) for key, value in table.items()}
        return Tree(items, file, lines.get(path))
    if isinstance(table, list | tuple):
        rows = [
            _given(item, file, lines, (*path, str(number))) if isinstance(item, Mapping) else item
            for number, item in enumerate(table)
        ]
        return Given(rows, file, lines.get(path))
    return Given(table, file, lines.get(path))


def _lines_of_keys(text: str) -> dict[tuple[str, ...], int]:
    """Return the line on which each key stands; a good guess that only error messages use."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    rows: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if found := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?", line):
            table = tuple(part.strip().strip("\"'") for part in found[1].split("."))
            if line.lstrip().startswith("[["):
                rows[table] = rows.get(table, -1) + 1
                table = (*table, str(rows[table]))
            lines.setdefault(table, number)
        elif found := re.match(r"\s*([\w.\-\"']+)\s*=", line):
            keys = tuple(part.strip("\"'") for part in found[1].split("."))
            for depth in range(len(keys)):
                lines.setdefault((*table, *keys[: depth + 1]), number)
    return lines


def _mixed(key: str, before: Any, value: Any) -> UsageError:
    """Return the error for a key that is a table in one place and a value in another."""
    table, single = (before, value) if isinstance(before, Tree) else (value, before)
    message = f"{_shown(key)} can't be both a table of settings and the value {_shown(single.value)}"
    return _wrong(single, message, f"the table stands in {table.file}" if table.file else "it is a table")


def _wrong(place: Given | Tree, message: str, hint: str = "") -> UsageError:
    return UsageError(message, file=place.file, line=place.line, hint=hint)


def _table(path: tuple[str, ...]) -> str:
    return f"[{'.'.join(path)}] " if path else ""


def _shown(value: Any) -> str:
    """Return a value as error messages show it, shortened."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        text = "a number of thousands of digits"
    return text if len(text) <= 100 else text[:100] + "..."


def _convert(value: Any, hint: Any, limits: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    name = ".".join(path)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Tree):
            message = f"{name} is a table of settings, not the value {_shown(value.value)}"
            raise _wrong(value, message, f"write [{name}]")
        return build(typing.cast(type, hint), value, path)
    item = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else None
    if isinstance(value, Tree):
        several = item is not None and dataclasses.is_dataclass(item)
        message = f"{name} is {'a list of tables' if several else 'one value'}, not a table of settings"
        raise _wrong(value, message, f"write [[{name}]]" if several else f"write {path[-1]} = ...")
    if item is not None:
        return _convert_row(value, item, limits, path)
    converted = _convert_one(value, hint, name)
    _check_range(converted, limits, value, name)
    return converted


def _convert_row(
    value: Given, hint: Any, limits: Mapping[str, Any], path: tuple[str, ...]
) -> tuple[Any, ...]:
    items, is_text = value.value, value.is_text
    if is_text:
        items = _read_text(items, tuple)
        is_text = not isinstance(items, list)  # else TOML's brackets and quotes: its items have types
        items = items if isinstance(items, list) else value.value.split(",")
        items = [item.strip() for item in items if item.strip()] if is_text else items
    if isinstance(items, str | int | float) and not isinstance(items, bool):
        items = [items]
    if not isinstance(items, list):
        raise _wrong(value, f"{'.'.join(path)} is a list, not {_shown(items)}")
    rows = [
        item if isinstance(item, Tree) else Given(item, value.file, value.line, is_text) for item in items
    ]
    return tuple(_convert(row, hint, limits, (*path, str(number))) for number, row in enumerate(rows))


def _convert_one(value: Given, hint: Any, name: str) -> Any:
    raw = _read_text(value.value, hint) if value.is_text else value.value
    if typing.get_origin(hint) is Literal:
        if raw not in typing.get_args(hint):
            hint_text = closest(_shown(raw), typing.get_args(hint))
            raise _wrong(value, f"{name} can't be {_shown(raw)}", hint_text)
        return raw
    if hint is int and type(raw) is float and raw.is_integer():
        raw = int(raw)
    if type(raw) is int and abs(raw) >= 2**63:
        raise _wrong(value, f"{name} can't be {_shown(raw)}: 64 bits can't hold it")
    if hint is float and type(raw) is int:
        raw = float(raw)
    if type(raw) is not hint:
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        raise _wrong(value, f"{name} must be {words[hint]}, not {_shown(raw)}")
    if isinstance(raw, float) and not math.isfinite(raw):
        raise _wrong(value, f"{name} must be finite, not {raw}")
    if isinstance(raw, str) and (found := re.search("[\0\ud800-\udfff]", raw)):
        raise _wrong(value, f"{name} must be text, but it has the character {found[0]!r}")
    return raw


def _read_text(text: str, hint: Any) -> Any:
    """Read a command line value as TOML would, unless a text is wanted."""
    if hint is str or typing.get_origin(hint) is Literal:
        return text
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except (ValueError, RecursionError):
        return text


def _check_range(value: Any, limits: Mapping[str, Any], place: Given, name: str) -> None:
    least, most, above = limits.get("least"), limits.get("most"), limits.get("above")
    if least is not None and value < least:
        raise _wrong(place, f"{name} must be at least {least}, not {value}")
    if above is not None and value <= above:
        raise _wrong(place, f"{name} must be above {above}, not {value}")
    if most is not None and value > most:
        raise _wrong(place, f"{name} must be at most {most}, not {value}")
