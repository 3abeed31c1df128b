"""A stage of a run: a folder with a note of its inputs, so that finished work is found again.

If the inputs change, the run stops and says which: nothing is redone silently, and no result of other
settings is taken for one of these.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from twinlm.errors import UsageError
from twinlm.settings import build
from twinlm.system import storage
from twinlm.system.records import differing

_INPUTS = "inputs.json"


def enter(folder: Path, inputs: dict[str, Any]) -> str:
    """Start a stage, or return to it if its inputs are the same; return their fingerprint.

    Settings are given as dataclasses, so that their defaults are known.
    """
    path = folder / _INPUTS
    if not path.is_file():
        storage.write_json(path, build.plain(inputs))
    before = storage.read_json(path)
    now = json.loads(storage.json_bytes(_known(inputs, before)))
    _refuse_changes(folder, before, now)
    return fingerprint(now)


def check(folder: Path, inputs: dict[str, Any]) -> None:
    """Refuse a stage that was started with other values of these inputs, some of those of `enter`."""
    if has_started(folder):
        known = storage.read_json(folder / _INPUTS)
        before = {name: known[name] for name in known if name in inputs}
        _refuse_changes(folder, before, json.loads(storage.json_bytes(_known(inputs, before))))


def has_started(folder: Path) -> bool:
    """Tell whether a stage was started."""
    return (folder / _INPUTS).is_file()


def _refuse_changes(folder: Path, before: Any, now: Any) -> None:
    for keys, was, given in differing(before, now, _tables):
        change = f"{'.'.join(keys)} was {json.dumps(was)}, now {json.dumps(given)}"
        message = f"this stage was started with different settings: {change}"
        raise UsageError(message, file=folder, hint="choose another --out, or delete this folder to redo it")


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a JSON value; the order of keys makes no difference."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _tables(before: Any, now: Any) -> tuple[Any, Any] | None:
    return (before, now) if isinstance(before, dict) and isinstance(now, dict) else None


def _known(inputs: Any, before: Any) -> Any:
    """Return inputs as plain values, without settings at their default that `before` does not know."""
    # A setting that a later version added changes nothing at its default: so old runs continue.
    names = before if isinstance(before, dict) else {}
    if dataclasses.is_dataclass(inputs):
        values = {field: getattr(inputs, field.name) for field in dataclasses.fields(inputs)}
        inputs = {
            field.name: value
            for field, value in values.items()
            if field.name in names or value != _default(field)
        }
    if isinstance(inputs, dict):
        return {name: _known(value, names.get(name)) for name, value in inputs.items()}
    return build.plain(inputs)


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
