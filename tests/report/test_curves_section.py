"""Curves of scores, the ledger, and up to which number of labels no model is shown to beat the baseline."""

import re

import pytest
from msgspec.structs import replace

from twinlm import rng
from twinlm.evidence.outcomes import Outcomes
from twinlm.report.curves_section import baseline_sentence, crossing_sentence, failures_sentence, points
from twinlm.report.drawing.plots import curve_plot
from twinlm.report.tasks_section import ledger

TO = "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}"
PLACES = [30, 100, 1000]
ADJUSTED = " (p adjusted for 3 numbers of labels)"
LABELS = {"gpt": "GPT", "bert": "BERT"}
EQUAL = [0.6, 0.7, 0.8]
AHEAD = [0.75, 0.85, 0.95]


def test_a_curve_has_a_line_for_each_kind_a_bar_for_each_point_and_a_mark_for_each_place(example_results):
    (curve,) = example_results.curves
    plot = curve_plot(example_results, curve)
    assert len(re.findall(r'<polyline class="family-[01]"', plot)) == 2
    assert len(re.findall(r'<line class="interval family-[01]"', plot)) == 6
    assert len(re.findall(r'<polyline class="baseline"', plot)) == 1
    assert len(re.findall(r'<line class="interval baseline"', plot)) == 3
    assert len(re.findall(r'class="mark ', plot)) == 9
    assert re.search(r'<text class="end-label baseline"[^>]*>baseline<', plot)
    for label in ("30", "100", "300"):
        assert re.search(rf'<text class="tick middle" [^>]*y="225">{label}<', plot)
    assert "crossing" not in plot and curve.verdict in plot


def test_many_places_share_few_labels(example_results):
    (curve,) = example_results.curves
    many = [
        replace(point, x=10 * 1.5**number, arm=point.arm)
        for point in curve.points[::3]
        for number in range(12)
    ]
    plot = curve_plot(example_results, replace(curve, points=many))
    assert 3 <= len(re.findall(r'class="tick middle" [^>]*>[\d,]+<', plot)) <= 7


def test_the_table_of_points_has_a_row_for_each_place_with_intervals(example_results):
    table = points(example_results, example_results.curves[0])
    assert table.header == ["labels", "GPT", "tokens", "BERT", "tokens", "TF-IDF + logistic regression"]
    assert [row[0] for row in table.rows] == ["30", "100", "300"]
    assert table.rows[0][1] == f"31.0\N{NARROW NO-BREAK SPACE}% (27.0{TO}35.0)"
    assert table.rows[1][-1] == f"60.0\N{NARROW NO-BREAK SPACE}% (56.0{TO}64.0)"
    assert all(len(row) == len(table.header) for row in table.rows)
    assert "one that is best with all labels" in table.caption


def test_a_curve_without_a_baseline_has_neither_its_line_nor_its_column(example_results):
    (curve,) = example_results.curves
    of_kinds = replace(curve, points=[point for point in curve.points if point.arm in ("gpt", "bert")])
    assert "baseline" not in curve_plot(example_results, replace(of_kinds, verdict=""))
    table = points(example_results, of_kinds)
    assert table.header == ["labels", "GPT", "tokens", "BERT", "tokens"]
    assert "best with all labels" not in table.caption


def test_the_ledger_shows_every_rate_what_failed_and_which_was_kept(example_results):
    table = ledger(example_results)
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert len(rows) == 6
    assert [row["Kept"] for row in rows[:3]] == ["", "yes", ""]
    assert rows[2]["Failed"] == "3" and rows[2]["Validation"] == "\N{EN DASH}"


def test_a_crossing_is_said_with_its_interval_or_that_none_is_shown(example_results):
    (curve,) = example_results.curves
    text = crossing_sentence(curve, LABELS).replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith("GPT is ahead below about 75 (95") and "interval 41 to 160" in text
    assert text.endswith(" and BERT above (labels).")
    none = crossing_sentence(replace(curve, crossing=None), LABELS)
    assert none == "No crossing of GPT and BERT is shown between 30 and 300 (labels)."


