"""A run that is far from what it should reach is told from one that is not."""

import re

import pytest

from twinlm.evaluate.language import BITS_PER_BYTE, NATS_PER_MASKED_TOKEN
from twinlm.evaluate.ngrams import CountingLoss
from twinlm.evidence.results import Curve, CurvePoint
from twinlm.report import pretraining_section
from twinlm.report.pretraining_section import REACHED
from twinlm.settings.training import PretrainSettings

FLOORS = CountingLoss(unigram=2.8, bigram=2.0)


def remarks(label, validations, counting, **options):
    return pretraining_section.remarks(label, validations, counting, PretrainSettings(**options))


def curve(*values, tokens=5e6, unit=BITS_PER_BYTE):
    points = [
        CurvePoint(step=100 * n, tokens=round(tokens * n / len(values)), flops=1e9 * n, value=value)
        for n, value in enumerate(values, 1)
    ]
    return Curve(name="validation", unit=unit, points=points)


def test_a_run_that_passed_the_counts_is_not_remarked_on():
    assert remarks("GPT", {"0": curve(2.3, 1.9, 1.85)}, FLOORS) == []


def test_a_run_on_the_plateau_is_said_to_have_learned_frequencies_only():
    (said,) = remarks("GPT", {"0": curve(2.9, 2.79, 2.78)}, FLOORS)
    assert said.startswith("GPT learned little more than how frequent tokens are: 2.78 bits per byte")
    assert "2.80" in said


def test_a_run_above_the_counts_is_said_to_have_learned_less_than_frequencies():
    (said,) = remarks("GPT", {"0": curve(3.9, 3.7, 3.67)}, FLOORS)
    assert said.startswith("GPT learned less than how frequent tokens are: 3.67 bits per byte")
    both = remarks("GPT", {"0": curve(3.9, 3.67), "1": curve(2.9, 2.78)}, FLOORS)
    assert [("little more" in one, "less than" in one) for one in both] == [(False, True), (True, False)]


def test_a_run_behind_a_tiny_model_with_as_many_tokens_is_far_from_what_it_should_reach():
    (said,) = remarks("GPT", {"0": curve(2.5, 2.3, 2.2)}, FLOORS)
    assert "far from what its size and data should reach" in said
    assert "75.0" in said and "would be at about 1.88 after as many tokens. Try a larger budget" in said


def test_an_encoder_on_its_plateau_is_told_what_shortens_it():
    floors = CountingLoss(unigram=6.93, bigram=4.83)
    (said,) = remarks("BERT", {"0": curve(6.4, 6.3, 6.25, tokens=6.4e6, unit=NATS_PER_MASKED_TOKEN)}, floors)
    assert "far from" in said and 'pretrain.sentence_task = "none"' in said
    assert (
        remarks("BERT", {"0": curve(6.3, 5.7, 5.4, tokens=7.5e6, unit=NATS_PER_MASKED_TOKEN)}, floors) == []
    )


def test_seeds_with_one_problem_share_a_remark():
    curves = {"0": curve(2.9, 2.79), "1": curve(2.3, 1.85), "2": curve(2.9, 2.77)}
    (said,) = remarks("GPT", curves, FLOORS)
    assert (
        said.startswith("GPT with pre-training seed 0 and 2 learned little")
        and "2.79" in said
        and "2.77" in said
    )
    assert said.count("Try a larger budget") == 1


def test_few_tokens_are_expected_to_teach_little():
    assert remarks("GPT", {"0": curve(2.6, 2.5, 2.4, tokens=0.4e6)}, FLOORS) == []


def test_a_run_that_got_worse_learned_by_heart():
    (said,) = remarks("GPT", {"0": curve(2.0, 1.8, 1.9)}, FLOORS)
    assert (
        "at step 200 of 300, with 1.80 against 1.90 bits per byte at the end" in said and "overfits" in said
    )


def test_advice_leaves_out_what_is_set_already():
    floors = CountingLoss(unigram=6.93, bigram=4.83)
    runs = {"0": curve(6.4, 6.3, 6.25, tokens=6.4e6, unit=NATS_PER_MASKED_TOKEN)}
    (said,) = remarks("BERT", runs, floors, mask_share=0.4)
    assert "mask_share" not in said and 'sentence_task = "none"' in said
    (said,) = remarks("BERT", runs, floors, mask_share=0.5, first_objective="causal")
    assert "mask_share" not in said and "first_objective" not in said
    (said,) = remarks("BERT", runs, floors, mask_share=0.4, first_objective="causal", sentence_task="none")
    assert said.endswith("Try a larger budget or another learning rate.")


def test_a_run_that_overfits_is_not_told_to_read_more():
    far, by_heart = remarks("GPT", {"0": curve(2.5, 2.3, 2.5)}, FLOORS)
    assert far.endswith("Try another learning rate.") and "budget" not in far + by_heart


def test_no_percentage_is_above_100():
    said = " ".join(remarks("GPT", {"0": curve(2.5, 2.2, 9.9, tokens=9e6)}, FLOORS))
    shares = [float(text) for text in re.findall(r"([\d.]+)\N{NARROW NO-BREAK SPACE}%", said)]
    assert shares and max(shares) <= 100


@pytest.mark.parametrize(
    "floors", [CountingLoss(unigram=2.0, bigram=1.95), CountingLoss(unigram=2.0, bigram=2.4)]
)
def test_a_text_too_small_to_count_pairs_gives_no_scale(floors):
    assert remarks("GPT", {"0": curve(2.2, 2.1, 2.1)}, floors) == []


def test_what_was_reached_rises_with_tokens():
    for rows in REACHED.values():
        assert list(rows) == sorted(rows)
        assert [share for _, share in rows] == sorted(share for _, share in rows)
