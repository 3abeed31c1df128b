"""Figures that may not be compared stand in no common table."""

import pytest

from twinlm.report import language_section
from twinlm.report.html import render_html
from twinlm.report.markdown import render_markdown


def test_each_group_of_figures_is_a_table_with_its_caveats(example_results):
    first, second = map(language_section.figures, example_results.quality.groups)
    assert [row[0] for row in first.rows] == ["GPT", "BERT"]
    assert [row[0] for row in second.rows] == ["BERT"]
    assert first.caption.startswith("Bits per byte, left to right, sample 1a2b.")
    assert first.caption.endswith(" To know of BERT: off its training.") and first.rows[0][1] == "2.740"


def test_differences_are_to_the_first_of_a_group_and_stand_in_no_group_of_one(example_results):
    first, second = map(language_section.figures, example_results.quality.groups)
    assert first.header[3:5] == ["Minus GPT", "95\N{NARROW NO-BREAK SPACE}%\N{NO-BREAK SPACE}interval"]
    assert [row[3:5] for row in first.rows] == [["\N{EN DASH}"] * 2, ["+1.330", "1.230 to 1.430"]]
    assert not any(name.startswith("Minus") for name in second.header)
    for table in (first, second):
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_pairs_have_a_row_for_all_for_the_mean_and_for_each_phenomenon(example_results):
    (found,) = example_results.quality.pairs
    overall, each = language_section.overall(found), language_section.by_phenomenon(found)
    assert [row[0] for row in overall.rows] == ["all pairs", "mean of the phenomena"]
    assert [row[0] for row in each.rows] == ["word_order", "name_swap"]
    assert overall.rows[1][2:4] == ["80.0", "60.0"]
    assert overall.rows[0][-1] == "GPT" and "GPT by likelihood" in overall.caption
    for table in (overall, each):
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_gaps_have_one_way_to_look_in_each_table_and_say_which(example_results):
    found = example_results.quality.cloze
    first, *others = language_section.gaps(found)
    assert first.header[:5] == ["", "Gaps", "GPT", "BERT", "GPT minus BERT"]
    (row,) = first.rows
    assert row[:2] == ["all gaps", "150"] and row[2].startswith("6") and " to " in row[5]
    assert "GPT: the whole text; BERT: both sides." in first.caption and "chance is 20.0" in first.caption
    assert [[row[0] for row in table.rows] for table in others] == [["GPT"], ["BERT"]]
    for table, sees in zip(others, ("the text up to the word", "among all others"), strict=True):
        assert sees in table.caption and table.rows[0][1] == "150"
        assert {len(row) for row in table.rows} == {len(table.header)}


@pytest.mark.parametrize("render", [render_html, render_markdown])
def test_the_report_shows_them_and_what_could_not_be_made(example_results, render):
    text = render(example_results).replace("\\_", "_")
    for word in (
        "Language without labels",
        "off its training",
        "word_order",
        "number_swap: 0 of 200",
        "all gaps",
    ):
        assert word in text
