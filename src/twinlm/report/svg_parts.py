"""What all plots are drawn with: strokes, words and marks as SVG text, on a page 360 units wide.

Read next: report/svg.py (lines, rows of marks), report/svg_scatter.py (marks in a plane).
"""

from collections.abc import Sequence
from html import escape
from typing import Literal

WIDTH = 360
LETTER, DIGIT = 6.3, 7.5
"""About how wide a letter of a label and one of a value are, the latter being bold."""

Shape = Literal["circle", "square", "diamond"]
"""Of a mark."""


class Scale:
    """A straight map from values to places."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.start = low, start
        self.slope = (end - start) / (high - low)

    def __call__(self, value: float) -> float:
        """Return where a value stands."""
        return self.start + (value - self.low) * self.slope


def symbol(shape: Shape, style: str, x: float, y: float) -> str:
    """Return a mark of CSS classes `style` around a place."""
    classes = f"mark {escape(style)}"
    if shape == "circle":
        return f'<circle class="{classes}" cx="{number(x)}" cy="{number(y)}" r="4.5"/>'
    half = 4.2 if shape == "square" else 5.6
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    if shape == "diamond":
        corners = [(0, -half), (half, 0), (0, half), (-half, 0)]
    points = " ".join(f"{number(x + dx)},{number(y + dy)}" for dx, dy in corners)
    return f'<polygon class="{classes}" points="{points}"/>'


def stroke(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """Return a straight line of CSS classes `style`."""
    places = zip(("x1", "y1", "x2", "y2"), (x1, y1, x2, y2), strict=True)
    return (
        f'<line class="{escape(style)}" '
        + " ".join(f'{name}="{number(place)}"' for name, place in places)
        + "/>"
    )


def words(x: float, y: float, content: str, style: str) -> str:
    """Return a text of CSS classes `style`, escaped."""
    return f'<text class="{escape(style)}" x="{number(x)}" y="{number(y)}">{escape(content)}</text>'


def figure(parts: Sequence[str], height: float, title: str, description: str) -> str:
    """Return the whole picture, with what a screen reader calls it and tells of it."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {number(height)}" role="img" class="plot">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{''.join(parts)}</svg>"
    )


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many letters, with an ellipsis where it was cut."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def number(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
