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

from twinlm.report.numbers import MINUS
from twinlm.report.svg_parts import (
    DIGIT,
    LETTER,
    Scale,
    Shape,
    figure,
    number,
    shortened,
    stroke,
    symbol,
    words,
)

_LEFT, _RIGHT = 6, 354
_ROW = 38
_COMPACT_ROW = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of a plot."""

    name: str
    """Written at its end; empty for a line that needs no name."""
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


def line_plot(
    lines: Sequence[Line],
    *,
    title: str,
    description: str,
    x_label: str,
    y_label: str,
    x_marks: Sequence[tuple[float, str]] = (),
) -> str:
    """Return a plot of lines over one pair of axes.

    Args:
        lines: what to draw; a later one lies on top.
        title: what a screen reader calls it.
        description: what a screen reader tells of it.
        x_label: quantity and unit, below the axis.
        y_label: quantity and unit, above the axis.
        x_marks: places and labels of an axis from the first of them to the last; without, one from 0 on.
    """
    top, bottom, left, right = 30.0, 208.0, 36.0, 286.0
    x_ticks = [x for x, _ in x_marks] or ticks(0.0, max(x for line in lines for x, _ in line.points), 4)
    x_labels = [label for _, label in x_marks] or tick_labels(x_ticks)
    values = [y for line in lines for _, y in line.points]
    y_ticks = ticks(min(values), max(values), 5)
    x_end = max(x_ticks[-1], *(x for line in lines for x, _ in line.points))
    across = Scale(x_ticks[0] if x_marks else 0.0, x_end, left, right)
    down = Scale(y_ticks[0], y_ticks[-1], bottom, top)
    parts = [words(0, 14, y_label, "axis-name")]
    for value, label in zip(y_ticks, tick_labels(y_ticks), strict=True):
        parts.append(stroke(left, down(value), right, down(value), "grid"))
        parts.append(words(left - 6, down(value) + 4, label, "tick end"))
    for value, label in zip(x_ticks, x_labels, strict=True):
        parts.append(stroke(across(value), bottom, across(value), bottom + 4, "axis"))
        parts.append(words(across(value), bottom + 17, label, "tick middle"))
    parts.append(stroke(left, bottom, right, bottom, "axis"))
    parts.append(words(right, bottom + 34, x_label, "axis-name end"))
    for line in lines:
        # A lone point twice: its round ends then make it a dot.
        points = line.points * 2 if len(line.points) == 1 else line.points
        path = " ".join(f"{number(across(x))},{number(down(y))}" for x, y in points)
        parts.append(f'<polyline class="{escape(line.style)}" points="{path}"/>')
    named = [line for line in lines if line.name]
    ends = _apart([down(line.points[-1][1]) for line in named], 14)
    for line, end in zip(named, ends, strict=True):
        parts.append(words(across(line.points[-1][0]) + 6, end + 4, line.name, f"end-label {line.style}"))
    return figure(parts, bottom + 40, title, description)


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
    across = Scale(x_ticks[0], x_ticks[-1], _LEFT + 8.0, _RIGHT - 8.0)
    top = 24.0 if legend else 0.0
    height = _ROW if any(mark.dots for row in rows for mark in row.marks) else _COMPACT_ROW
    bottom = top + height * len(rows) + 4
    parts = _legend(legend)
    for value, label in zip(x_ticks, tick_labels(x_ticks), strict=True):
        style = "reference" if value == reference else "grid"
        # Broken where the rows' labels stand.
        for place in range(len(rows)):
            y = top + height * place
            parts.append(stroke(across(value), y + 17, across(value), y + height - 1, style))
        parts.append(words(across(value), bottom + 14, label, "tick middle"))
    parts.append(words(_RIGHT, bottom + 31, x_label, "axis-name end"))
    for place, row in enumerate(rows):
        y = top + height * place
        parts.append(words(_LEFT, y + 13, _fitting(row), "row-label"))
        if row.text:
            parts.append(words(_RIGHT, y + 13, row.text, "row-value end"))
        for mark in row.marks:
            parts += _mark(mark, across, y + 23, (x_ticks[0], x_ticks[-1]))
    return figure(parts, bottom + 37, title, description)


def _fitting(row: Row) -> str:
    """Return a row's label, cut if it would run into the value; whoever draws says it whole elsewhere."""
    room = int((_RIGHT - _LEFT - LETTER - DIGIT * len(row.text)) / LETTER)
    return shortened(row.label, room)


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


def _mark(mark: Mark, across: Scale, y: float, limits: tuple[float, float]) -> list[str]:
    """Draw one mark, or an arrow at the edge that it lies behind."""
    style = escape(mark.style)
    if not limits[0] <= mark.value <= limits[1]:
        x, way = (across(limits[0]) - 6, 1) if mark.value < limits[0] else (across(limits[1]) + 6, -1)
        tip = f"{number(x)},{number(y)}"
        back = f"{number(x + 8 * way)},{number(y - 4.5)} {number(x + 8 * way)},{number(y + 4.5)}"
        return [f'<polygon class="mark {style}" points="{tip} {back}"/>']
    parts = []
    if mark.low is not None and mark.high is not None:
        low, high = max(mark.low, limits[0]), min(mark.high, limits[1])
        parts.append(stroke(across(low), y, across(high), y, f"interval {mark.style}"))
    for dot in mark.dots:
        if limits[0] <= dot <= limits[1]:
            parts.append(
                f'<circle class="dot {style}" cx="{number(across(dot))}" cy="{number(y + 9)}" r="2"/>'
            )
    return [*parts, symbol(mark.shape, mark.style, across(mark.value), y)]


def _legend(entries: Sequence[tuple[str, Mark]]) -> list[str]:
    parts, x = [], _LEFT + 6.0
    for name, mark in entries:
        parts += [symbol(mark.shape, mark.style, x, 9), words(x + 10, 13, name, "legend")]
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
