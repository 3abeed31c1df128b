"""Elements of HTML and SVG as text. All that is not `Markup` already is escaped here, so none forgets."""

import html
import re
from collections.abc import Sequence

_LINE_END = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_UNSHOWN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_EMPTY = {"circle", "line", "polygon", "polyline"}


class Markup(str):
    """Text that is HTML or SVG already."""

    __slots__ = ()


def cleaned(text: str) -> str:
    """Return a text with one kind of line end, and a replacement for characters that no page can hold."""
    return _UNSHOWN.sub("\N{REPLACEMENT CHARACTER}", _LINE_END.sub("\n", text))


def escape(text: str) -> str:
    """Return a text that HTML shows as it is."""
    return html.escape(cleaned(text))


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
