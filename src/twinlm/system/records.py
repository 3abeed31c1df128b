"""Records kept as JSON files: the one way to write them, and to read them without trusting them.

A text is parsed by `system/strict_json.py` and checked against the fields of a `Record`: a missing or unknown
field, or a value of another type, is refused.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, dataclass_transform

import msgspec

from twinlm.errors import ModelError, UserError
from twinlm.system import storage

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number of 64 bits: numpy and the report can compute with it."""
Number = Annotated[float, msgspec.Meta(ge=-1e100, le=1e100)]
"""A number so small that sums and squares of many stay finite; whole numbers are taken as well."""
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e100)]
"""A `Number` above 0."""
Count = Annotated[int, msgspec.Meta(gt=0, le=2**63 - 1)]
"""A `Whole` number above 0."""
_HINT = "the file was changed, or was written by another version of twinlm"
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]|\[(\.\.\.)\]")
_T = TypeVar("_T")


class _Strict(msgspec.StructMeta):
    """Sets the options that msgspec does not inherit."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], *, frozen: bool = True
    ) -> Any:
        return super().__new__(
            cls, name, bases, namespace, frozen=frozen, kw_only=True, forbid_unknown_fields=True
        )


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Record(msgspec.Struct, metaclass=_Strict, frozen=True):
    """Base of records stored as JSON objects.

    Fields are `Number`, `Whole`, text, truth values, lists, dictionaries by text, and other records. A field
    with a default may be missing from a file.
    """

    FORMAT: ClassVar[int] = 0
    """Number of the file's format, its first entry; 0 for a record without one."""


def to_json(record: Any) -> Any:
    """Return a record, or a list or dictionary of records, as plain values for `storage.write_json`."""
    version = {"format": record.FORMAT} if isinstance(record, Record) and record.FORMAT else {}
    value = msgspec.to_builtins(record, enc_hook=_as_float)
    return {**version, **value} if version else value


def read_record(record_type: type[_T], path: Path) -> _T:
    """Return the record, list or dictionary of a JSON file, such as `read_record(dict[str, Cost], path)`."""
    return as_record(record_type, storage.read_json(path), path)


def as_record(
    record_type: type[_T], value: object, file: Path | None = None, *, error: type[UserError] = ModelError
) -> _T:
    """Return a parsed JSON value as a record, or as a list or dictionary of records.

    Raises `error`, with the path and value of a field that is missing, unknown or of another type; `file` is
    the value's source, for the message.
    """
    try:
        value = _without_format(record_type, value)
        return msgspec.convert(value, record_type, strict=True)
    except msgspec.ValidationError as problem:
        raise error(_located(record_type, value, str(problem)), file=file, hint=_HINT) from None
    except RecursionError:
        raise error("the value is nested too deeply", file=file, hint=_HINT) from None


def differing(
    one: Any,
    other: Any,
    parts: Callable[[Any, Any], tuple[Mapping[str, Any], Mapping[str, Any]] | None],
    is_equal: Callable[[Any, Any], bool] = operator.eq,
    path: tuple[str, ...] = (),
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield the path and both values, None for a missing one, wherever two values differ.

    `parts` returns two values as mappings of their parts, or None if they are compared as wholes.
    """
    if (tables := parts(one, other)) is None:
        if not is_equal(one, other):
            yield path, one, other
        return
    first, second = tables
    for name in [*first, *(name for name in second if name not in first)]:
        if name in first and name in second:
            yield from differing(first[name], second[name], parts, is_equal, (*path, name))
        else:
            yield (*path, name), first.get(name), second.get(name)


def _as_float(value: object) -> float:
    if isinstance(value, float):  # numpy's
        return float(value)
    raise NotImplementedError(f"{type(value).__name__} has no place in JSON")


def _without_format(record_type: type[Any], value: Any) -> Any:
    version = getattr(record_type, "FORMAT", 0)
    if not version or not isinstance(value, dict):
        return value
    if type(value.get("format")) is not int or value["format"] != version:
        raise msgspec.ValidationError(f"Expected format {version}, got {value.get('format')!r:.40}")
    return {name: item for name, item in value.items() if name != "format"}


def _located(record_type: type[Any], value: Any, problem: str) -> str:
    """Return msgspec's message with the path of the field first and the refused value last."""
    reason, _, path = problem.partition(" - at `$")
    where, item, narrowed = "", value, []
    for name, index, hidden in _STEP.findall(path):
        key = name or (int(index) if index else "")
        if hidden:
            narrowed.append((item, dict(item)))
            key = _refused_key(record_type, value, item, problem)
        where += f".{key}" if name else f"[{key!r}]"
        item = item[key]
    for entries, kept in narrowed:
        entries.clear()
        entries.update(kept)
    for ours, words in (("Object missing required", "missing"), ("Object contains unknown", "unknown")):
        reason = reason.replace(ours, words)
    shown = f": {item!r:.40}" if "got `" in reason and isinstance(item, str | int | float) else ""
    return f"{where.lstrip('.')}: {reason[0].lower()}{reason[1:]}{shown}".removeprefix(": ")


def _refused_key(record_type: type[Any], value: Any, entries: dict[str, Any], problem: str) -> str:
    """Return the key of the entry that is refused, which msgspec does not name; no other entry is left."""
    for key, item in dict(entries).items():
        entries.clear()
        entries[key] = item
        try:
            msgspec.convert(value, record_type, strict=True)
        except msgspec.ValidationError as error:
            if str(error) == problem:
                return key
    raise AssertionError("one of the entries was refused")
