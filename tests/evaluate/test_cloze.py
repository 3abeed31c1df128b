"""What each kind sees of a gap is what it says it sees."""

import numpy as np
import pytest

from twinlm.data.probes.gaps_from_text import ClozeItem
from twinlm.evaluate.cloze import ClozeScores, readable_items, score_cloze
from twinlm.use.rank import rank
from twinlm.use.score import score

ITEMS = [
    ClozeItem("cloze-1", "The red ", "cat", " sat on the mat.", ("dog", "tea", "mat", "day")),
    ClozeItem("cloze-2", "She drinks ", "tea", ", with milk.", ("cat", "dog", "mat", "day")),
]


def test_a_decoder_sees_the_whole_text_or_what_stands_before(gpt):
    whole, beginning = score_cloze(gpt, ITEMS)
    assert "before the word" not in whole.sees and "before" in beginning.sees
    for place, item in enumerate(ITEMS):
        for number, choice in enumerate(item.choices):
            text = item.before + choice
            assert beginning.scores_EC[place, number] == pytest.approx(
                score(gpt, text).log_likelihood, abs=1e-4
            )
            text += item.after
            assert whole.scores_EC[place, number] == pytest.approx(score(gpt, text).log_likelihood, abs=1e-4)


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_an_encoder_sees_both_sides_of_the_word(make, algorithm):
    trained = make("bert", algorithm)
    of_word, whole = score_cloze(trained, ITEMS)
    assert of_word.method == whole.method == "pseudo-likelihood-l2r"
    for place, item in enumerate(ITEMS):
        ranking = rank(
            trained,
            item.before + "{}" + item.after,
            item.choices,
            normalize="sum",
            method="pseudo-likelihood-l2r",
        )
        ranked = {each.candidate: each.log_likelihood for each in ranking.candidates}
        assert of_word.scores_EC[place].tolist() == pytest.approx([ranked[c] for c in item.choices], abs=1e-4)
        wanted = [score(trained, text, method=whole.method).log_likelihood for text in item.texts]
        assert whole.scores_EC[place].tolist() == pytest.approx(wanted, abs=1e-4)


def test_the_right_word_stands_first_and_shares_ties():
    scores_EC = np.array([[-1, -2, -3], [-2, -1, -3], [-1, -1, -2], [-5, -5, -5]], float)
    scores = ClozeScores(sees="", method="", items=(), scores_EC=scores_EC)
    assert scores.right_E.tolist() == [1, 0, 0.5, pytest.approx(1 / 3)]
    assert scores.accuracy == pytest.approx((1 + 0.5 + 1 / 3) / 4)
    assert scores.chance == pytest.approx(1 / 3)
    clear = ClozeScores(sees="", method="", items=(), scores_EC=scores_EC[:2])
    assert (clear.right_E.dtype, clear.accuracy) == (np.bool_, 0.5)


def test_items_that_one_model_can_not_read_are_none_for_all(gpt, make):
    assert readable_items([gpt], ITEMS) == tuple(ITEMS)
    sizes = [max(len(gpt.tokenizer.encode(text)) for text in item.texts) for item in ITEMS]
    assert sizes[0] < sizes[1]
    short = make("bert", max_length=sizes[0] + 2)
    assert readable_items([gpt, short], ITEMS) == (ITEMS[0],)
