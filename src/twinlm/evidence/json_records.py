"""`results.json`: the records of `evidence/results.py` as JSON and back, without loss.

Reading is strict: a file with a field missing, unknown or of another type was not written by this version.
"""

import dataclasses
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError
from twinlm.evidence.results import ArmCost, Results
from twinlm.system import storage
from twinlm.tasks.judging import is_number

FORMAT = 1
Record = typing.TypeVar("Record")


def to_json(results: Results) -> dict[str, Any]:
    """Return the records as what JSON can hold, with the number of the format first."""
    return {"format": FORMAT, **dataclasses.asdict(results)}


def from_json(value: object, *, file: Path | None = None) -> Results:
    """Return the records that `to_json` was given.

    Args:
        value: what the JSON text holds.
        file: where it came from, for the error message.

    Raises:
        ModelError: it is of another format, or a field is missing, unknown or of another type.
    """
    return record_from_json(Results, value, FORMAT, what="results", file=file)


def record_from_json(
    kind: type[Record], value: object, version: int, *, what: str, file: Path | None = None
) -> Record:
    """Return the record that stands in a JSON object beside the number of its format.

    Args:
        kind: the record's class, a dataclass of plain values, lists, dictionaries and other such records.
        value: what the JSON text holds.
        version: the format that is expected.
        what: "results" or what else they are, for the error message.
        file: where it came from, for the error message.

    Raises:
        ModelError: it is of another format, or a field is missing, unknown or of another type.
    """
    try:
        if not isinstance(value, dict):
            raise _Mismatch(f"an object with a format was expected, but this is {_type_name(value)}")
        if value.get("format") != version or isinstance(value["format"], bool):
            raise _Mismatch(f"format {version} was expected, but it is {_type_name(value.get('format'))}")
        fields = {name: item for name, item in value.items() if name != "format"}
        return typing.cast(Record, _record(kind, fields, what))
    except _Mismatch as error:
        raise _foreign(f"{what} of a comparison", error, file) from None


def costs_from_json(value: object, *, file: Path | None = None) -> list[ArmCost]:
    """Return cost cards that were written with `dataclasses.asdict`.

    Args:
        value: what the JSON text holds.
        file: where it came from, for the error message.

    Raises:
        ModelError: a field is missing, unknown or of another type.
    """
    try:
        return typing.cast(list[ArmCost], _decode(list[ArmCost], value, "costs"))
    except _Mismatch as error:
        raise _foreign("costs of models", error, file) from None


def read_as(kind: Any, path: Path) -> Any:
    """Return a value that a run keeps for itself in a JSON file.

    Args:
        kind: what it is, as an annotation, such as `dict[str, Measured]`.
        path: of the file.

    Raises:
        ModelError: the file is missing or damaged, or a field is missing, unknown or of another type.
    """
    return checked(kind, storage.read_json(path), path)


def checked(kind: Any, value: object, file: Path) -> Any:
    """Return a value of a JSON file as the annotation `kind` has it; see `read_as`."""
    try:
        return _decode(kind, value, "the value")
    except _Mismatch as error:
        raise _foreign("records of a run", error, file) from None


def read_results(path: Path) -> Results:
    """Return the records that a `results.json` holds.

    Raises:
        ModelError: the file is missing, damaged or of another format.
    """
    return from_json(storage.read_json(path), file=path)


class _Mismatch(Exception):
    """Says which value is not what its record states."""


def _foreign(what: str, error: _Mismatch, file: Path | None) -> ModelError:
    hint = "make it anew with the version of twinlm that reads it"
    return ModelError(f"these are not {what}: {error}", file=file, hint=hint)


def _decode(kind: object, value: object, where: str) -> object:
    """Return `value` as the annotation `kind` wants it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list and isinstance(value, list):
        return [_decode(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {key: _decode(arguments[1], item, f"{where}[{key!r}]") for key, item in value.items()}
    if origin is types.UnionType and any(_is_plain(option, value) for option in arguments):
        return value
    if origin is types.UnionType and isinstance(value, dict):
        return _decode(arguments[0], value, where)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return _record(kind, value, where)
    if kind is object or (origin is None and _is_plain(kind, value)):
        return value
    raise _Mismatch(f"{where} must be {getattr(kind, '__name__', kind)}, but it is {_type_name(value)}")


def _record(kind: Callable[..., object], value: dict[str, object], where: str) -> object:
    hints = typing.get_type_hints(kind)
    if odd := sorted(hints.keys() ^ value.keys()):
        raise _Mismatch(f"{where} lacks or doesn't know {', '.join(odd)}")
    return kind(**{name: _decode(hint, value[name], f"{where}.{name}") for name, hint in hints.items()})


def _is_plain(kind: object, value: object) -> bool:
    """Tell whether a text, number, truth value or None is of the kind; a whole number is a float too.

    Numbers that are not finite, or so large that sums of them would not be, are of no kind.
    """
    if isinstance(value, bool):
        return kind is bool
    if kind is float or kind is int:
        return is_number(value) and isinstance(value, (int, float) if kind is float else int)
    return isinstance(value, kind) if isinstance(kind, type) else False


def _type_name(value: object) -> str:
    return "null" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
