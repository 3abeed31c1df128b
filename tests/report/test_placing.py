import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.report.placing import Box, place_labels

AREA = Box(38, 20, 354, 220)
PLACES = st.tuples(st.floats(48, 342), st.floats(28, 212))


@given(st.lists(PLACES, min_size=1, max_size=12), st.floats(8, 25))
def test_labels_lie_inside_and_cover_no_label_and_no_mark(marks, width):
    found = place_labels(marks, [width] * len(marks), area=AREA, reach=150)
    assert found is not None and len(found) == len(marks)
    for box in found:
        assert AREA.holds(box)
        assert box.right - box.left == pytest.approx(width)
        assert not any(box.left < x < box.right and box.top < y < box.bottom for x, y in marks)
    for one, other in itertools.combinations(found, 2):
        assert not one.meets(other)


@given(st.lists(PLACES, min_size=1, max_size=6))
def test_labels_stand_as_near_as_they_may(marks):
    near = place_labels(marks, [60.0] * len(marks), area=AREA, reach=22)
    for mark, box in zip(marks, near or [], strict=False):
        assert math.dist(mark, box.nearest(mark)) <= 22 * 2**0.5


def test_a_lone_label_stands_at_the_right_and_at_the_edge_at_the_left():
    (right,) = place_labels([(100.0, 100.0)], [50.0], area=AREA, reach=22)
    assert right == Box(108, 93.25, 158, 106.75)
    assert right.middle == 133
    assert right.baseline == 103.25
    (left,) = place_labels([(340.0, 100.0)], [50.0], area=AREA, reach=22)
    assert left.right == 332


def test_a_label_leaves_a_line_free_if_it_can():
    line = ((100.0, 100.0), (354.0, 100.0))
    (box,) = place_labels([(100.0, 100.0)], [50.0], area=AREA, avoided=[line], reach=22)
    assert not box.is_crossed(line)


def test_what_has_no_room_has_none():
    assert place_labels([(100.0, 100.0)], [400.0], area=AREA, reach=100) is None
    assert place_labels([(100.0, 100.0)] * 30, [80.0] * 30, area=AREA, reach=22) is None


@given(PLACES, PLACES, PLACES, st.floats(1, 60), st.floats(1, 60))
def test_a_line_crosses_a_box_if_some_of_its_places_lie_inside(begin, end, center, half_width, half_height):
    box = Box.around(*center, half_width, half_height)
    steps = [step / 500 for step in range(501)]
    inner = Box(box.left + 1e-6, box.top + 1e-6, box.right - 1e-6, box.bottom - 1e-6)
    outer = Box(box.left - 2, box.top - 2, box.right + 2, box.bottom + 2)

    def is_inside(box: Box) -> bool:
        on_it = ((b + (e - b) * step for b, e in zip(begin, end, strict=True)) for step in steps)
        return any(box.left < x < box.right and box.top < y < box.bottom for x, y in on_it)

    if is_inside(inner):
        assert box.is_crossed((begin, end))
    if not is_inside(outer):  # places on the line are less than 1 apart
        assert not box.is_crossed((begin, end))


def test_a_line_along_an_edge_is_outside():
    box = Box(0, 0, 10, 10)
    assert not box.is_crossed(((0, -5), (0, 15)))
    assert box.is_crossed(((5, -5), (5, 15)))
    assert not box.is_crossed(((5, -5), (5, -1)))


def test_boxes_that_touch_do_not_meet():
    box = Box(0, 0, 10, 10)
    assert not box.meets(Box(10, 0, 20, 10))
    assert not box.meets(Box(0, 10, 10, 20))
    assert box.meets(Box(9, 9, 20, 20))
    assert box.holds(box)
    assert not box.holds(Box(1, 1, 11, 9))
