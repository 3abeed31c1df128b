"""Minimal pairs and gaps name a kind only where the statistics do."""

from dataclasses import replace

from twinlm.report.language_sentences import sentences


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
    assert said[1].startswith("Minimal pairs (own text): No better than chance") and said[1].endswith("BERT.")


def test_without_pairs_nothing_is_said(example_results):
    assert sentences(replace(example_results.quality, pairs=[], cloze=None)) == []


def test_who_may_only_guess_at_gaps_is_measured_by_the_chance_of_gaps(example_results):
    cloze = example_results.quality.cloze
    first, second = cloze.overall.scores
    for low, is_guess in ((0.21, False), (0.2, True)):
        changed = replace(second, accuracy=replace(second.accuracy, low=low))
        overall = replace(cloze.overall, scores=[first, changed])
        quality = replace(example_results.quality, pairs=[], cloze=replace(cloze, overall=overall))
        assert any("No better than chance (20.0" in text for text in sentences(quality)) == is_guess
