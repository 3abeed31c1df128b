"""Likelihood of texts: what was learned by heart is likelier, and each figure is what a slow loop gives."""

import itertools

import pytest
import torch

from twinlm.errors import DataError, UsageError
from twinlm.settings import presets
from twinlm.use.score import score, score_batch


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
    monkeypatch.setattr("twinlm.data.sequences.packing.by_length.__defaults__", (40,))
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


TEXTS = ["The red cat", "tea", "A big dog ran to the old house.", "unknowable tea"]


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_an_encoder_can_hide_the_rest_of_a_word_with_each_of_its_tokens(learned, algorithm):
    trained = learned("bert", algorithm)
    ids = trained.tokenizer.specials
    for text, scored in zip(TEXTS, score_batch(trained, TEXTS, method="pseudo-likelihood-l2r"), strict=True):
        tokens, words = trained.tokenizer.encode(text), trained.tokenizer.words(text)
        assert sum(1 for _ in itertools.groupby(words)) == len(text.replace(".", " .").split())
        for place, (_, value) in enumerate(scored.tokens):
            row = torch.tensor([[ids.cls, *tokens, ids.sep]])
            later = [other for other in range(place, len(tokens)) if words[other] == words[place]]
            row[0, [1 + other for other in later]] = ids.mask
            with torch.inference_mode():
                hidden = trained.model(row, torch.zeros_like(row), torch.ones_like(row).bool())
                chances_V = trained.model.masked_token_logits(hidden)[0, place + 1].log_softmax(-1)
            assert value == pytest.approx(float(chances_V[tokens[place]]), abs=1e-4)


@pytest.mark.parametrize("kind", presets.KINDS)
def test_a_figure_does_not_depend_on_what_else_is_scored(learned, kind, monkeypatch):
    trained = learned(kind)
    alone = [score(trained, text) for text in TEXTS]
    for tokens_at_once in (8192, 20):
        monkeypatch.setattr("twinlm.data.sequences.packing.by_length.__defaults__", (tokens_at_once,))
        for found, wanted in zip(score_batch(trained, TEXTS), alone, strict=True):
            assert found[0] == wanted[0]
            # Logits of this model reach 20, where two numbers of float32 are 2e-6 apart.
            assert [value for _, value in found.tokens] == pytest.approx(
                [value for _, value in wanted.tokens], abs=5e-6
            )


def test_figures_say_what_they_are_and_only_a_kinds_own_are_given(gpt, bert):
    assert [score(model, "tea").method for model in (gpt, bert)] == ["likelihood", "pseudo-likelihood"]
    with pytest.raises(UsageError, match="a GPT can't be scored by 'pseudo-likelihood'"):
        score(gpt, "tea", method="pseudo-likelihood")
    with pytest.raises(UsageError, match="its methods: pseudo-likelihood, pseudo-likelihood-l2r"):
        score(bert, "tea", method="likelihood")


@pytest.mark.parametrize(("text", "said"), [("", "nothing to score"), ("The cat. " * 40, "at most 31")])
def test_what_can_not_be_scored_is_refused(gpt, text, said):
    with pytest.raises(DataError, match=said):
        score(gpt, text)
