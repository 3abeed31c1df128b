from xml.etree import ElementTree

import pytest

from twinlm.report.svg_parts import WIDTH, Scale, figure, number, stroke, symbol, words


def test_a_scale_is_straight_and_may_run_backwards():
    down = Scale(10, 20, 200, 100)
    assert (down(10), down(15), down(20), down(21)) == (200, 150, 100, 90)


@pytest.mark.parametrize("shape", ["circle", "square", "diamond"])
def test_a_mark_stands_around_its_place(shape):
    mark = ElementTree.fromstring(symbol(shape, "family-0", 50, 60))
    corners = mark.get("points") or f"{mark.get('cx')},{mark.get('cy')}"
    places = [tuple(map(float, corner.split(","))) for corner in corners.split()]
    assert [round(sum(axis) / len(places), 6) for axis in zip(*places, strict=True)] == [50, 60]
    assert mark.get("class") == "mark family-0"


def test_what_comes_from_outside_is_escaped():
    parts = [
        words(1, 2, "<b> & c", 'x"y'),
        stroke(0, 0, 1, 1, 'x"y'),
        symbol("circle", 'x"y', 1, 1),
        symbol("square", 'x"y', 1, 1),
    ]
    root = ElementTree.fromstring(figure(parts, 9.25, "a < b", "c & d"))
    assert root.get("viewBox") == f"0 0 {WIDTH} 9.2"
    assert [root.find(name).text for name in ("title", "desc", "text")] == ["a < b", "c & d", "<b> & c"]
    assert all('x"y' in element.get("class") for element in list(root)[2:])


def test_coordinates_are_short():
    assert [number(value) for value in (3.0, 3.04, 3.06, -2.25)] == ["3", "3", "3.1", "-2.2"]
