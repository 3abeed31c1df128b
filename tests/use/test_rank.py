"""Candidates in order of likelihood: against slow plain versions, and against transformers' logits."""

import pytest
import torch
from transformers import BertForMaskedLM, OpenAIGPTLMHeadModel

from twinlm.checkpoint import Trained
from twinlm.errors import DataError, UsageError
from twinlm.settings import presets
from twinlm.use.rank import rank, rank_batch

PROMPT = "The red cat sat on the"
CANDIDATES = ["old house", "mat", "tea with milk", "mat."]


@pytest.fixture(scope="module")
def their_gpt(gpt, in_transformers):
    return in_transformers(gpt, OpenAIGPTLMHeadModel)


@pytest.fixture(scope="module")
def their_bert(bert, in_transformers):
    return in_transformers(bert, BertForMaskedLM)


def causal_sum(model, trained: Trained, before: list[int], scored: list[int]) -> float:
    tokens = torch.tensor([[trained.tokenizer.specials.start, *before, *scored]])
    with torch.inference_mode():
        chances = model(tokens).logits[0].log_softmax(-1)
    begin = 1 + len(before)
    return sum(float(chances[begin + place - 1, token]) for place, token in enumerate(scored))


def masked_sum(model, trained: Trained, before: list[int], scored: list[int], after: list[int]) -> float:
    ids, total = trained.tokenizer.specials, 0.0
    for place, token in enumerate(scored):
        row = torch.tensor([[ids.cls, *before, *scored, *after, ids.sep]])
        row[0, 1 + len(before) + place] = ids.mask
        with torch.inference_mode():
            total += float(model(row).logits[0, 1 + len(before) + place].log_softmax(-1)[token])
    return total


def by_candidate(ranking) -> dict[str, float]:
    return {ranked.candidate: ranked.score for ranked in ranking.candidates}


def test_a_decoder_scores_candidates_by_transformers_logits(gpt, their_gpt):
    encode = gpt.tokenizer.encode
    found = {name: by_candidate(rank(gpt, PROMPT, CANDIDATES, normalize=name)) for name in NORMALIZE}
    for candidate in CANDIDATES:
        scored = encode(" " + candidate)
        total = causal_sum(their_gpt, gpt, encode(PROMPT), scored)
        alone = causal_sum(their_gpt, gpt, [], scored)
        assert found["sum"][candidate] == pytest.approx(total, abs=1e-3)
        assert found["mean"][candidate] == pytest.approx(total / len(scored), abs=1e-4)
        assert found["bytes"][candidate] == pytest.approx(total / len(candidate), abs=1e-4)
        assert found["pmi"][candidate] == pytest.approx(total - alone, abs=1e-3)


NORMALIZE = ("sum", "mean", "bytes", "pmi")


def test_an_encoder_scores_candidates_by_transformers_logits(bert, their_bert):
    encode = bert.tokenizer.encode
    found = {name: by_candidate(rank(bert, PROMPT, CANDIDATES, normalize=name)) for name in NORMALIZE}
    between = rank(bert, "The {} cat sat.", ["red", "old house"], normalize="sum")
    for candidate in CANDIDATES:
        scored = encode(" " + candidate)
        total = masked_sum(their_bert, bert, encode(PROMPT), scored, [])
        assert found["sum"][candidate] == pytest.approx(total, abs=1e-3)
        assert found["mean"][candidate] == pytest.approx(total / len(scored), abs=1e-4)
        alone = masked_sum(their_bert, bert, [], scored, [])
        assert found["pmi"][candidate] == pytest.approx(total - alone, abs=1e-3)
    for candidate, value in by_candidate(between).items():
        total = masked_sum(their_bert, bert, encode("The"), encode(" " + candidate), encode(" cat sat."))
        assert value == pytest.approx(total, abs=1e-3)
    assert (between.method, between.part) == ("pseudo-likelihood", "candidate")


