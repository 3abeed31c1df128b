"""Arguments of Python callers, checked at the border: Python reads a text as a list of its letters."""

from collections.abc import Iterable, Mapping, Set
from os import PathLike
from pathlib import Path

from twinlm.errors import UsageError

_SHOWN = 60


def check_list(value: object, name: str, of: type = str, *, depth: int = 1, size: int | None = None) -> None:
    """Check that a value is a list, tuple or array of values of one type, such as texts, and no text itself.

    `depth` is 2 for a list of lists and 0 for a single value; `size` is the number of values in each
    innermost list.
    """
    if depth == 0:
        if not isinstance(value, of):
            raise UsageError(f"{name} must be {_named(of)}, not {_shown(value)}")
        return
    check_many(value, name, "a list of lists" if depth > 1 else f"a list of {_named(of).split()[-1]}s")
    assert isinstance(value, Iterable)
    if not hasattr(value, "__len__"):
        message = f"{name} must be a list, not {_shown(value)}, which can be read only once"
        raise UsageError(message, hint=f"write list({name})")
    items = list(value)
    if depth == 1 and size is not None and len(items) != size:
        message = f"{name} must have {size} {_named(of).split()[-1]}s, not {len(items):,}: {_shown(items)}"
        raise UsageError(message)
    for index, item in enumerate(items):
        check_list(item, f"{name}[{index}]", of, depth=depth - 1, size=size)


def check_many(value: object, name: str, wanted: str = "a list of texts") -> None:
    """Check that a value holds several others in an order: no text, None or set; they are not read."""
    if isinstance(value, str | bytes | Mapping | Set) or not isinstance(value, Iterable):
        hint = "put it in brackets: [text]" if isinstance(value, str) else ""
        raise UsageError(f"{name} must be {wanted}, not {_shown(value)}", hint=hint)


def as_path(value: object, name: str) -> Path:
    """Return a path that may be given as a text."""
    if not isinstance(value, str | PathLike):
        raise UsageError(f"{name} must be a path, not {_shown(value)}")
    return Path(value)


def _named(of: type) -> str:
    return "a text" if of is str else f"{'an' if of.__name__[0] in 'aeiouAEIOU' else 'a'} {of.__name__}"


def _shown(value: object) -> str:
    if value is None:
        return "None"
    shown = repr(value)
    return f"{_named(type(value))}: {shown[:_SHOWN]}{'...' if len(shown) > _SHOWN else ''}"
