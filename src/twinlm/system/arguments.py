"""Arguments of Python callers, checked at the border: Python reads a text as a list of its letters.

`checked` checks the arguments of a function by its type hints.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from twinlm.errors import UsageError

_Given = ParamSpec("_Given")
_Returned = TypeVar("_Returned")
_SHOWN = 60
_NOUNS = {"str": "text", "int": "whole number", "float": "number", "Trained": "model"}
_NUMBERS = {int: Integral, float: Real}  # NumPy's numbers as well
_HINTS = {"Trained": "give a model from twinlm.load(...)"}


def checked(function: Callable[_Given, _Returned]) -> Callable[_Given, _Returned]:
    """Return the function with its arguments checked as `check_hinted` does."""

    @functools.wraps(function)
    def call(*args: _Given.args, **options: _Given.kwargs) -> _Returned:
        hints = _hints(function)
        names = function.__code__.co_varnames
        for name, value in [*zip(names, args, strict=False), *options.items()]:
            if name in hints:
                check_hinted(value, name, hints[name])
        return function(*args, **options)

    return call


def check_fields(record: object) -> None:
    """Check the fields of a dataclass as `check_hinted` does."""
    for name, hint in get_type_hints(type(record)).items():
        check_hinted(getattr(record, name), name, hint)


def check_hinted(value: object, name: str, hint: Any) -> None:
    """Check that a value fits a type hint; protocols and unions of several types fit whatever is given.

    Raises:
        UsageError: names what is wrong.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        others = [each for each in inner if each is not NoneType]
        if len(others) == 1 and value is not None:
            check_hinted(value, name, others[0])
    elif origin is Literal:
        check_list(value, name, depth=0)
        if value not in inner:
            raise UsageError(f"{name} can't be {value!r}", hint=f"use one of {', '.join(inner)}")
    elif origin is Sequence:
        _check_sequence(value, name, inner[0])
    elif (origin or hint) is Mapping and not isinstance(value, Mapping):
        raise UsageError(f"{name} must be a dict, not {_shown(value)}")
    elif isinstance(hint, type) and hint is not Any and not getattr(hint, "_is_protocol", False):
        check_list(value, name, hint, depth=0)


def _check_sequence(value: object, name: str, of: Any) -> None:
    inner = get_args(of)
    if isinstance(of, type) and not inner:
        if isinstance(value, Sequence) and not isinstance(value, list | tuple | str | bytes):
            return  # may be longer than memory: it is read later
        check_list(value, name, of)
    elif inner and set(inner) == {str}:
        check_list(value, name, depth=2, size=len(inner) if get_origin(of) is tuple else None)


@functools.cache
def _hints(of: Callable[..., object]) -> dict[str, Any]:
    return {name: hint for name, hint in get_type_hints(of).items() if name != "return"}


def check_list(value: object, name: str, of: type = str, *, depth: int = 1, size: int | None = None) -> None:
    """Check that a value is a list, tuple or array of values of one type, such as texts, and no text itself.

    `depth` is 2 for a list of lists and 0 for a single value; `size` is the number of values in each
    innermost list.
    """
    if depth == 0:
        if not isinstance(value, _NUMBERS.get(of, of)) or (isinstance(value, bool) and of is not bool):
            wanted = "True or False" if of is bool else _with_article(_noun(of))
            message = f"{name} must be {wanted}, not {_shown(value)}"
            raise UsageError(message, hint=_HINTS.get(of.__name__, ""))
        if isinstance(value, str) and (half := half_surrogate(value)):
            raise UsageError(f"{name} has {half}", hint="such a text can't be written as UTF-8")
        return
    check_many(value, name, "a list of lists" if depth > 1 else f"a list of {_noun(of)}s")
    assert isinstance(value, Iterable)
    if not hasattr(value, "__len__"):
        message = f"{name} must be a list, not {_shown(value)}, which can be read only once"
        raise UsageError(message, hint=f"write list({name})")
    items = list(value)
    if depth == 1 and size is not None and len(items) != size:
        message = f"{name} must have {size} {_noun(of)}s, not {len(items):,}: {_shown(items)}"
        raise UsageError(message)
    for index, item in enumerate(items):
        check_list(item, f"{name}[{index}]", of, depth=depth - 1, size=size)


def check_many(value: object, name: str, wanted: str = "a list of texts") -> None:
    """Check that a value holds several others in an order: no text, None or set; they are not read."""
    if isinstance(value, str | bytes | Mapping | Set) or not _has_items(value):
        is_text = isinstance(value, str) and "number" not in wanted
        is_number = isinstance(value, Integral) and "number" in wanted
        hint = "put it in brackets: [text]" if is_text else f"put it in brackets: [{value}]" * is_number
        raise UsageError(f"{name} must be {wanted}, not {_shown(value)}", hint=hint)


def _has_items(value: object) -> bool:
    try:
        iter(value)  # type: ignore[call-overload]
    except TypeError:  # also of an array without dimensions
        return False
    return True


def half_surrogate(text: str) -> str:
    """Return what a text has that UTF-8 can't hold, "half a surrogate pair, ..."; "" if it has nothing."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = f"\\u{ord(text[error.start]):04x}"
        return f"half a surrogate pair, {code}, at character {error.start + 1:,}"
    return ""


def as_path(value: object, name: str) -> Path:
    """Return a path that may be given as a text."""
    if not isinstance(value, str | PathLike):
        raise UsageError(f"{name} must be a path, not {_shown(value)}")
    return Path(value)


def _noun(of: type) -> str:
    return _NOUNS.get(of.__name__, of.__name__)


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value)
    shown = repr(value)
    name = "text" if isinstance(value, str) else type(value).__name__
    kind = name if isinstance(value, bytes) else _with_article(name)
    return f"{kind}: {shown[:_SHOWN]}{'...' if len(shown) > _SHOWN else ''}"
