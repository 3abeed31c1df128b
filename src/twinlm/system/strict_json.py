"""JSON as the standard has it: what Python reads beyond it could not be written again."""

import json
import math
import re
from typing import Any

_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def loads(data: bytes | str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is none, is not UTF-8, is nested too deeply, has a number that is not finite, half a
            character, or a key twice in one object.
    """
    try:
        text = data.decode() if isinstance(data, bytes) else data
        value = json.loads(
            text, object_pairs_hook=_without_doubles, parse_constant=_refused, parse_float=_finite
        )
        if _HALF_CHARACTER.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def _refused(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"{digits[:40]} is too large a number")
    return number
