import itertools
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.report.svg import Line, Mark, Row, line_plot, row_plot, tick_labels, ticks

LINES = [
    Line(name="training", style="family-0 thin", points=[(0, 3.0), (50, 2.2), (100, 1.9)]),
    Line(name="validation", style="family-0", points=[(50, 2.3), (100, 1.91)]),
]
ROWS = [
    Row(
        label="BERT <best>",
        text="79.3",
        marks=[Mark(value=79.3, style="family-1", shape="square", low=77, high=81, dots=(79, 80))],
    ),
    Row(label="most frequent class", marks=[Mark(value=14.8, style="baseline", shape="diamond")]),
]


def _rows():
    return row_plot(
        ROWS, title="a & b", description="d", x_label="accuracy, %", limits=(70, 85), reference=80
    )


def _lines():
    return line_plot(LINES, title="a & b", description="<d>", x_label="tokens", y_label="bits per byte")


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


@pytest.mark.parametrize("plot", [_rows, _lines])
def test_a_plot_is_xml_with_words_for_screen_readers_and_always_the_same(plot):
    root = ElementTree.fromstring(plot())
    assert root.get("role") == "img"
    assert root.find("title").text == "a & b"
    assert root.find("desc").text
    assert plot() == plot()


@pytest.mark.parametrize("plot", [_rows, _lines])
def test_everything_lies_inside_the_picture(plot):
    root = ElementTree.fromstring(plot())
    _, _, width, height = map(float, root.get("viewBox").split())
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in ("x", "x1", "x2", "cx"):
                assert 0 <= float(value) <= width
            if name in ("y", "y1", "y2", "cy"):
                assert 0 <= float(value) <= height
            if name == "points":
                for point in value.split():
                    x, y = map(float, point.split(","))
                    assert 0 <= x <= width and 0 <= y <= height


def test_a_mark_outside_the_limits_is_an_arrow_at_the_edge():
    root = ElementTree.fromstring(_rows())
    (arrow,) = [item for item in root.iter("polygon") if "baseline" in item.get("class")]
    assert min(float(point.split(",")[0]) for point in arrow.get("points").split()) < 15


def test_labels_at_the_ends_of_lines_do_not_overlap():
    root = ElementTree.fromstring(_lines())
    ends = sorted(float(item.get("y")) for item in root.iter("text") if "end-label" in item.get("class"))
    assert ends[1] - ends[0] >= 13.9


def test_no_colour_is_fixed_in_a_plot():
    for plot in (_rows(), _lines()):
        assert "fill=" not in plot and "stroke=" not in plot and "style=" not in plot


def test_a_single_point_is_drawn():
    plot = line_plot(
        [Line(name="training", style="", points=[(5, 1.0)])],
        title="t",
        description="d",
        x_label="",
        y_label="",
    )
    assert 'points="244.3,208 244.3,208"' in plot


def test_a_legend_names_the_marks():
    mark = Mark(value=0, style="family-0")
    plot = row_plot(ROWS, title="t", description="d", x_label="", limits=(0, 1), legend=[("GPT", mark)])
    assert ">GPT</text>" in plot


def test_a_long_label_ends_before_the_value():
    long = "minilm (imported BERT) against the sentence most like the question"
    plot = row_plot(
        [Row(label=long, marks=[Mark(value=1.0, style="baseline")], text="+25.9")],
        title="t",
        description=f"{long}: +25.9",
        x_label="x",
        limits=(0, 2),
    )
    drawn = re.search(r'class="row-label"[^>]*>([^<]+)<', plot)[1]
    assert drawn.endswith("\N{HORIZONTAL ELLIPSIS}")
    assert 40 < len(drawn) < 52
    assert long.startswith(drawn[:-1])
    assert long in plot  # said whole to a screen reader
