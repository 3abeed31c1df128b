"""What all plots are drawn with: two axes in a frame, and lines, marks and a key in it, as SVG text.

A plot is 360 units wide, so that its text is readable at a phone's width; a wider page shows plots side by
side rather than larger. Colours come from the page's CSS, through classes; each kind of model has a shape of
its own as well. Read next: plots.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from twinlm.report.markup import Markup, number, tag
from twinlm.report.numbers import MINUS

WIDTH = 360
LETTER, DIGIT = 6.3, 7.5
"""About how wide a letter of a label and one of a value are, the latter being bold."""
_KEY_ROW = 17.0
_NEAR = 20.0
_LEAST_FACTOR = 2.0

Shape = Literal["circle", "square", "diamond"]
"""Shape of a mark."""
Place = tuple[float, float]
"""x and y."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A range of values with ticks; one that runs from high to low is turned around."""

    label: str
    """Quantity and unit."""
    low: float
    """Value at the left or lower end."""
    high: float
    """Value at the right or upper end; not `low`."""
    ticks: Sequence[tuple[float, str]] = ()
    """Values and how they are written."""
    is_log: bool = False
    """Flag for a logarithmic axis, of values above 0."""

    @classmethod
    def linear(cls, label: str, low: float, high: float, count: int = 5, most: float = math.inf) -> Self:
        """Return an axis from one round value to another, of which none is above `most`."""
        values = [value for value in ticks(low, high, count) if value <= most]
        labels = tick_labels(values)
        return cls(label=label, low=values[0], high=values[-1], ticks=list(zip(values, labels, strict=True)))

    @classmethod
    def log(cls, label: str, low: float, high: float) -> Self:
        """Return a logarithmic axis around two values above 0."""
        # An axis of less than a factor of two would make much of little.
        wider = max(1.0, (_LEAST_FACTOR * low / high) ** 0.5)
        edge = wider * (high / low * wider**2) ** 0.04
        low, high = low / edge, high * edge
        values = [(value, _short(value)) for value in log_ticks(low, high)]
        return cls(label=label, low=low, high=high, ticks=values, is_log=True)

    def share(self, value: float) -> float:
        """Return how far along the axis a value stands, from 0 to 1."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def clipped(self, value: float) -> float:
        """Return a value, or the end of the axis that it lies behind."""
        return min(max(value, min(self.low, self.high)), max(self.low, self.high))


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Look of an arm's marks."""

    style: str
    """CSS classes."""
    shape: Shape = "circle"
    """Shape of each mark."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A mark with its intervals and the single values it is the mean of, where it has them."""

    x: float
    """Value on the axis across."""
    y: float
    """Value on the axis down."""
    look: Look
    """Look of the mark."""
    x_ends: tuple[float, float] | None = None
    """Ends of the interval of x."""
    y_ends: tuple[float, float] | None = None
    """Ends of the interval of y."""
    dots: tuple[float, ...] = ()
    """Values of x that are drawn small, below the mark."""


