"""A stage of a run: a folder with what it was made from, so that finished work is found again, unmixed.

If the settings that a stage depends on change, the run stops and says which: nothing is done over, and
nothing of other settings is passed off as the result of these.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from twinlm import storage
from twinlm.errors import UsageError

_INPUTS = "inputs.json"


def enter(folder: Path, inputs: dict[str, Any]) -> str:
    """Begin a stage, or come back to it; return the fingerprint of its inputs.

    Raises:
        UsageError: the folder was begun with other inputs.
    """
    plain_inputs = json.loads(storage.json_bytes(inputs))
    path = folder / _INPUTS
    if not path.is_file():
        storage.write_json(path, plain_inputs)
    elif (before := storage.read_json(path)) != plain_inputs:
        raise UsageError(
            f"this was begun with other settings: {_first_difference(before, plain_inputs)}",
            file=folder,
            hint="choose another --out, or delete this folder to do it over",
        )
    return fingerprint(plain_inputs)


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _first_difference(before: Any, now: Any, path: str = "") -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *now]:
            if before.get(key) != now.get(key):
                return _first_difference(before.get(key), now.get(key), f"{path}.{key}" if path else key)
    return f"{path} was {json.dumps(before)}, now {json.dumps(now)}"
