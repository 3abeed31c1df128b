"""The table of all settings: types, defaults and ranges from the records, meanings from their docstrings."""

import ast
import dataclasses
import inspect
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, Literal

from twinlm.settings import KindSettings, Settings, presets, recipes


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One setting."""

    name: str
    """Name with its tables: "pretrain.length"."""
    type: str
    """Type in words."""
    defaults: tuple[Any, ...]
    """One value, or one for each kind where they differ."""
    limits: str
    """Allowed range; empty if there is none."""
    meaning: str
    """Meaning: the setting's docstring."""

    @property
    def table(self) -> str:
        """Tables that hold it: "pretrain.optimizer", or empty."""
        return self.name.rpartition(".")[0]

    @property
    def key(self) -> str:
        """Name within the table."""
        return self.name.rpartition(".")[2]

    @property
    def default(self) -> str:
        """Defaults as people read them."""
        if len(self.defaults) == 1:
            return shown(self.defaults[0])
        pairs = zip(self.defaults, presets.KINDS, strict=True)
        return ", ".join(f"{shown(value)} ({kind})" for value, kind in pairs)


def rows(recipe: str = "") -> list[Row]:
    """Return all settings in the order of the file; those of both kinds once, without the kind.

    Their defaults are those of a file that starts from `recipe`.
    """
    defaults = presets.resolve(None, {"recipe": recipe})
    first, *others = _rows_of(Settings, "", (defaults,))
    size = Row(
        name="size",
        type=" | ".join(presets.SIZES),
        defaults=(presets.DEFAULT_SIZE,),
        limits="",
        meaning="Size of both models: sets [model], lengths and learning rates together.",
    )
    start = Row(
        name="recipe",
        type=" | ".join(recipes.names()),
        defaults=(recipe,),
        limits="",
        meaning="Recipe whose settings come before those given here (twinlm describe); empty for none.",
    )
    return [first, start, size, *others]


@cache
def names() -> list[str]:
    """Return the names of all settings."""
    return [row.name for row in rows()]


def meanings(record: type) -> dict[str, str]:
    """Return the docstring below each field of a record of settings, on one line."""
    module = inspect.getmodule(record)
    assert module is not None
    return _all_meanings(module)[record.__name__]


def shown(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rows_of(record: type, path: str, defaults: tuple[Any, ...]) -> Iterator[Row]:
    """Yield the settings of a record; tables come after single values, as TOML requires."""
    hints = typing.get_type_hints(record)
    if issubclass(record, KindSettings) and record is not KindSettings:
        # An arm repeats all settings of its kind; they are listed once.
        hints = {
            name: hint for name, hint in hints.items() if name not in typing.get_type_hints(KindSettings)
        }
    fields = [field for field in dataclasses.fields(record) if field.name in hints]
    fields.sort(key=lambda field: dataclasses.is_dataclass(hints[field.name]))
    for field in fields:
        values = tuple(getattr(default, field.name) for default in defaults)
        name, hint = f"{path}{field.name}", hints[field.name]
        if hint is KindSettings:
            if field.name == presets.KINDS[0]:
                kinds = tuple(getattr(defaults[0], kind) for kind in presets.KINDS)
                yield from _rows_of(KindSettings, "", kinds)
        elif dataclasses.is_dataclass(hint):
            yield from _rows_of(typing.cast(type, hint), f"{name}.", values)
        elif dataclasses.is_dataclass(item := _item(hint)):
            yield from _rows_of(typing.cast(type, item), f"{name}.", (typing.cast(type, item)(),))
        else:
            yield Row(
                name=name,
                type=_type_name(hint),
                defaults=values if len(set(values)) > 1 else values[:1],
                limits=_limits(field),
                meaning=meanings(record)[field.name],
            )


def _item(hint: object) -> object:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else None


def _type_name(hint: object) -> str:
    if typing.get_origin(hint) is Literal:
        return " | ".join(typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"list of {_type_name(typing.get_args(hint)[0])}"
    words: dict[object, str] = {int: "whole number", float: "number", bool: "true | false", str: "text"}
    return words[hint]


def _limits(field: "dataclasses.Field[Any]") -> str:
    words = {"least": "at least", "above": "above", "most": "at most"}
    limits = {name: field.metadata.get(name) for name in words}
    return ", ".join(f"{words[name]} {value:g}" for name, value in limits.items() if value is not None)


@cache
def _all_meanings(module: ModuleType) -> dict[str, dict[str, str]]:
    by_record: dict[str, dict[str, str]] = {}
    for record in ast.parse(inspect.getsource(module)).body:
        if isinstance(record, ast.ClassDef):
            by_record[record.name] = {}
            for field, below in zip(record.body, record.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                    text = ast.literal_eval(below.value)
                    by_record[record.name][ast.unparse(field.target)] = " ".join(text.split())
    return by_record
