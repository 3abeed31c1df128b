import itertools
import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twinlm.report.drawing.svg import (
    WIDTH,
    Axes,
    Axis,
    Look,
    Point,
    apart,
    log_ticks,
    stroke,
    symbol,
    tick_labels,
    ticks,
)

LOOK = Look(style="family-0")


def _axes(low=70.0, high=85.0):
    return Axes(Axis.linear("accuracy, %", low, high), Axis.linear("bits", 0, 10), bottom=200)


def _root(axes):
    return ElementTree.fromstring(axes.svg("a & b", "<d>"))


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(3, 8))
def test_ticks_are_round_cover_the_range_and_are_few(low, span, count):
    found = ticks(low, low + span, count)
    assert found[0] <= low + 1e-6 * span
    assert found[-1] >= (low + span) - 1e-6 * span
    assert 2 <= len(found) <= count + 3
    steps = {f"{b - a:.3e}" for a, b in itertools.pairwise(found)}
    assert len(steps) == 1
    assert float(steps.pop()[:5]) in (1.0, 2.0, 2.5, 5.0)


def test_ticks_of_a_range_without_width_are_ticks():
    assert ticks(2.0, 2.0, 4)[0] <= 2.0 < ticks(2.0, 2.0, 4)[-1]
    assert len(ticks(0.0, 0.0, 4)) > 1


def test_tick_labels_have_equally_many_decimals():
    assert tick_labels([0.0, 2.5, 5.0]) == ["0.0", "2.5", "5.0"]
    assert tick_labels([-10, 0, 1000]) == ["\N{MINUS SIGN}10", "0", "1,000"]


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


@pytest.mark.parametrize(
    ("value", "label"), [(1e13, "1e13"), (2000, "2,000"), (0.02, "0.02"), (3e-6, "3e-6")]
)
def test_logarithmic_ticks_are_written_shortly(value, label):
    assert label in [text for _, text in Axis.log("s", value / 2, 2 * value).ticks]


@given(st.floats(1e-12, 1e12), st.floats(1.0, 1e6))
def test_a_logarithmic_axis_holds_its_values_and_is_long_enough_to_be_one(low, factor):
    axis = Axis.log("s", low, low * factor)
    assert axis.low < low <= low * factor < axis.high
    assert axis.high >= 2 * axis.low
    assert 0 < axis.share(low) <= axis.share(low * factor) < 1


def test_costs_that_hardly_differ_are_not_drawn_far_apart():
    axis = Axis.log("s", 1.0, 1.01)
    assert 0 < axis.share(1.01) - axis.share(1.0) < 0.04


def test_an_axis_is_straight_and_may_run_backwards():
    axes = _axes(10, 20)
    assert [axes.x(value) for value in (10, 15, 20)] == [36, 195, 354]
    assert [axes.y(value) for value in (0, 5, 10)] == [200, 114, 28]
    assert Axis(label="", low=4, high=0).share(1) == 0.75


def test_a_plot_is_xml_with_words_for_screen_readers_and_always_the_same():
    root = _root(_axes())
    assert root.get("role") == "img" and root.get("viewBox") == f"0 0 {WIDTH} 240"
    assert (root.find("title").text, root.find("desc").text) == ("a & b", "<d>")
    assert _axes().svg("t", "d") == _axes().svg("t", "d")


def test_what_comes_from_outside_is_escaped():
    axes = _axes()
    axes.words(1, 2, "<b> & c", 'x"y')
    axes.key([("1", "<script>", Look(style='x"y'))])
    axes.line([(70, 1)], 'x"y')
    assert "<script" not in axes.svg("t", "d")
    assert "<b> & c" in [item.text for item in _root(axes).iter("text")]


def test_no_colour_is_fixed_in_a_plot():
    axes = _axes()
    axes.grid_across()
    axes.point(Point(x=80, y=5, look=LOOK, x_ends=(79, 81), y_ends=(4, 6), dots=(79.5,)))
    assert not re.search("fill=|stroke=|style=", axes.svg("t", "d"))


