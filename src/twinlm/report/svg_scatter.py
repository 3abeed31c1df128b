"""Marks in a plane, such as scores against costs: costs on a logarithmic axis, and the front as steps.

Drawn like the plots of report/svg.py. Where the names don't fit beside the marks, numbers stand there, with
a key.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from twinlm.report.placing import Box, Line, Place, place_labels
from twinlm.report.svg import tick_labels, ticks
from twinlm.report.svg_parts import LETTER, Scale, Shape, figure, number, shortened, stroke, symbol, words

_TOP, _BOTTOM, _LEFT, _RIGHT = 28.0, 222.0, 36.0, 354.0
_AREA = Box(_LEFT + 2, _TOP - 8, _RIGHT, _BOTTOM - 2)
"""In which labels stand."""
_INSIDE = 12.0
"""Least distance of a mark from the left and right edge."""
_KEY_ROW = 17.0
_LEAST_FACTOR = 2.0
"""Between the ends of the axis of costs: less would make much of little."""
_NEAR, _FAR = 22.0, 150.0
"""How far from its mark a name may stand, and a number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A mark with its name."""

    name: str
    """Beside it, or in the key."""
    x: float
    """Above 0."""
    y: float
    """Where it stands."""
    across: tuple[float, float]
    """Ends of the interval of x, above 0."""
    down: tuple[float, float]
    """Ends of the interval of y."""
    style: str
    """CSS classes."""
    shape: Shape = "circle"
    """How it is drawn."""
    is_faded: bool = False
    """Whether its mark is paler than others."""


def scatter_plot(
    points: Sequence[Point],
    *,
    front: Sequence[tuple[float, float]],
    title: str,
    description: str,
    x_label: str,
    y_label: str,
) -> str:
    """Return the marks over a logarithmic and a straight axis.

    Args:
        points: what to draw, at least one; a later one lies on top.
        front: x and y of the corners of the step line, from left to right; at least one.
        title: what a screen reader calls it.
        description: what a screen reader tells of it.
        x_label: quantity and unit, below the axis.
        y_label: quantity and unit, above the axis.
    """
    low, high = _widened(min(point.across[0] for point in points), max(point.across[1] for point in points))
    y_ticks = ticks(min(point.down[0] for point in points), max(point.down[1] for point in points), 5)
    across = Scale(math.log(low), math.log(high), _LEFT + _INSIDE, _RIGHT - _INSIDE)
    down = Scale(y_ticks[0], y_ticks[-1], _BOTTOM, _TOP)
    marks = [(across(math.log(point.x)), down(point.y)) for point in points]
    steps = _steps([(across(math.log(x)), down(y)) for x, y in front])
    bars = []
    for point, (x, y) in zip(points, marks, strict=True):
        left, right = (across(math.log(end)) for end in point.across)
        bars.append(((left, y), (right, y)))
        bars.append(((x, down(point.down[1])), (x, down(point.down[0]))))
    labels, boxes = _labels(points, marks, [*bars, *itertools.pairwise(steps)])
    parts = [*_down_axis(y_ticks, down, y_label), *_across_axis(low, high, across, x_label)]
    path = " ".join(f"{number(x)},{number(y)}" for x, y in steps)
    parts.append(f'<polyline class="front" points="{path}"/>')
    for (begin, end), point in zip(bars, [point for point in points for _ in range(2)], strict=True):
        parts.append(stroke(*begin, *end, f"interval {_style(point)}"))
    parts += [_leader(mark, box) for mark, box in zip(marks, boxes, strict=True)]
    parts += [symbol(point.shape, _style(point), *mark) for point, mark in zip(points, marks, strict=True)]
    for point, mark, label, box in zip(points, marks, labels, boxes, strict=True):
        parts.append(_label(label, mark, box, f"end-label {point.style}"))
    keyed = points if labels != [point.name for point in points] else []
    parts += _key(keyed)
    return figure(parts, _BOTTOM + 42 + _KEY_ROW * len(keyed), title, description)


def log_ticks(low: float, high: float) -> list[float]:
    """Return three to eight round values from `low` to `high`, about evenly spaced on a logarithmic axis.

    Both must be above 0, and `high` at least twice `low`.
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in (("1",), ("1", "3"), ("1", "2", "5"), ("1", "1.5", "2", "3", "5", "7")):
        values = [float(f"{factor}e{power}") for power in powers for factor in factors]
        found = [value for value in values if low <= value <= high]
        if len(found) >= 3:
            return found[:: -(-len(found) // 8)]
    power = powers[0]
    values = [float(f"{value:g}e{power}") for value in ticks(low / 10**power, high / 10**power, 6)]
    return [value for value in values if low <= value <= high]


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis that is long enough to be one."""
    factor = max(1.0, (_LEAST_FACTOR * low / high) ** 0.5)
    return low / factor, high * factor


def _down_axis(values: Sequence[float], down: Scale, label: str) -> list[str]:
    parts = [words(0, 14, label, "axis-name")]
    for value, text in zip(values, tick_labels(values), strict=True):
        parts.append(stroke(_LEFT, down(value), _RIGHT, down(value), "grid"))
        parts.append(words(_LEFT - 6, down(value) + 4, text, "tick end"))
    return parts


def _across_axis(low: float, high: float, across: Scale, label: str) -> list[str]:
    parts = [stroke(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "axis")]
    for value in log_ticks(low, high):
        x = across(math.log(value))
        parts.append(stroke(x, _BOTTOM, x, _BOTTOM + 4, "axis"))
        parts.append(words(x, _BOTTOM + 17, _tick_label(value), "tick middle"))
    return [*parts, words(_RIGHT, _BOTTOM + 34, label, "axis-name end")]


def _tick_label(value: float) -> str:
    if 1e-4 <= value < 1e5:
        return f"{value:,.10f}".rstrip("0").rstrip(".")
    digits, power = f"{value:e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def _steps(corners: Sequence[Place]) -> list[Place]:
    """Return the line of the best score that each cost buys: level until the next corner, then up."""
    line = list(corners[:1])
    for (_, before), (x, y) in itertools.pairwise(corners):
        line += [(x, before), (x, y)]
    return [*line, (_RIGHT, corners[-1][1])]


def _labels(
    points: Sequence[Point], marks: Sequence[Place], lines: Sequence[Line]
) -> tuple[list[str], list[Box]]:
    """Return what stands beside the marks and where: names if they find a place near them, else numbers."""
    names = [point.name for point in points]
    numbers = [str(place) for place in range(1, len(points) + 1)]
    for labels, reach in ((names, _NEAR), (numbers, _FAR)):
        widths = [LETTER * len(label) + 6 for label in labels]
        boxes = place_labels(marks, widths, area=_AREA, avoided=lines, reach=reach)
        if boxes is not None:
            return labels, boxes
    # Some twenty marks or more in one place.
    return numbers, [Box.around(x + 14, y, 6, 7) for x, y in marks]


def _leader(mark: Place, box: Box) -> str:
    """Draw a thin line from a mark to its label, if that stands apart."""
    near = box.nearest(mark)
    return stroke(*mark, *near, "leader") if math.dist(mark, near) > 11 else ""


def _label(text: str, mark: Place, box: Box, style: str) -> str:
    """Write a label so that it touches its mark's side of the box: letters may be narrower than thought."""
    if abs(box.middle - mark[0]) <= 1:
        return words(mark[0], box.baseline, text, f"{style} middle")
    if box.middle < mark[0]:
        return words(box.right, box.baseline, text, f"{style} end")
    return words(box.left, box.baseline, text, style)


def _key(points: Sequence[Point]) -> list[str]:
    """Draw a row for each mark with its number and name, cut if it is too long."""
    parts, most = [], int((_RIGHT - _LEFT - 22) / LETTER)
    for place, point in enumerate(points):
        y = _BOTTOM + 56 + _KEY_ROW * place
        parts.append(symbol(point.shape, _style(point), _LEFT + 8, y - 4))
        parts.append(words(_LEFT - 6, y, str(place + 1), f"end-label end {point.style}"))
        parts.append(words(_LEFT + 22, y, shortened(point.name, most), "legend"))
    return parts


def _style(point: Point) -> str:
    return f"{point.style} faded" if point.is_faded else point.style
