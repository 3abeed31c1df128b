"""Curves of scores and the ledger, as the report shows them."""

import re
from dataclasses import replace

from twinlm.report.curves_section import curve_plot, ledger, points


def test_a_curve_has_a_line_for_each_kind_a_bar_for_each_point_and_a_mark_for_each_place(example_results):
    (curve,) = example_results.curves
    plot = curve_plot(example_results, curve)
    assert len(re.findall(r'<polyline class="family-[01]"', plot)) == 2
    assert len(re.findall(r'<polyline class="family-[01] thin"', plot)) == 6
    assert len(re.findall(r'<polyline class="baseline"', plot)) == 1
    assert len(re.findall(r'<polyline class="baseline thin"', plot)) == 3
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
    assert table.rows[0][1] == "31.0\N{NARROW NO-BREAK SPACE}% (27.0 to 35.0)"
    assert table.rows[1][-1] == "60.0\N{NARROW NO-BREAK SPACE}% (56.0 to 64.0)"
    assert all(len(row) == len(table.header) for row in table.rows)
    assert "the one that is best with all labels" in table.caption


def test_a_curve_without_a_baseline_has_neither_its_line_nor_its_column(example_results):
    (curve,) = example_results.curves
    of_kinds = replace(curve, points=[point for point in curve.points if point.arm in ("gpt", "bert")])
    assert "baseline" not in curve_plot(example_results, replace(of_kinds, verdict=""))
    table = points(example_results, of_kinds)
    assert table.header == ["labels", "GPT", "tokens", "BERT", "tokens"]
    assert "best with all labels" not in table.caption


def test_the_ledger_shows_every_rate_what_failed_and_which_was_kept(example_results):
    table = ledger(example_results.ledger)
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert len(rows) == 6
    assert [row["Kept"] for row in rows[:3]] == ["", "yes", ""]
    assert rows[2]["Failed"] == "3" and rows[2]["Validation"] == "\N{EN DASH}"