def test_a_mark_outside_the_axis_is_an_arrow_at_its_edge_and_intervals_are_cut_there():
    axes = _axes()
    axes.point(Point(x=14.8, y=5, look=LOOK, x_ends=(10, 20)))
    (arrow,) = _root(axes).iter("polygon")
    assert min(float(point.split(",")[0]) for point in arrow.get("points").split()) == axes.left - 6
    axes = _axes()
    axes.point(Point(x=72, y=5, look=LOOK, x_ends=(60, 74), dots=(60, 73)))
    (bar,) = [item for item in _root(axes).iter("line") if "interval" in item.get("class")]
    assert float(bar.get("x1")) == axes.x(70)
    assert len([item for item in _root(axes).iter("circle") if "dot" in item.get("class")]) == 1


def test_a_single_point_of_a_line_is_drawn():
    axes = _axes()
    axes.line([(70, 0)], "family-0")
    assert 'points="36,200 36,200"' in axes.svg("t", "d")


def test_a_tick_at_the_reference_is_strong():
    axes = _axes(-10, 10)
    axes.grid_down(reference=0.0)
    (line,) = [item for item in _root(axes).iter("line") if item.get("class") == "reference"]
    assert float(line.get("x1")) == axes.x(0)


def test_labels_do_not_cover_one_another_and_a_moved_one_has_a_leader():
    axes = _axes()
    axes.labels([("one", (80, 5), "family-0"), ("two", (80, 5.01), "family-1")])
    root = _root(axes)
    ends = sorted(float(item.get("y")) for item in root.iter("text") if "end-label" in item.get("class"))
    assert ends[1] - ends[0] >= 12.9
    assert len([item for item in root.iter("line") if item.get("class") == "leader"]) == 1


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(28, 200)), min_size=1, max_size=12))
def test_near_places_are_moved_apart_and_stay_inside(places):
    moved = apart(places, 13, 200)
    assert all(28 - 1e-6 <= y <= 200 + 1e-6 for y in moved)
    for one, other in itertools.combinations(range(len(places)), 2):
        if abs(places[one][0] - places[other][0]) < 20:
            assert abs(moved[one] - moved[other]) >= 13 - 1e-6


def test_places_far_apart_are_not_moved():
    assert apart([(0, 50), (100, 50), (0, 80)], 13, 200) == [50, 50, 80]


def test_a_key_has_a_row_for_each_entry_and_cuts_long_names():
    axes = _axes()
    long = "a model whose name says all about how it was made, and then some"
    axes.key([("1", "GPT", LOOK), ("2", long, LOOK)])
    root = _root(axes)
    assert root.get("viewBox") == f"0 0 {WIDTH} 274"
    names = [item.text for item in root.iter("text") if item.get("class") == "legend"]
    assert names[0] == "GPT" and long.startswith(names[1][:-1])
    assert 40 < len(names[1]) < 50 and names[1].endswith("\N{HORIZONTAL ELLIPSIS}")


@pytest.mark.parametrize("shape", ["circle", "square", "diamond"])
def test_a_mark_stands_around_its_place(shape):
    mark = ElementTree.fromstring(symbol(Look(style="family-0", shape=shape), 50, 60))
    corners = mark.get("points") or f"{mark.get('cx')},{mark.get('cy')}"
    places = [tuple(map(float, corner.split(","))) for corner in corners.split()]
    assert [round(sum(axis) / len(places), 6) for axis in zip(*places, strict=True)] == [50, 60]
    assert mark.get("class") == "mark family-0"


def test_coordinates_are_short():
    assert stroke((3.0, 3.04), (3.06, -2.25), "axis") == (
        '<line class="axis" x1="3" y1="3" x2="3.1" y2="-2.2"/>'
    )
