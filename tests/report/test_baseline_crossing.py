"""Up to which number of labels no model is shown to beat the best baseline."""

import pytest

from twinlm import rng
from twinlm.evidence.outcomes import Outcomes
from twinlm.report.baseline_crossing import Floor, floor_sentence

PLACES = [30, 100, 1000]
LABELS = {"gpt": "GPT", "bert": "BERT"}
EQUAL = [0.6, 0.7, 0.8]
AHEAD = [0.75, 0.85, 0.95]


def drawn(name, shares, seeds=3):
    chance = rng.stream(1, name)
    return [Outcomes(chance.random((seeds, 600)) < share) for share in shares]


def said(gpt, bert):
    floor = Floor("words", "TF-IDF", drawn("floor", EQUAL, seeds=1))
    values = {"gpt": drawn("gpt", gpt), "bert": drawn("bert", bert)}
    return floor_sentence(floor, PLACES, LABELS, values, least=0.0)


@pytest.mark.parametrize("bert", [EQUAL, [0.3, 0.4, 0.5]])
def test_where_none_is_shown_to_beat_it_the_last_number_is_named(bert):
    assert said(EQUAL, bert) == "No model is shown to beat TF-IDF with up to 1,000 labels."


def test_up_to_the_number_before_the_first_that_beats_it():
    assert said([0.6, 0.7, 0.95], EQUAL) == (
        "Up to 100 labels no model is shown to beat TF-IDF. Shown to beat TF-IDF: GPT with 1,000 labels."
    )


def test_models_that_lead_with_few_labels_only_are_said_to_lead_there():
    assert said([0.75, 0.85, 0.8], AHEAD) == (
        "Shown to beat TF-IDF: GPT with 30 and 100 and BERT with 30, 100 and 1,000 labels."
    )


def test_what_a_single_place_would_show_is_adjusted_for_the_number_of_places():
    """Four places, of which one has a p of 0.016 alone."""
    floor = Outcomes(rng.stream(3, "floor").random((1, 400)) < 0.6)
    ahead = floor.values_RE.copy()
    wrong = (~floor.values_RE[0]).nonzero()[0]
    ahead[0, wrong[:7]] = True
    alone = floor_sentence(
        Floor("words", "TF-IDF", [floor]), [30], {"gpt": "GPT"}, {"gpt": [Outcomes(ahead)]}, least=0.0
    )
    assert alone == "Shown to beat TF-IDF: GPT with 30 labels."
    among = floor_sentence(
        Floor("words", "TF-IDF", [floor] * 4),
        [30, 40, 50, 60],
        {"gpt": "GPT"},
        {"gpt": [Outcomes(ahead), *[floor] * 3]},
        least=0.0,
    )
    assert among == "No model is shown to beat TF-IDF with up to 60 labels."
