"""Shares against shares, over a diagonal on which both are equal: how often answers are right, and how sure.

Drawn like the plots of report/svg.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from twinlm.report.svg import tick_labels, ticks
from twinlm.report.svg_parts import LETTER, Scale, Shape, figure, number, shortened, stroke, symbol, words

_TOP, _BOTTOM, _LEFT, _RIGHT = 28.0, 238.0, 36.0, 350.0
_KEY_ROW = 17.0
_KEY_LETTERS = int((_RIGHT - _LEFT - 22) / LETTER)
_LARGEST = 100.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Points of one kind, from left to right."""

    name: str
    """In the key below, cut if it is too long."""
    style: str
    """CSS classes."""
    shape: Shape
    """How points are drawn."""
    points: list[tuple[float, float, float, float]]
    """x, y, and the ends of the interval of y, all in percent."""


def diagonal_plot(
    series: Sequence[Series], *, title: str, description: str, x_label: str, y_label: str
) -> str:
    """Return points with upright intervals over two axes of the same range in percent, both ending at 100.

    Args:
        series: what to draw, with at least one point in all; a later one lies on top.
        title: what a screen reader calls it.
        description: what a screen reader tells of it.
        x_label: quantity and unit, below the axis.
        y_label: quantity and unit, above the axis.
    """
    lowest = min(min(x, low) for item in series for x, _, low, _ in item.points)
    values = [value for value in ticks(lowest, _LARGEST, 5) if value <= _LARGEST]
    across = Scale(values[0], _LARGEST, _LEFT, _RIGHT)
    down = Scale(values[0], _LARGEST, _BOTTOM, _TOP)
    parts = [words(0, 14, y_label, "axis-name")]
    for value, label in zip(values, tick_labels(values), strict=True):
        parts.append(stroke(_LEFT, down(value), _RIGHT, down(value), "grid"))
        parts.append(words(_LEFT - 6, down(value) + 4, label, "tick end"))
        parts.append(words(across(value), _BOTTOM + 17, label, "tick middle"))
    parts.append(stroke(_LEFT, _BOTTOM, _RIGHT, _TOP, "axis"))
    for place, item in enumerate(series):
        path = " ".join(f"{number(across(x))},{number(down(y))}" for x, y, _, _ in item.points)
        parts.append(f'<polyline class="{item.style} thin" points="{path}"/>')
        for x, y, low, high in item.points:
            ends = (down(min(high, _LARGEST)), down(max(low, values[0])))
            parts.append(stroke(across(x), ends[0], across(x), ends[1], f"interval {item.style}"))
            parts.append(symbol(item.shape, item.style, across(x), down(y)))
        key = _BOTTOM + 56 + _KEY_ROW * place
        parts.append(symbol(item.shape, item.style, _LEFT + 8, key - 4))
        parts.append(words(_LEFT + 22, key, shortened(item.name, _KEY_LETTERS), "legend"))
    parts.append(words(_RIGHT, _BOTTOM + 34, x_label, "axis-name end"))
    return figure(parts, _BOTTOM + 42 + _KEY_ROW * len(series), title, description)
