"""JSON exactly as its standard defines it. Python reads more, which could not be written again."""

import json
import math
import re
from typing import Any

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def loads(data: bytes | str) -> Any:
    """Return the value of a JSON text.

    A ValueError for what is not JSON or not UTF-8, is nested too deeply, or has a number that is not finite,
    an unpaired surrogate, or the same key twice in one object.
    """
    try:
        text = data.decode() if isinstance(data, bytes) else data
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()  # fails if one of a pair is missing
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def repeated_key(pairs: list[tuple[str, Any]]) -> str | None:
    """Return the first key that an object has more than once; None if it has none."""
    keys = [key for key, _ in pairs]
    return next((key for key in keys if keys.count(key) > 1), None) if len(set(keys)) < len(keys) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if (twice := repeated_key(pairs)) is not None:
        raise ValueError(f"the key {twice!r:.60} appears twice in one object")
    return dict(pairs)


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is not a number in JSON")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"the number {digits[:40]} is too large")
    return number
