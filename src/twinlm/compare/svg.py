"""Two small plots as SVG text: lines over an axis, and rows of marks with intervals.

They are drawn 360 units wide, so that their text is readable at a phone's width; a wider page shows them side
by side rather than larger. Colours come from the page, through the classes `family-0`, `family-1` and
`baseline`, and each family also has a shape of its own. The same input gives the same text.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from twinlm.compare.readable import MINUS

WIDTH = 360
_LEFT, _RIGHT = 6, 354
_ROW = 38
_COMPACT_ROW = 32
_LETTER, _DIGIT = 6.3, 7.5
"""About how wide a letter of a label and one of a value are, the latter being bold."""

Shape = Literal["circle", "square", "diamond"]
"""Of a mark."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of a plot."""

    name: str
    """Written at its end."""
    style: str
    """CSS classes."""
    points: list[tuple[float, float]]
    """In the order of x; at least one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A value on a row, with its interval and the single values it is the mean of, where it has them."""

    value: float
    """Where it stands on the axis."""
    style: str
    """CSS classes."""
    shape: Shape = "circle"
    """How it is drawn."""
    low: float | None = None
    """Lower end of the interval, if it has one."""
    high: float | None = None
    """Upper end of the interval."""
    dots: tuple[float, ...] = ()
    """Drawn small, below the mark."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A labelled row of marks."""

    label: str
    """At the left end."""
    marks: list[Mark]
    """Drawn in this order."""
    text: str = ""
    """Written at the right end."""


def line_plot(lines: Sequence[Line], *, title: str, description: str, x_label: str, y_label: str) -> str:
    """Return a plot of lines over one pair of axes.

    Args:
        lines: what to draw; a later one lies on top.
        title: what a screen reader calls it.
        description: what a screen reader tells of it.
        x_label: quantity and unit, below the axis.
        y_label: quantity and unit, above the axis.
    """
    top, bottom, left, right = 30.0, 208.0, 36.0, 286.0
    x_ticks = ticks(0.0, max(x for line in lines for x, _ in line.points), 4)
    values = [y for line in lines for _, y in line.points]
    y_ticks = ticks(min(values), max(values), 5)
    x_end = max(x_ticks[-1], *(x for line in lines for x, _ in line.points))
    across = _Scale(0.0, x_end, left, right)
    down = _Scale(y_ticks[0], y_ticks[-1], bottom, top)
    parts = [_text(0, 14, y_label, "axis-name")]
    for value, label in zip(y_ticks, tick_labels(y_ticks), strict=True):
        parts.append(_line(left, down(value), right, down(value), "grid"))
        parts.append(_text(left - 6, down(value) + 4, label, "tick end"))
    for value, label in zip(x_ticks, tick_labels(x_ticks), strict=True):
        parts.append(_line(across(value), bottom, across(value), bottom + 4, "axis"))
        parts.append(_text(across(value), bottom + 17, label, "tick middle"))
    parts.append(_line(left, bottom, right, bottom, "axis"))
    parts.append(_text(right, bottom + 34, x_label, "axis-name end"))
    for line in lines:
        # A lone point twice: its round ends then make it a dot.
        points = line.points * 2 if len(line.points) == 1 else line.points
        path = " ".join(f"{_number(across(x))},{_number(down(y))}" for x, y in points)
        parts.append(f'<polyline class="{escape(line.style)}" points="{path}"/>')
    ends = _apart([down(line.points[-1][1]) for line in lines], 14)
    for line, end in zip(lines, ends, strict=True):
        parts.append(_text(across(line.points[-1][0]) + 6, end + 4, line.name, f"end-label {line.style}"))
    return _figure(parts, bottom + 40, title, description)


def row_plot(
    rows: Sequence[Row],
    *,
    title: str,
    description: str,
    x_label: str,
    limits: tuple[float, float],
    reference: float | None = None,
    legend: Sequence[tuple[str, Mark]] = (),
) -> str:
    """Return rows of marks over one horizontal axis, each row's label above its marks.

    Args:
        rows: from top to bottom.
        title: what a screen reader calls it.
        description: what a screen reader tells of it.
        x_label: quantity and unit, below the axis.
        limits: values that the axis has to show; a mark outside is drawn as an arrow at the edge.
        reference: where to draw a strong upright line, such as at no difference.
        legend: names of the kinds of mark, where the rows' labels don't tell.
    """
    x_ticks = ticks(*limits, 5)
    across = _Scale(x_ticks[0], x_ticks[-1], _LEFT + 8.0, _RIGHT - 8.0)
    top = 24.0 if legend else 0.0
    height = _ROW if any(mark.dots for row in rows for mark in row.marks) else _COMPACT_ROW
    bottom = top + height * len(rows) + 4
    parts = _legend(legend)
    for value, label in zip(x_ticks, tick_labels(x_ticks), strict=True):
        style = "reference" if value == reference else "grid"
        # Broken where the rows' labels stand.
        for place in range(len(rows)):
            y = top + height * place
            parts.append(_line(across(value), y + 17, across(value), y + height - 1, style))
        parts.append(_text(across(value), bottom + 14, label, "tick middle"))
    parts.append(_text(_RIGHT, bottom + 31, x_label, "axis-name end"))
    for place, row in enumerate(rows):
        y = top + height * place
        parts.append(_text(_LEFT, y + 13, _fitting(row), "row-label"))
        if row.text:
            parts.append(_text(_RIGHT, y + 13, row.text, "row-value end"))
        for mark in row.marks:
            parts += _mark(mark, across, y + 23, (x_ticks[0], x_ticks[-1]))
    return _figure(parts, bottom + 37, title, description)


