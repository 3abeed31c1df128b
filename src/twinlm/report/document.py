"""A report as sections of blocks: html.py writes them as a page, markdown.py as a Markdown file.

Texts are plain here, also those that users gave: the writers escape them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from twinlm.report.markup import Markup

T = TypeVar("T")
NOTHING = "\N{EN DASH}"
"""Cell of a table where there is no value."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str
    """Words."""
    level: Literal[3, 4] = 3
    """Depth; 2 is that of a section."""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    """Words of the paragraph."""
    style: Literal["", "headline", "facts", "note"] = ""
    """Role of the paragraph; empty for plain text."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences."""

    items: list[str]
    """Plain texts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table; its first column names the rows."""

    caption: str
    """Sentences on what the table shows."""
    header: list[str]
    """Names of the columns."""
    rows: list[list[str]]
    """Cells, row by row."""
    is_text: tuple[int, ...] = (0,)
    """Columns of words rather than numbers."""
    style: Literal["", "long", "wrapped"] = ""
    """Long: its cells hold long words such as hashes. Wrapped: its cells break, to fit a narrow page."""
    shades: list[list[int]] = field(default_factory=list)
    """Shades of each row's cells but the first, in percent; empty for a plain table."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot."""

    caption: str
    """Sentences on what the plot shows."""
    picture: Markup
    """SVG."""
    instead: Table | None = None
    """Table for where no plots are shown; None where another table shows the same."""


@dataclass(frozen=True, slots=True)
class Code:
    """Something to be copied as it is."""

    text: str
    """Lines to copy."""
    language: Literal["sh", "toml"]
    """Language of the lines."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a passage."""

    text: str
    """Words of the stretch."""
    style: Literal["", "written", "right", "wrong", "focus"] = ""
    """Role: written by a model, put in a gap rightly or wrongly, or decided on; empty for given text."""
    original: str = ""
    """Text that stood in a gap that was filled wrongly."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of the corpus or a task, with what is said of it."""

    lines: list[list[Span]]
    """Spans of each text."""
    note: str = ""
    """Words below the passage."""


@dataclass(frozen=True, slots=True)
class Passages:
    """Several passages of one family."""

    family: int
    """Number of the family, which decides on the colour."""
    passages: list[Passage]
    """Passages, one below the other."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Parts that stand side by side where there is room."""

    columns: "list[list[Block]]"
    """Content of each column, from left to right."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A part that a page shows only when its title is clicked."""

    title: str
    """Words to click on."""
    blocks: "list[Block]"
    """Content that is shown then."""
    family: int = 0
    """Number of the family it is about, which decides on the colour of shades."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part that is set off from the rest."""

    title: str
    """Words above the content."""
    blocks: "list[Block]"
    """Content of the box."""


Block = Heading | Text | Items | Table | Plot | Code | Passages | Columns | Fold | Box


@dataclass(frozen=True, slots=True)
class Section:
    """A section; without blocks it is left out."""

    anchor: str
    """Name of the section in links."""
    title: str
    """Heading of the section."""
    blocks: list[Block]
    """Content of the section."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A whole report."""

    title: str
    """Heading of the report."""
    kicker: str
    """Line above the heading."""
    sections: list[Section]
    """Sections in the order in which they are read; the first holds the answer."""
    footer: str
    """Line at the end."""
    models: str = ""
    """File beside the report in which the models can be tried; "" for none."""


TRY = "Try both models on a sentence of your own"
"""Words of the link to `Document.models`."""


def table_of(
    caption: str,
    items: Iterable[T],
    columns: Sequence[tuple[str, Callable[[T], str]]],
    is_text: tuple[int, ...] = (0,),
) -> Table:
    """Return a table with a row for each item; a column is its name and what writes the cell."""
    rows = [[write(item) for _, write in columns] for item in items]
    return Table(caption=caption, header=[name for name, _ in columns], rows=rows, is_text=is_text)
