"""Elements of HTML and SVG as text. All that is not `Markup` already is escaped here, so none forgets."""

from collections.abc import Sequence
from html import escape

_EMPTY = {"circle", "line", "polygon", "polyline"}


class Markup(str):
    """Text that is HTML or SVG already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """Return an element; all but `Markup` is escaped. `class_` is "class", other underscores are hyphens."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value if isinstance(value, str) else number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def joined(children: Sequence[str], separator: str = "") -> Markup:
    """Return several pieces one after the other, each escaped unless it is `Markup`."""
    return Markup(separator.join(child if isinstance(child, Markup) else escape(child) for child in children))


def number(value: float) -> str:
    """Return a number with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