def test_a_decoder_judges_a_candidate_by_the_rest_after_it(gpt, their_gpt):
    encode = gpt.tokenizer.encode
    ranking = rank(gpt, "The {} sat on the mat.", ["red cat", "tea"])
    assert (ranking.part, ranking.candidates[0].candidate) == ("rest", "red cat")
    rest = encode(" sat on the mat.")
    for ranked in ranking.candidates:
        total = causal_sum(their_gpt, gpt, encode(f"The {ranked.candidate}"), rest)
        assert ranked.score == pytest.approx(total / len(rest), abs=1e-4)
        assert ranked.tokens == len(rest)
    first = rank(gpt, "The {} sat on the mat.", ["red cat", "tea"], part="candidate", normalize="sum")
    assert by_candidate(first)["tea"] == pytest.approx(
        causal_sum(their_gpt, gpt, encode("The"), encode(" tea")), abs=1e-3
    )


@pytest.mark.parametrize("kind", presets.KINDS)
@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_what_was_learned_by_heart_comes_first(learned, kind, algorithm):
    ranking = rank(learned(kind, algorithm), "The red cat sat on the {}.", ["house", "mat", "tea"])
    assert ranking.candidates[0].candidate == "mat"
    scores = [ranked.score for ranked in ranking.candidates]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("kind", presets.KINDS)
def test_a_ranking_does_not_depend_on_what_else_is_asked(learned, kind, monkeypatch):
    questions = [(PROMPT, CANDIDATES), ("The {} cat", ["red", "old"]), ("A big", ["dog", "cat"])]
    for tokens_at_once in (8192, 30):
        monkeypatch.setattr("twinlm.data.sequences.packing.by_length.__defaults__", (tokens_at_once,))
        together = rank_batch(learned(kind), questions, normalize="pmi")
        for found, question in zip(together, questions, strict=True):
            alone = rank(learned(kind), *question, normalize="pmi")
            assert by_candidate(found) == pytest.approx(by_candidate(alone), abs=1e-5)


def test_tokens_that_reach_over_the_seam_are_scored_in_every_candidate(gpt):
    """The space goes with the next word: so a prompt that ends in one asks the same question."""
    assert by_candidate(rank(gpt, PROMPT + " ", CANDIDATES)) == pytest.approx(
        by_candidate(rank(gpt, PROMPT, CANDIDATES))
    )
    inside = rank(gpt, "The red c{}", ["at sat", "up"], normalize="sum")
    whole = rank(gpt, "The red {}", ["cat sat", "cup"], normalize="sum")
    assert [ranked.log_likelihood for ranked in inside.candidates] == pytest.approx(
        [ranked.log_likelihood for ranked in whole.candidates]
    )


def test_an_encoder_can_hide_whole_words(bert):
    plain, hidden = (
        rank(bert, "The red", ["unknowable", "cat"], method=method, normalize="sum")
        for method in ("pseudo-likelihood", "pseudo-likelihood-l2r")
    )
    assert hidden.method == "pseudo-likelihood-l2r"
    assert by_candidate(hidden)["unknowable"] != pytest.approx(by_candidate(plain)["unknowable"], abs=1e-3)


def test_a_prompt_may_be_empty(gpt, their_gpt):
    found = by_candidate(rank(gpt, "", ["The red cat", "tea"], normalize="sum"))
    assert found["tea"] == pytest.approx(
        causal_sum(their_gpt, gpt, [], gpt.tokenizer.encode("tea")), abs=1e-3
    )


@pytest.mark.parametrize(
    ("prompt", "candidates", "options", "error", "said"),
    [
        ("The", ["cat"], {}, UsageError, "cannot rank 1 candidates"),
        ("The", ["cat", ""], {}, DataError, "a candidate is empty"),
        ("The", ["cat", "dog"], {"part": "rest"}, DataError, "nothing to score after the gap"),
        ("{} the {}", ["cat", "dog"], {}, DataError, "the prompt has 2 gaps"),
        ("The", ["cat", "dog " * 40], {}, DataError, "but at most 31 can be scored"),
        ("The", ["cat", "dog"], {"normalize": "max"}, UsageError, "one of sum, mean, bytes, pmi"),
        ("The", ["cat", "dog"], {"part": "all"}, UsageError, "use one of candidate, rest"),
        ("The", ["cat", "dog"], {"method": "pseudo-likelihood"}, UsageError, "a GPT can't be scored by"),
    ],
)
def test_what_can_not_be_ranked_is_refused(gpt, prompt, candidates, options, error, said):
    with pytest.raises(error, match=said):
        rank(gpt, prompt, candidates, **options)