class Axes:
    """A frame with an axis across and one from bottom to top; what is drawn later lies on top.

    The edges of the frame are coordinates of the picture, in which y grows downwards.
    """

    def __init__(
        self,
        across: Axis,
        down: Axis,
        *,
        left: float = 36,
        top: float = 28,
        right: float = 354,
        bottom: float,
    ) -> None:
        self.across, self.down = across, down
        self.left, self.top, self.right, self.bottom = left, top, right, bottom
        self._height = bottom + 40
        self._parts = [stroke((left, bottom), (right, bottom), "axis")]
        for value, label in across.ticks:
            x = self.x(value)
            self._parts.append(stroke((x, bottom), (x, bottom + 4), "axis"))
            self.words(x, bottom + 17, label, "tick middle")
        for value, label in down.ticks:
            self.words(left - 6, self.y(value) + 4, label, "tick end")
        self.words(0, 14, down.label, "axis-name")
        self.words(right, bottom + 34, across.label, "axis-name end")

    def x(self, value: float) -> float:
        """Return where a value of the axis across stands."""
        return self.left + self.across.share(value) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return where a value of the axis down stands."""
        return self.bottom + self.down.share(value) * (self.top - self.bottom)

    def grid_across(self) -> None:
        """Draw a line from left to right at each tick of the axis down."""
        for value, _ in self.down.ticks:
            self._parts.append(stroke((self.left, self.y(value)), (self.right, self.y(value)), "grid"))

    def grid_down(self, reference: float | None = None) -> None:
        """Draw a line from top to bottom at each tick of the axis across, a strong one at `reference`."""
        for value, _ in self.across.ticks:
            style = "reference" if value == reference else "grid"
            self._parts.append(stroke((self.x(value), self.top), (self.x(value), self.bottom), style))

    def line(self, points: Sequence[Place], style: str) -> None:
        """Draw a line from one point to the next; a single point becomes a dot."""
        # A lone point is written twice: the line's round ends then make it a dot.
        doubled = list(points) * 2 if len(points) == 1 else points
        self._parts.append(_corners("polyline", [(self.x(x), self.y(y)) for x, y in doubled], style))

    def point(self, point: Point) -> None:
        """Draw a mark with its intervals, or an arrow at the edge that it lies behind."""
        style, x, y = (
            point.look.style,
            self.x(self.across.clipped(point.x)),
            self.y(self.down.clipped(point.y)),
        )
        if point.x != self.across.clipped(point.x):
            tip, back = (x - 6, x + 2) if point.x < self.across.low else (x + 6, x - 2)
            self._parts.append(
                _corners("polygon", [(tip, y), (back, y - 4.5), (back, y + 4.5)], f"mark {style}")
            )
            return
        if point.x_ends:
            low, high = (self.x(self.across.clipped(end)) for end in point.x_ends)
            self._parts.append(stroke((low, y), (high, y), f"interval {style}"))
        if point.y_ends:
            low, high = (self.y(self.down.clipped(end)) for end in point.y_ends)
            self._parts.append(stroke((x, low), (x, high), f"interval {style}"))
        inside = [dot for dot in point.dots if dot == self.across.clipped(dot)]
        self._parts += [tag("circle", class_=f"dot {style}", cx=self.x(dot), cy=y + 9, r=2) for dot in inside]
        self._parts.append(symbol(point.look, x, y))

    def words(self, x: float, y: float, content: str, style: str) -> None:
        """Write a text at a place of the picture."""
        self._parts += [tag("text", content, class_=style, x=x, y=y)] if content else []

    def labels(self, labels: Sequence[tuple[str, Place, str]]) -> None:
        """Write texts, with x and y on the axes and CSS classes, so that none covers another."""
        places = [(self.x(x), self.y(y)) for _, (x, y), _ in labels]
        moved = apart(places, 13, self.bottom)
        for (text, _, style), (x, y), new in zip(labels, places, moved, strict=True):
            if abs(new - y) > 8:
                self._parts.append(stroke((x, y), (x + 6, new), "leader"))
            self.words(x + 7, new + 4, text, f"end-label {style}")

    def key(self, entries: Sequence[tuple[str, str, Look]]) -> None:
        """Draw a row below the frame for each number (or nothing), name, and how its marks look."""
        most = int((WIDTH - 64) / LETTER)
        for label, name, look in entries:
            y = self._height + 12
            self.words(30, y, label, f"end-label end {look.style}")
            self._parts.append(symbol(look, 44, y - 4))
            self.words(58, y, shortened(name, most), "legend")
            self._height += _KEY_ROW

    def svg(self, title: str, description: str) -> Markup:
        """Return the picture, with what a screen reader calls it and tells of it."""
        spoken = [tag("title", title), tag("desc", description)]
        box = f"0 0 {WIDTH} {number(self._height)}"
        return tag("svg", *spoken, *self._parts, viewBox=box, role="img", class_="plot")


def symbol(look: Look, x: float, y: float) -> Markup:
    """Return a mark around a place."""
    style = f"mark {look.style}"
    if look.shape == "circle":
        return tag("circle", class_=style, cx=x, cy=y, r=4.5)
    half = 4.2 if look.shape == "square" else 5.6
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    if look.shape == "diamond":
        corners = [(0, -half), (half, 0), (0, half), (-half, 0)]
    return _corners("polygon", [(x + dx, y + dy) for dx, dy in corners], style)


def stroke(begin: Place, end: Place, style: str) -> Markup:
    """Return a straight line."""
    return tag("line", class_=style, x1=begin[0], y1=begin[1], x2=end[0], y2=end[1])


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many letters, with an ellipsis where it was cut."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def apart(places: Sequence[Place], least: float, lowest: float) -> list[float]:
    """Return each y, moved so that places above one another are `least` apart and none is below `lowest`."""
    order = sorted(range(len(places)), key=lambda index: places[index][1])
    moved = [y for _, y in places]

    def of_neighbours(before: Sequence[int], index: int) -> list[float]:
        return [moved[other] for other in before if abs(places[other][0] - places[index][0]) < _NEAR]

    for position, index in enumerate(order):
        moved[index] = max([moved[index], *(y + least for y in of_neighbours(order[:position], index))])
    for position, index in reversed(list(enumerate(order))):
        below = [y - least for y in of_neighbours(order[position + 1 :], index)]
        moved[index] = min([moved[index], lowest, *below])
    return moved


def ticks(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round values, evenly spaced, from `low` or less to `high` or more."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return three to eight round values from `low` to `high`, about evenly spaced on a logarithmic axis.

    Both must be above 0, and `high` at least twice `low`.
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in (("1",), ("1", "3"), ("1", "2", "5"), ("1", "1.5", "2", "3", "5", "7")):
        values = [float(f"{factor}e{power}") for power in powers for factor in factors]
        inside = [value for value in values if low <= value <= high]
        if len(inside) >= 3:
            return inside[:: -(-len(inside) // 8)]
    power = powers[0]
    values = [float(f"{value:g}e{power}") for value in ticks(low / 10**power, high / 10**power, 6)]
    return [value for value in values if low <= value <= high]


def tick_labels(values: Sequence[float]) -> list[str]:
    """Return the values with as many decimals as tell them apart, all with equally many."""
    for decimals in range(9):
        if all(math.isclose(value, round(value, decimals), abs_tol=1e-10) for value in values):
            break
    return [f"{value:,.{decimals}f}".replace("-", MINUS) for value in values]


def _corners(name: str, places: Sequence[Place], style: str) -> Markup:
    return tag(name, class_=style, points=" ".join(f"{number(x)},{number(y)}" for x, y in places))


def _short(value: float) -> str:
    if 1e-4 <= value < 1e5:
        return f"{value:,.10f}".rstrip("0").rstrip(".")
    digits, power = f"{value:e}".split("e")
    return f"{float(digits):g}e{int(power)}"
