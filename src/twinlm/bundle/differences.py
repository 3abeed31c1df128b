"""Differing values of two records, each with its path: `tasks[topic].scores[bert].score.low`."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from twinlm.system.records import Record, differing

TOLERANCE = 1e-9
"""Relative and absolute tolerance of numbers: processors differ in rounding."""
_LONGEST = 120
_NAMES = ("arm", "name", "task", "id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A value that differs."""

    where: str
    """Path of the value."""
    stored: str
    """Stored value."""
    found: str
    """Value computed again."""

    is_sentence: bool = False
    """Whether both values are sentences, whose words change between versions."""

    def __str__(self) -> str:
        """Return the difference as one line."""
        return f"{self.where}: stored {self.stored}, found {self.found}"


def differences(stored: Any, found: Any, where: str) -> Iterator[Difference]:
    """Yield each value in which two records differ; `where` is their path.

    List items with names are matched by name, so that a missing item is one difference.
    """
    for path, one, other in differing(stored, found, _parts, _is_equal):
        are_words = all(isinstance(value, str) and " " in value for value in (one, other))
        inner = where + "".join(path)
        yield Difference(where=inner, stored=_shown(one), found=_shown(other), is_sentence=are_words)


def count_values(record: Any) -> int:
    """Return the number of plain values in a record."""
    plain = _plain(record)
    if isinstance(plain, Mapping):
        return sum(map(count_values, plain.values()))
    return sum(map(count_values, plain)) if isinstance(plain, list) else 1


def _plain(value: Any) -> Any:
    """Return a record as a dictionary of its fields, and a sequence as a list."""
    if isinstance(value, Record):
        return structs.asdict(value)
    return list(value) if isinstance(value, tuple) else value


def _parts(stored: Any, found: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the parts of two records by field, of two mappings by key, and of two lists by name or index."""
    one, other = _plain(stored), _plain(found)
    if isinstance(one, list) and isinstance(other, list):
        lists: list[list[Any]] = [[_name(item) for item in items] for items in (one, other)]
        if any(None in names or len(set(names)) < len(names) for names in lists):
            lists = [list(range(len(items))) for items in (one, other)]
        one, other = (dict(zip(*pair, strict=True)) for pair in zip(lists, (one, other), strict=True))
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return None
    form = ".{}" if isinstance(stored, Record) else "[{}]"
    first, second = ({form.format(key): part for key, part in table.items()} for table in (one, other))
    return first, second


def _name(item: Any) -> str | None:
    plain = _plain(item)
    if not isinstance(plain, Mapping):
        return None
    if {"first", "second"} <= plain.keys():
        return f"{plain['first']} against {plain['second']}"
    return next((str(plain[name]) for name in _NAMES if name in plain), None)


def _is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        if type(one) not in (int, float) or type(other) not in (int, float):
            return False
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(one) is type(other) and bool(one == other)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
