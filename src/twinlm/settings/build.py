"""From the trees of `settings/tree.py` to nested frozen dataclasses, strictly.

Unknown keys are never ignored, and errors name file, line and value.
"""

import dataclasses
import difflib
import math
import re
import tomllib
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeVar

from twinlm.errors import UsageError
from twinlm.settings.tree import Given, Tree, shown, wrong

T = TypeVar("T")


def option(
    default: Any, *, least: float | None = None, most: float | None = None, above: float | None = None
) -> Any:
    """Return a dataclass field with a default and an allowed range."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most, "above": above})


def build(kind: type[T], tree: Tree, path: tuple[str, ...] = ()) -> T:
    """Return the dataclass `kind` with the values of `tree` and defaults for the rest.

    Raises:
        UsageError: a key is unknown, or a value has a wrong type or is out of range; names file and line.
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
        raise wrong(_named_in(error.message, tree), f"{_table(path)}{error.message}", error.hint) from error


def check_names(tree: Tree, names: Iterable[str], path: tuple[str, ...] = ()) -> None:
    """Check that a table has only keys among `names`."""
    names = list(names)
    for key, value in tree.items():
        if key not in names:
            raise wrong(value, f"{_table(path)}{shown(key)} is not a setting", closest(key, names))


def closest(word: str, words: Iterable[str]) -> str:
    """Return "did you mean ...?" with the most similar of `words`, or list all if none is similar."""
    words = list(words)
    similar = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"did you mean {similar[0]!r}?" if similar else "there are: " + ", ".join(words)


def plain(value: Any) -> Any:
    """Return nested dataclasses as nested dictionaries and lists, the values of TOML and JSON."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _named_in(message: str, tree: Tree) -> Given | Tree:
    """Return the value that a rule's message names: an option before a line of a file, else the table."""
    values = [value for name, value in _values(tree) if re.search(rf"(?<![\w.]){re.escape(name)}\b", message)]
    given = [value for value in values if value.file]
    # A table that several options set has the origin of the last one, which need not be the wrong one.
    rest = Tree() if (tree.file or "").startswith("--") else tree
    return max(given, key=lambda value: value.is_text, default=rest)


def _values(tree: Tree, path: str = "") -> Iterator[tuple[str, Given]]:
    for name, value in tree.items():
        if isinstance(value, Tree):
            yield from _values(value, f"{path}{name}.")
        else:
            yield path + name, value


def _table(path: tuple[str, ...]) -> str:
    return f"[{'.'.join(path)}] " if path else ""


def _convert(value: Any, hint: Any, limits: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    name = ".".join(path)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Tree):
            message = f"{name} is a table of settings, not the value {shown(value.value)}"
            raise wrong(value, message, f"write [{name}]")
        return build(typing.cast(type, hint), value, path)
    item = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else None
    if isinstance(value, Tree):
        several = item is not None and dataclasses.is_dataclass(item)
        message = f"{name} is {'a list of tables' if several else 'one value'}, not a table of settings"
        raise wrong(value, message, f"write [[{name}]]" if several else "")
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
        is_text = not isinstance(items, list)  # a list in TOML's brackets has typed items
        items = items if isinstance(items, list) else value.value.split(",")
        items = [item.strip() for item in items if item.strip()] if is_text else items
    if isinstance(items, str | int | float) and not isinstance(items, bool):
        items = [items]
    if not isinstance(items, list):
        raise wrong(value, f"{'.'.join(path)} is a list, not {shown(items)}")
    rows = [
        item if isinstance(item, Tree) else Given(item, value.file, value.line, is_text) for item in items
    ]
    return tuple(_convert(row, hint, limits, (*path, str(number))) for number, row in enumerate(rows))


def _convert_one(value: Given, hint: Any, name: str) -> Any:
    raw = _read_text(value.value, hint) if value.is_text else value.value
    if typing.get_origin(hint) is Literal:
        if raw not in typing.get_args(hint):
            hint_text = closest(shown(raw), typing.get_args(hint))
            raise wrong(value, f"{name} can't be {shown(raw)}", hint_text)
        return raw
    if hint is int and type(raw) is float and raw.is_integer():
        raw = int(raw)
    if type(raw) is int and abs(raw) >= 2**63:
        raise wrong(value, f"{name} can't be {shown(raw)}: 64 bits can't hold it")
    if hint is float and type(raw) is int:
        raw = float(raw)
    if type(raw) is not hint:
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        raise wrong(value, f"{name} must be {words[hint]}, not {shown(raw)}")
    if isinstance(raw, float) and not math.isfinite(raw):
        raise wrong(value, f"{name} must be finite, not {raw}")
    if isinstance(raw, str) and (bad := re.search("[\0\ud800-\udfff]", raw)):
        raise wrong(value, f"{name} must be text, but it has the character {bad[0]!r}")
    return raw


def _read_text(text: str, hint: Any) -> Any:
    """Read a command line value as TOML, unless a text is expected."""
    if hint is str or typing.get_origin(hint) is Literal:
        return text
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except (ValueError, RecursionError):
        return text


def _check_range(number: Any, limits: Mapping[str, Any], value: Given, name: str) -> None:
    least, most, above = limits.get("least"), limits.get("most"), limits.get("above")
    if least is not None and number < least:
        raise wrong(value, f"{name} must be at least {least}, not {number}")
    if above is not None and number <= above:
        raise wrong(value, f"{name} must be above {above}, not {number}")
    if most is not None and number > most:
        raise wrong(value, f"{name} must be at most {most}, not {number}")
