"""JSON exactly as its standard defines it. Python reads more, which could not be written again."""

import json
import math
import re
from collections import Counter
from functools import partial
from typing import Any

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def loads(data: bytes | str, *, most_keys: int | None = None) -> Any:
    """Return the value of a JSON text, whose objects may have at most `most_keys` keys each.

    A ValueError for what is not JSON or not UTF-8, is nested too deeply, or has a number that is not finite,
    an unpaired surrogate, or the same key twice in one object.
    """
    try:
        text = data.decode() if isinstance(data, bytes) else data
        unique = partial(_unique, most=most_keys)
        value = json.loads(text, object_pairs_hook=unique, parse_constant=_refuse, parse_float=_finite)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()  # fails if one of a pair is missing
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def repeated_key(pairs: list[tuple[str, Any]]) -> str | None:
    """Return the first key that an object has more than once; None if it has none."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) == len(keys):
        return None
    counts = Counter(keys)
    return next(key for key in keys if counts[key] > 1)


def _unique(pairs: list[tuple[str, Any]], most: int | None) -> dict[str, Any]:
    if most is not None and len(pairs) > most:
        raise ValueError(f"an object has {len(pairs):,} keys, more than {most:,}")
    if (twice := repeated_key(pairs)) is not None:
        raise ValueError(f"the key {twice!r:.60} appears twice in one object")
    return dict(pairs)


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is not a number in JSON")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"the number {digits[:40]} is too large")
    return number