def _fitting(row: Row) -> str:
    """Return a row's label, cut if it would run into the value; whoever draws says it whole elsewhere."""
    room = int((_RIGHT - _LEFT - _LETTER - _DIGIT * len(row.text)) / _LETTER)
    return row.label if len(row.label) <= room else row.label[: room - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def ticks(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round values, evenly spaced, from `low` or less to `high` or more."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def tick_labels(values: Sequence[float]) -> list[str]:
    """Return the values with as many decimals as tell them apart, all with equally many."""
    for decimals in range(9):
        if all(math.isclose(value, round(value, decimals), abs_tol=1e-10) for value in values):
            break
    return [f"{value:,.{decimals}f}".replace("-", MINUS) for value in values]


def _mark(mark: Mark, across: "_Scale", y: float, limits: tuple[float, float]) -> list[str]:
    """Draw one mark, or an arrow at the edge that it lies behind."""
    style = escape(mark.style)
    if not limits[0] <= mark.value <= limits[1]:
        x, way = (across(limits[0]) - 6, 1) if mark.value < limits[0] else (across(limits[1]) + 6, -1)
        tip = f"{_number(x)},{_number(y)}"
        back = f"{_number(x + 8 * way)},{_number(y - 4.5)} {_number(x + 8 * way)},{_number(y + 4.5)}"
        return [f'<polygon class="mark {style}" points="{tip} {back}"/>']
    parts = []
    if mark.low is not None and mark.high is not None:
        low, high = max(mark.low, limits[0]), min(mark.high, limits[1])
        parts.append(_line(across(low), y, across(high), y, f"interval {style}"))
    for dot in mark.dots:
        if limits[0] <= dot <= limits[1]:
            parts.append(
                f'<circle class="dot {style}" cx="{_number(across(dot))}" cy="{_number(y + 9)}" r="2"/>'
            )
    return [*parts, _shape(mark, across(mark.value), y)]


def _shape(mark: Mark, x: float, y: float) -> str:
    style = f"mark {escape(mark.style)}"
    if mark.shape == "circle":
        return f'<circle class="{style}" cx="{_number(x)}" cy="{_number(y)}" r="4.5"/>'
    half = 4.2 if mark.shape == "square" else 5.6
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    if mark.shape == "diamond":
        corners = [(0, -half), (half, 0), (0, half), (-half, 0)]
    points = " ".join(f"{_number(x + dx)},{_number(y + dy)}" for dx, dy in corners)
    return f'<polygon class="{style}" points="{points}"/>'


def _legend(entries: Sequence[tuple[str, Mark]]) -> list[str]:
    parts, x = [], _LEFT + 6.0
    for name, mark in entries:
        parts += [_shape(mark, x, 9), _text(x + 10, 13, name, "legend")]
        x += 30 + 7.2 * len(name)
    return parts


def _apart(positions: list[float], least: float) -> list[float]:
    """Move positions just so far that neighbours are `least` apart, in their order."""
    order = sorted(range(len(positions)), key=lambda place: positions[place])
    moved = list(positions)
    for before, after in itertools.pairwise(order):
        lack = least - (moved[after] - moved[before])
        if lack > 0:
            moved[after] += lack
    return moved


class _Scale:
    """A straight map from values to places."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.start = low, start
        self.slope = (end - start) / (high - low)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) * self.slope


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    places = zip(("x1", "y1", "x2", "y2"), (x1, y1, x2, y2), strict=True)
    return f'<line class="{style}" ' + " ".join(f'{name}="{_number(value)}"' for name, value in places) + "/>"


def _text(x: float, y: float, content: str, style: str) -> str:
    return f'<text class="{escape(style)}" x="{_number(x)}" y="{_number(y)}">{escape(content)}</text>'


def _figure(parts: Sequence[str], height: float, title: str, description: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {_number(height)}" role="img" class="plot">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{''.join(parts)}</svg>"
    )
