"""A pair is right if its right text has the higher score; ties count half; phenomena count as they say."""

import numpy as np
import pytest

from twinlm.data.probes.minimal_pairs import MinimalPair
from twinlm.errors import DataError, UsageError
from twinlm.evaluate.minimal_pairs import PairScores, readable_pairs, score_pairs, text_sums
from twinlm.use.score import score_batch

PAIRS = [
    MinimalPair("p-1", "The red cat sat on the mat.", "The red sat cat on the mat.", "order"),
    MinimalPair("p-2", "She drinks tea.", "She drinks tee.", "spelling"),
    MinimalPair("p-3", "A dog ran.", "A dog ran.", "order"),
    MinimalPair("p-4", "It came back in 1984.", "It came back in 1948.", "number"),
]


def test_a_pair_gets_the_scores_that_its_texts_get(gpt, bert):
    for trained, method in ((gpt, "likelihood"), (bert, "pseudo-likelihood-l2r")):
        scores = score_pairs(trained, PAIRS)
        assert scores.method == method
        for values_E, which in ((scores.good_E, "good"), (scores.bad_E, "bad")):
            wanted = score_batch(trained, [getattr(pair, which) for pair in PAIRS], method=method)
            assert values_E.tolist() == pytest.approx([each.log_likelihood for each in wanted], abs=1e-4)
        assert scores.right_E[2] == 0.5
    assert score_pairs(bert, PAIRS, method="chain-rule").method == "chain-rule"


def scored(good, bad, phenomena) -> PairScores:
    pairs = tuple(MinimalPair(f"p-{n}", "a", "b", name) for n, name in enumerate(phenomena))
    return PairScores(
        method="likelihood", pairs=pairs, good_E=np.array(good, float), bad_E=np.array(bad, float)
    )


def test_micro_counts_pairs_and_macro_counts_phenomena():
    scores = scored([-1, -2, -3, -9], [-2, -3, -4, -1], "aaab")
    assert scores.right_E.dtype == np.bool_  # so that the paired test is exact
    assert (scores.micro, scores.macro) == (0.75, 0.5)
    assert {name: values.tolist() for name, values in scores.rights_by_phenomenon().items()} == {
        "a": [True] * 3,
        "b": [False],
    }


def test_a_tie_counts_half():
    scores = scored([-1, -2], [-1, -3], "aa")
    assert (scores.right_E.tolist(), scores.micro) == ([0.5, 1.0], 0.75)


def test_texts_that_are_equal_to_the_model_are_scored_once(make, monkeypatch):
    trained = make("bert", "wordpiece")
    seen = []
    kept = trained.family.likelihoods["pseudo-likelihood"]
    monkeypatch.setitem(
        trained.family.likelihoods,
        "pseudo-likelihood",
        lambda model, stretches, specials: seen.extend(stretches) or kept(model, stretches, specials),
    )
    first, second, third = text_sums(trained, ["The CAT", "the cat", "the dog"], "pseudo-likelihood")
    assert (first == second) and (first != third)
    assert len(seen) == 2


def test_pairs_that_one_model_can_not_read_are_none_for_all(gpt, make):
    short = make("bert", max_length=14)
    long = MinimalPair("p-5", "cat " * 20, "tea", "length")
    assert readable_pairs([gpt], [*PAIRS, long]) == (*PAIRS, long)
    kept = readable_pairs([gpt, short], [*PAIRS, long])
    assert kept == tuple(PAIRS)
    assert readable_pairs([gpt], []) == ()
    with pytest.raises(DataError, match="at most 12 can be scored"):
        score_pairs(short, [long])


def test_a_method_of_the_other_kind_is_refused(gpt, bert):
    with pytest.raises(UsageError, match="a GPT can't be scored by 'chain-rule'"):
        score_pairs(gpt, PAIRS, method="chain-rule")
    with pytest.raises(UsageError, match="a BERT can't be scored by 'likelihood'"):
        score_pairs(bert, PAIRS, method="likelihood")