def test_a_curve_of_one_place_is_drawn(example_results):
    (curve,) = example_results.curves
    alone = replace(curve, points=curve.points[::3])
    plot = curve_plot(example_results, alone)
    assert len(re.findall(r'class="mark ', plot)) == 3 and "polygon points" not in plot


def drawn(name, shares, seeds=3):
    chance = rng.stream(1, name)
    return [Outcomes(chance.random((seeds, 600)) < share) for share in shares]


def said(gpt, bert):
    floor = drawn("floor", EQUAL, seeds=1)
    values = {"gpt": drawn("gpt", gpt), "bert": drawn("bert", bert)}
    return baseline_sentence(
        "TF-IDF", floor, PLACES, LABELS, values, least=0.0, failed=dict.fromkeys(values, [0] * len(PLACES))
    )


@pytest.mark.parametrize("bert", [EQUAL, [0.3, 0.4, 0.5]])
def test_where_none_is_shown_to_beat_it_the_last_number_is_named(bert):
    assert (
        said(EQUAL, bert)
        == f"Neither GPT nor BERT is shown to beat TF-IDF with up to 1,000 labels{ADJUSTED}."
    )


def test_up_to_the_number_before_the_first_that_beats_it():
    assert said([0.6, 0.7, 0.95], EQUAL) == (
        "Neither GPT nor BERT is shown to beat TF-IDF with up to 100 labels. "
        f"Shown to beat TF-IDF: GPT with 1,000 labels{ADJUSTED}."
    )


def test_models_that_lead_with_few_labels_only_are_said_to_lead_there():
    assert said([0.75, 0.85, 0.8], AHEAD) == (
        f"Shown to beat TF-IDF: GPT with 30 and 100 and BERT with 30, 100 and 1,000 labels{ADJUSTED}."
    )


def test_what_a_single_place_would_show_is_adjusted_for_the_number_of_places():
    """Four places, of which one has a p of 0.016 alone."""
    floor = Outcomes(rng.stream(3, "floor").random((1, 400)) < 0.6)
    ahead = floor.values_RE.copy()
    wrong = (~floor.values_RE[0]).nonzero()[0]
    ahead[0, wrong[:7]] = True
    alone = baseline_sentence(
        "TF-IDF", [floor], [30], {"gpt": "GPT"}, {"gpt": [Outcomes(ahead)]}, least=0.0, failed={"gpt": [0]}
    )
    assert alone == "Shown to beat TF-IDF: GPT with 30 labels."
    among = baseline_sentence(
        "TF-IDF",
        [floor] * 4,
        [30, 40, 50, 60],
        {"gpt": "GPT"},
        {"gpt": [Outcomes(ahead), *[floor] * 3]},
        least=0.0,
        failed={"gpt": [0] * 4},
    )
    assert among == (
        "GPT is not shown to beat TF-IDF with up to 60 labels (p adjusted for 4 numbers of labels)."
    )


def test_failed_trainings_of_a_curve_are_counted_and_beat_nothing(example_results):
    (curve,) = example_results.curves
    values = {"gpt": drawn("gpt", AHEAD), "bert": drawn("bert", AHEAD)}
    failed = {"gpt": [3, 1, 0], "bert": [0, 0, 0]}
    floor = drawn("floor", EQUAL, seeds=1)
    told = baseline_sentence("TF-IDF", floor, PLACES, LABELS, values, least=0.0, failed=failed)
    assert "GPT with 100 and 1,000" in told
    line = (
        "Failed trainings (one answer to all examples): GPT 3 of 3 at 30 labels and GPT 1 of 3 at 100 labels."
    )
    assert failures_sentence(curve, PLACES, LABELS, values, failed) == line
    correlated = replace(curve, metric="Spearman's correlation")
    assert "is 0 / 0 and counts as 0" in failures_sentence(correlated, PLACES, LABELS, values, failed)
    assert failures_sentence(curve, PLACES, LABELS, values, dict.fromkeys(values, [0] * 3)) == ""
