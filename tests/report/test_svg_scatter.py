import itertools
import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twinlm.report import svg_scatter
from twinlm.report.svg_scatter import Point, log_ticks, scatter_plot


def point(name, x, y, **more):
    return Point(
        name=name, x=x, y=y, across=(0.97 * x, 1.03 * x), down=(y - 3, y + 2), style="family-0", **more
    )


def plot(points, front=None):
    corners = front or [(points[0].x, points[0].y)]
    return scatter_plot(
        points, front=corners, title="a & b", description="<d>", x_label="seconds", y_label="accuracy, %"
    )


TWO = [point("GPT", 0.58, 72.7), point("BERT <b>", 0.53, 61.9, shape="square", is_faded=True)]


def names(svg):
    root = ElementTree.fromstring(svg)
    return [item.text for item in root.iter("text") if "end-label" in item.get("class")]


@given(st.floats(-12, 12), st.floats(0.302, 20))
@example(-11.75, 0.375)
def test_log_ticks_are_few_inside_and_rising(start, decades):
    low, high = 10**start, 10 ** (start + decades)
    found = log_ticks(low, high)
    assert 3 <= len(found) <= 8
    assert all(low <= value <= high for value in found)
    assert all(one < other for one, other in itertools.pairwise(found))


def test_log_ticks_are_round():
    assert log_ticks(0.4, 0.8) == [0.4, 0.5, 0.6, 0.7, 0.8]
    assert log_ticks(0.5, 60) == [1, 3, 10, 30]
    assert log_ticks(0.002, 3) == [0.01, 0.1, 1]
    assert log_ticks(1, 10) == [1, 3, 10]


def test_a_plot_is_xml_with_words_for_screen_readers_and_always_the_same():
    root = ElementTree.fromstring(plot(TWO))
    assert root.get("role") == "img"
    assert (root.find("title").text, root.find("desc").text) == ("a & b", "<d>")
    assert plot(TWO) == plot(TWO)
    assert not re.search("fill=|stroke=|style=", plot(TWO))


def test_names_stand_beside_few_marks_and_numbers_with_a_key_beside_many():
    assert names(plot(TWO)) == ["GPT", "BERT <b>"]
    many = [point(f"BERT without pre-training, {place}", 1 + 0.001 * place, 70) for place in range(12)]
    svg = plot(many)
    assert names(svg) == [str(place) for place in range(1, 13)] * 2  # in the plot, then in the key
    for each in many:
        assert f">{each.name}</text>" in svg


def test_a_long_name_in_the_key_is_cut():
    long = "a model whose name says all about how it was made, and then some"
    svg = plot([point(long, 1, 70), point(long, 1, 70)])
    assert names(svg) == ["1", "2"] * 2
    cut = re.findall(r'class="legend"[^>]*>([^<]+)<', svg)
    assert all(40 < len(text) < 50 and text.endswith("\N{HORIZONTAL ELLIPSIS}") for text in cut)


@given(st.lists(st.tuples(st.floats(1e-4, 1e15), st.floats(0, 100)), min_size=1, max_size=12))
def test_everything_lies_inside_the_picture(places):
    points = [point(f"arm {number}", x, y) for number, (x, y) in enumerate(places)]
    root = ElementTree.fromstring(plot(points))
    _, _, width, height = map(float, root.get("viewBox").split())
    for element in root.iter():
        across = [float(element.get(name)) for name in ("x", "x1", "x2", "cx") if element.get(name)]
        down = [float(element.get(name)) for name in ("y", "y1", "y2", "cy") if element.get(name)]
        assert all(-0.1 <= x <= width for x in across)
        assert all(0 <= y <= height for y in down)


def test_the_front_goes_level_then_up_and_on_to_the_edge():
    points = [point("a", 1, 50), point("b", 10, 60), point("c", 100, 70)]
    (line,) = ElementTree.fromstring(plot(points, [(one.x, one.y) for one in points])).iter("polyline")
    corners = [tuple(map(float, corner.split(","))) for corner in line.get("points").split()]
    assert line.get("class") == "front"
    assert len(corners) == 6
    assert [one[1] == other[1] for one, other in itertools.pairwise(corners)] == [True, False] * 2 + [True]
    assert [one[0] == other[0] for one, other in itertools.pairwise(corners)] == [False, True] * 2 + [False]
    assert corners[-1][0] == 354


def test_a_faded_mark_keeps_its_label_readable():
    root = ElementTree.fromstring(plot(TWO))
    faded = [item for item in root.iter() if "faded" in item.get("class", "")]
    assert sorted(item.tag for item in faded) == ["line", "line", "polygon"]


def test_costs_that_hardly_differ_are_not_drawn_far_apart():
    root = ElementTree.fromstring(plot([point("a", 1.0, 50), point("b", 1.01, 60)]))
    first, second = (float(item.get("cx")) for item in root.iter("circle"))
    assert 0 < second - first < 12


@pytest.mark.parametrize(
    ("value", "label"), [(1e13, "1e13"), (2000, "2,000"), (0.02, "0.02"), (3e-6, "3e-6")]
)
def test_ticks_are_written_shortly(value, label):
    assert f">{label}</text>" in plot([point("a", value / 2, 50), point("b", 2 * value, 60)])


def test_more_marks_than_have_room_are_drawn_all_the_same(monkeypatch):
    monkeypatch.setattr(svg_scatter, "place_labels", lambda *arguments, **options: None)
    assert names(plot(TWO)) == ["1", "2"] * 2
