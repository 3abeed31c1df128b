"""Likelihood of texts: what was learned by heart is likelier, and each figure is what a slow loop gives."""

import pytest
import torch

from twinlm import presets
from twinlm.errors import DataError
from twinlm.use.score import score


@pytest.mark.parametrize("kind", presets.KINDS)
@pytest.mark.parametrize("wrong", ["The red cat sat on the tea.", "The red the sat on cat mat."])
def test_what_was_learned_is_likelier(learned, kind, wrong):
    right = score(learned(kind), "The red cat sat on the mat.")
    assert right.log_likelihood > score(learned(kind), wrong).log_likelihood
    assert right.mean > score(learned(kind), wrong).mean


@pytest.mark.parametrize("kind", presets.KINDS)
def test_tokens_and_their_parts_make_up_text_and_sum(learned, kind):
    scored = score(learned(kind), "A big dog ran.")
    assert "".join(text for text, _ in scored.tokens) == "A big dog ran."
    assert sum(value for _, value in scored.tokens) == pytest.approx(scored.log_likelihood)
    assert all(value < 0 for _, value in scored.tokens)


def test_a_decoder_gives_the_probability_of_each_token_after_those_before(gpt):
    tokens = gpt.tokenizer.encode("She drinks tea")
    for (_, value), count in zip(score(gpt, "She drinks tea").tokens, range(len(tokens)), strict=True):
        before = torch.tensor([[gpt.tokenizer.specials.start, *tokens[:count]]])
        with torch.inference_mode():
            chances_V = gpt.model.next_token_logits(gpt.model(before))[0, -1].log_softmax(-1)
        assert value == pytest.approx(float(chances_V[tokens[count]]), abs=1e-4)


def test_an_encoder_gives_the_probability_of_each_token_among_all_others(bert, monkeypatch):
    monkeypatch.setattr("twinlm.objectives.masked_lm._TEXTS_AT_ONCE", 4)
    text = "She drinks tea with milk."
    ids = bert.tokenizer.specials
    tokens = bert.tokenizer.encode(text)
    for place, (_, value) in enumerate(score(bert, text).tokens):
        row = torch.tensor([[ids.cls, *tokens, ids.sep]])
        row[0, place + 1] = ids.mask
        with torch.inference_mode():
            hidden = bert.model(row, torch.zeros_like(row), torch.ones_like(row).bool())
            chances_V = bert.model.masked_token_logits(hidden)[0, place + 1].log_softmax(-1)
        assert value == pytest.approx(float(chances_V[tokens[place]]), abs=1e-4)


@pytest.mark.parametrize(("text", "said"), [("", "nothing to score"), ("The cat. " * 40, "at most 30")])
def test_what_can_not_be_scored_is_refused(gpt, text, said):
    with pytest.raises(DataError, match=said):
        score(gpt, text)
