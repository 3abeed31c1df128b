"""Where labels stand beside marks: none over another, over a mark or outside, and as near as can be."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

_NEAREST, _STEP = 8.0, 7.0
_HEIGHT, _DOWN = 13.5, 3.5
"""Of a text, and how far it reaches below the line that it stands on."""
_MARK = 6.0
_EDGES = [(1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 1.0)]
_CORNERS = [(1.0, -1.0), (1.0, 1.0), (-1.0, -1.0), (-1.0, 1.0)]
_BETWEEN = [(0.5 * x, y) for x, y in _CORNERS] + [(x, 0.5 * y) for x, y in _CORNERS]
_DIRECTIONS = [*_EDGES, *_CORNERS, *_BETWEEN]

Place = tuple[float, float]
"""x and y."""
Line = tuple[Place, Place]
"""Straight, from one place to another."""


class Box(NamedTuple):
    """A rectangle; y grows downwards."""

    left: float
    """Smallest x."""
    top: float
    """Smallest y."""
    right: float
    """Largest x."""
    bottom: float
    """Largest y."""

    @classmethod
    def around(cls, x: float, y: float, half_width: float, half_height: float) -> Self:
        """Return the rectangle around a place."""
        return cls(x - half_width, y - half_height, x + half_width, y + half_height)

    def meets(self, other: "Box") -> bool:
        """Tell whether the two have an area in common."""
        is_beside = self.right <= other.left or other.right <= self.left
        return not (is_beside or self.bottom <= other.top or other.bottom <= self.top)

    def holds(self, other: "Box") -> bool:
        """Tell whether the other lies inside, edges included."""
        is_within = self.left <= other.left and other.right <= self.right
        return is_within and self.top <= other.top and other.bottom <= self.bottom

    def is_crossed(self, line: Line) -> bool:
        """Tell whether a line runs through the inside (clipped as by Liang and Barsky 1984)."""
        begin, end = line
        enters, leaves = 0.0, 1.0
        for low, high, start, way in (
            (self.left, self.right, begin[0], end[0] - begin[0]),
            (self.top, self.bottom, begin[1], end[1] - begin[1]),
        ):
            if way == 0:
                leaves = leaves if low < start < high else -1.0
                continue
            first, last = sorted(((low - start) / way, (high - start) / way))
            enters, leaves = max(enters, first), min(leaves, last)
        return enters < leaves

    def nearest(self, place: Place) -> Place:
        """Return the place of this box that is nearest to another place."""
        x, y = place
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)

    @property
    def middle(self) -> float:
        """The x in the middle."""
        return (self.left + self.right) / 2

    @property
    def baseline(self) -> float:
        """The y on which a text in this box stands."""
        return self.bottom - _DOWN


def place_labels(
    marks: Sequence[Place],
    widths: Sequence[float],
    *,
    area: Box,
    avoided: Sequence[Line] = (),
    reach: float,
) -> list[Box] | None:
    """Return a box for the label of each mark, or None if some label finds no place.

    Labels are placed one after another. Each takes, of the places that are free, the nearest of those with
    the fewest crossings: of a line from a mark to its label with another label, or of a label with what is
    avoided.

    Args:
        marks: x and y of each.
        widths: of the labels.
        area: in which all labels must lie.
        avoided: lines that labels should not cover.
        reach: how far from its mark a label may stand.
    """
    taken = [Box.around(x, y, _MARK, _MARK) for x, y in marks]
    found: list[Box] = []
    for mark, width in zip(marks, widths, strict=True):
        leaders = [(begin, box.nearest(begin)) for begin, box in zip(marks, found, strict=False)]

        def crossings(box: Box, mark: Place = mark, lines: Sequence[Line] = (*leaders, *avoided)) -> int:
            own = (mark, box.nearest(mark))
            return sum(box.is_crossed(line) for line in lines) + sum(other.is_crossed(own) for other in found)

        places = (box for box in _around(mark, width, reach) if area.holds(box))
        free = [box for box in places if not any(box.meets(other) for other in [*taken, *found])]
        if not free:
            return None
        found.append(min(free, key=crossings))
    return found


def _around(mark: Place, width: float, reach: float) -> Iterator[Box]:
    """Yield the places for a label, the nearest first: right, left, above, below, corners, and in between."""
    x, y = mark
    distance = _NEAREST
    while distance <= reach:
        for across, down in _DIRECTIONS:
            center = x + across * (distance + width / 2)
            yield Box.around(center, y + down * (distance + _HEIGHT / 2), width / 2, _HEIGHT / 2)
        distance += _STEP
