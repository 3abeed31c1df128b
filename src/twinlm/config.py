"""Nested settings from TOML files and `--a.b value` overrides into frozen dataclasses, strictly.

Every value keeps the place it was given at, so that an error can name file, line and value. Unknown keys
are never ignored. Which settings there are is said in `settings.py`.
"""

import dataclasses
import difflib
import math
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from twinlm.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Given:
    """A value and where it was given."""

    value: Any
    file: str | None = None
    line: int | None = None
    is_text: bool = False
    """It comes from the command line, as a string still to be read as the type that the setting has."""


Tree = dict[str, Any]
"""Nested tables whose leaves are `Given`."""


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
        text = path.read_bytes().decode()
        table = tomllib.loads(text)
    except FileNotFoundError as error:
        raise UsageError("there is no such settings file", file=path) from error
    except OSError as error:
        raise UsageError(f"can't read the settings: {error.strerror}", file=path) from error
    except UnicodeDecodeError as error:
        message = f"byte {error.start} (0x{error.object[error.start]:02x}) is not UTF-8"
        raise UsageError(message, file=path, hint="TOML files are UTF-8: save the file as UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else None
        raise UsageError(f"this is not TOML: {error}", file=path, line=line) from error
    return _given(table, str(path), _lines_of_keys(text))


def given(table: Mapping[str, Any]) -> Tree:
    """Return a plain nested mapping, such as a preset, as a tree."""
    return _given(table, None, {})


def read_overrides(overrides: Mapping[str, str]) -> Tree:
    """Return `{"pretrain.learning_rate": "3e-4"}` as a tree."""
    tree: Tree = {}
    for name, text in overrides.items():
        *tables, key = name.replace("-", "_").split(".")
        place = tree
        for table in tables:
            place = place.setdefault(table, {})
            if not isinstance(place, dict):
                raise UsageError(f"--{name} sets a part of a value that another override sets whole")
        place[key] = Given(text, f"--{name}", is_text=True)
    return tree


def merge(*trees: Tree) -> Tree:
    """Return the union of trees; a later one wins, table by table."""
    merged: Tree = {}
    for tree in trees:
        for key, value in tree.items():
            before = merged.get(key)
            both = isinstance(before, dict) and isinstance(value, dict)
            merged[key] = merge(before, value) if both else value
    return merged


def build(kind: type[T], tree: Tree, path: tuple[str, ...] = ()) -> T:
    """Return the dataclass `kind` with what `tree` gives and defaults for the rest.

    Raises:
        UsageError: an unknown key, a wrong type, or a value out of range, with the place it was given at.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {}
    for key, value in tree.items():
        if key not in fields:
            raise _unknown(key, value, path, fields)
        values[key] = _convert(value, hints[key], fields[key].metadata, (*path, key))
    return kind(**values)


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


def _given(table: Any, file: str | None, lines: Mapping[tuple[str, ...], int], path: tuple[str, ...] = ()) -> Any:
    if isinstance(table, Mapping):
        return {key: _given(value, file, lines, (*path, key)) for key, value in table.items()}
    if isinstance(table, list) and table and all(isinstance(item, dict) for item in table):
        rows = [_given(item, file, lines, (*path, str(number))) for number, item in enumerate(table)]
        return Given(rows, file, lines.get(path))
    return Given(table, file, lines.get(path))


def _lines_of_keys(text: str) -> dict[tuple[str, ...], int]:
    """Return the line on which each key stands; a good guess that only error messages use."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    rows: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
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


def _unknown(key: str, value: Any, path: tuple[str, ...], names: Iterable[str]) -> UsageError:
    leaf = _first_leaf(value)
    where = f"[{'.'.join(path)}] " if path else ""
    return UsageError(f"{where}{key!r} is not a setting", file=leaf.file, line=leaf.line, hint=closest(key, names))


def _first_leaf(value: Any) -> Given:
    while isinstance(value, dict):
        value = next(iter(value.values()), Given(None))
    return typing.cast(Given, value)


def _convert(value: Any, hint: Any, limits: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    name = ".".join(path)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            message = f"{name} is a table of settings, not the value {value.value!r}"
            raise UsageError(message, file=value.file, line=value.line)
        return build(typing.cast(type, hint), value, path)
    if isinstance(value, dict):
        leaf = _first_leaf(value)
        message = f"{name} is one value, not a table of settings"
        raise UsageError(message, file=leaf.file, line=leaf.line)
    if typing.get_origin(hint) is tuple:
        return _convert_row(value, typing.get_args(hint)[0], limits, path)
    converted = _convert_one(value, hint, name)
    _check_range(converted, limits, value, name)
    return converted


def _convert_row(value: Given, hint: Any, limits: Mapping[str, Any], path: tuple[str, ...]) -> tuple[Any, ...]:
    items = value.value
    if value.is_text:
        items = [item.strip() for item in items.strip("[]").split(",") if item.strip()]
    if isinstance(items, str | int | float) and not isinstance(items, bool):
        items = [items]
    if not isinstance(items, list):
        message = f"{'.'.join(path)} is a list, not {items!r}"
        raise UsageError(message, file=value.file, line=value.line)
    rows = [
        item if isinstance(item, dict) else Given(item, value.file, value.line, value.is_text) for item in items
    ]
    return tuple(_convert(row, hint, limits, (*path, str(number))) for number, row in enumerate(rows))


def _convert_one(value: Given, hint: Any, name: str) -> Any:
    raw = _read_text(value.value, hint) if value.is_text else value.value
    if typing.get_origin(hint) is Literal:
        if raw not in typing.get_args(hint):
            message, choices = f"{name} can't be {raw!r}", typing.get_args(hint)
            raise UsageError(message, file=value.file, line=value.line, hint=closest(str(raw), choices))
        return raw
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(kind for kind in typing.get_args(hint) if kind is not type(None))
    if hint is float and type(raw) is int:
        raw = float(raw)
    if hint is int and type(raw) is float and raw.is_integer():
        raw = int(raw)
    if type(raw) is not hint:
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        raise UsageError(f"{name} must be {words[hint]}, not {raw!r}", file=value.file, line=value.line)
    if isinstance(raw, float) and not math.isfinite(raw):
        raise UsageError(f"{name} must be finite, not {raw}", file=value.file, line=value.line)
    return raw


def _read_text(text: str, hint: Any) -> Any:
    """Read a command line value as TOML would, unless a text is wanted."""
    if hint is str or typing.get_origin(hint) is Literal:
        return text
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _check_range(value: Any, limits: Mapping[str, Any], place: Given, name: str) -> None:
    least, most, above = limits.get("least"), limits.get("most"), limits.get("above")
    if least is not None and value < least:
        raise UsageError(f"{name} must be at least {least}, not {value}", file=place.file, line=place.line)
    if above is not None and value <= above:
        raise UsageError(f"{name} must be above {above}, not {value}", file=place.file, line=place.line)
    if most is not None and value > most:
        raise UsageError(f"{name} must be at most {most}, not {value}", file=place.file, line=place.line)
