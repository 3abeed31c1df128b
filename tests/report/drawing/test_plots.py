"""Every plot lies inside its picture, is told to screen readers, and tells all arms apart."""

import itertools
import re
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from twinlm.evidence.pareto import judge_task
from twinlm.report.cost_section import COST_KINDS
from twinlm.report.drawing import plots


def _cost(results, arms=1):
    """Several arms that look alike, and cost and score the same."""
    task, kind = results.tasks[0], COST_KINDS[0]
    cards = results.cost_cards[task.name]
    more = [replace(cards[0], arm=f"gpt-{number}", label=f"GPT {number}") for number in range(1, arms)]
    scores = [replace(task.scores[0], arm=card.arm, label=card.label) for card in more]
    wide = replace(task, scores=[*task.scores, *scores])
    return plots.cost_plot(results, wide, judge_task(wide, [*cards, *more], kind.of), kind.name, "costs")


PLOTS = {
    "scores": lambda results: plots.score_plot(results, results.tasks[0]),
    "differences": lambda results: plots.difference_plot(results, results.tasks[0]),
    "F1": lambda results: plots.f1_plot(results, results.tasks[0]),
    "costs": _cost,
    "many costs": lambda results: _cost(results, 12),
    "learning": lambda results: plots.learning_plot(results, results.language[0]),
    "curves": lambda results: plots.curve_plot(results, results.curves[0]),
}


@pytest.fixture(params=PLOTS, scope="module")
def plot(request, example_results):
    return PLOTS[request.param](example_results)


def test_everything_lies_inside_the_picture_and_is_told(plot):
    root = ElementTree.fromstring(plot)
    assert root.find("title").text and root.find("desc").text
    _, _, width, height = map(float, root.get("viewBox").split())
    for element in root.iter():
        corners = [corner.split(",") for corner in element.get("points", "").split()]
        across = [element.get(name) for name in ("x", "x1", "x2", "cx")] + [x for x, _ in corners]
        down = [element.get(name) for name in ("y", "y1", "y2", "cy")] + [y for _, y in corners]
        assert all(0 <= float(x) <= width for x in across if x)
        assert all(0 <= float(y) <= height for y in down if y)
    assert not re.search("fill=|stroke=|style=", plot)


def _texts(plot, style):
    root = ElementTree.fromstring(plot)
    return [item.text for item in root.iter("text") if style in item.get("class").split()]


def test_an_arm_far_below_the_others_is_an_arrow(example_results):
    plot = PLOTS["scores"](example_results)
    assert len(re.findall('<polygon class="mark baseline"', plot)) == 2
    assert "most frequent class 14.8" in plot


def test_few_costs_need_only_a_key_and_marks_that_look_alike_are_numbered(example_results):
    few = PLOTS["costs"](example_results)
    assert _texts(few, "end-label") == []
    assert _texts(few, "legend") == [card.label for card in example_results.cost_cards["topic"]]
    many = PLOTS["many costs"](example_results)
    numbers = [str(number) for number in range(1, 16)]
    assert _texts(many, "end-label") == numbers * 2  # in the plot, then in the key
    assert _texts(many, "legend")[-1] == "GPT 11"


def test_dominated_models_are_faded_and_their_names_are_not(example_results):
    root = ElementTree.fromstring(PLOTS["costs"](example_results))
    faded = [item for item in root.iter() if "faded" in item.get("class", "").split()]
    assert faded and all(item.tag != "text" for item in faded)


def test_the_front_goes_level_then_up_and_on_to_the_edge():
    corners = plots._steps([(1, 50), (10, 60), (100, 70)], 1000)
    assert len(corners) == 6
    assert [one[1] == other[1] for one, other in itertools.pairwise(corners)] == [True, False] * 2 + [True]
    assert [one[0] == other[0] for one, other in itertools.pairwise(corners)] == [False, True] * 2 + [False]
    assert corners[-1] == (1000, 70)


def test_a_long_label_ends_before_the_value_and_is_told_whole(example_results):
    long = "minilm (imported BERT) that answers with the sentence most like the question"
    first, *others = example_results.tasks[0].scores
    task = replace(example_results.tasks[0], scores=[replace(first, label=long), *others])
    plot = plots.score_plot(example_results, task)
    (drawn,) = [text for text in _texts(plot, "row-label") if long.startswith(text[:-1])]
    assert drawn.endswith("\N{HORIZONTAL ELLIPSIS}") and 40 < len(drawn) < 52
    assert long in plot


def test_f1_has_a_key(example_results):
    assert _texts(PLOTS["F1"](example_results), "legend") == ["GPT", "BERT"]
