"""Figures that may not be compared share no table; a kind is named only where the statistics name it."""

import pytest
from msgspec.structs import replace

from twinlm.report import language_section
from twinlm.report.language_section import sentences
from twinlm.report.report import MARKDOWN, PAGE, report_files

TO = "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}"


def test_each_group_of_figures_is_a_table_with_its_caveats(example_results):
    first, second = map(language_section.figures, example_results.quality.groups)
    assert [row[0] for row in first.rows] == ["GPT", "BERT"]
    assert [row[0] for row in second.rows] == ["BERT"]
    assert first.caption.startswith("Bits per byte, left to right, sample 1a2b.")
    assert first.caption.endswith(" Note on BERT: off its training.") and first.rows[0][1] == "2.740"


def test_differences_are_to_the_first_of_a_group_and_stand_in_no_group_of_one(example_results):
    first, second = map(language_section.figures, example_results.quality.groups)
    assert first.header[3:5] == ["Minus GPT", "95\N{NARROW NO-BREAK SPACE}%\N{NO-BREAK SPACE}interval"]
    assert [row[3:5] for row in first.rows] == [["\N{EN DASH}"] * 2, ["+1.330", f"1.230{TO}1.430"]]
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
    assert row[:2] == ["all gaps", "150"] and row[2].startswith("6") and TO in row[5]
    assert "GPT: the whole text; BERT: both sides." in first.caption and "chance is 20.0" in first.caption
    assert [[row[0] for row in table.rows] for table in others] == [["GPT"], ["BERT"]]
    for table, sees in zip(others, ("the text up to the word", "among all others"), strict=True):
        assert sees in table.caption and table.rows[0][1] == "150"
        assert {len(row) for row in table.rows} == {len(table.header)}


@pytest.mark.parametrize("name", [PAGE, MARKDOWN])
def test_the_report_shows_them_and_what_could_not_be_made(example_results, name):
    text = report_files(example_results)[name].decode().replace("\\_", "_")
    for word in (
        "Language without labels",
        "off its training",
        "word_order",
        "number_swap: 0 of 200",
        "all gaps",
    ):
        assert word in text


def _with_overall(quality, **changes):
    (found,) = quality.pairs
    comparison = replace(found.overall.comparison, **changes)
    pairs = [replace(found, overall=replace(found.overall, comparison=comparison))]
    return replace(quality, pairs=pairs, cloze=None)


def test_the_better_kind_is_named_with_its_evidence(example_results):
    said, of_gaps = sentences(example_results.quality)
    assert said.startswith("Minimal pairs (own text): GPT chooses the right text more often than BERT, by ")
    assert "400 pairs" in said and "GPT in 83.8" in said and "BERT in 57.5" in said
    assert of_gaps.startswith("Gaps (own text): GPT chooses the right word more often than BERT, by ")
    assert "150 gaps" in of_gaps


def test_several_pre_trainings_are_counted(example_results):
    (said,) = sentences(_with_overall(example_results.quality, pretraining_seeds=2))
    assert "400 pairs, 2 pre-trainings" in said


def test_no_winner_means_cannot_tell(example_results):
    said, why = sentences(_with_overall(example_results.quality, winner=None))
    assert said == "Minimal pairs (own text): Cannot tell GPT from BERT."
    assert "could be anything from" in why


def test_who_may_only_guess_is_named(example_results):
    (found,) = example_results.quality.pairs
    first, second = found.overall.scores
    second = replace(second, accuracy=replace(second.accuracy, low=0.5))
    overall = replace(found.overall, scores=[first, second])
    said = sentences(replace(example_results.quality, pairs=[replace(found, overall=overall)]))
    assert said[1].startswith("Minimal pairs (own text): Not shown to be better than chance") and said[
        1
    ].endswith("BERT.")


def test_without_pairs_nothing_is_said(example_results):
    assert sentences(replace(example_results.quality, pairs=[], cloze=None)) == []


def test_who_may_only_guess_at_gaps_is_measured_by_the_chance_of_gaps(example_results):
    cloze = example_results.quality.cloze
    first, second = cloze.overall.scores
    for low, is_guess in ((0.21, False), (0.2, True)):
        changed = replace(second, accuracy=replace(second.accuracy, low=low))
        overall = replace(cloze.overall, scores=[first, changed])
        quality = replace(example_results.quality, pairs=[], cloze=replace(cloze, overall=overall))
        assert (
            any("Not shown to be better than chance (20.0" in text for text in sentences(quality)) == is_guess
        )
