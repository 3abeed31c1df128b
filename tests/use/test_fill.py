import pytest
import torch

from twinlm.errors import DataError, ModelError, UsageError
from twinlm.use.fill import fill, masked_row


def test_a_model_fills_what_it_learned_by_heart(bert):
    (guesses,) = fill(bert, "The red [MASK] sat on the mat. A big dog ran to the old house.")
    assert guesses[0].text == " cat"
    assert len(guesses) == 5
    assert sum(guess.probability for guess in guesses) <= 1 + 1e-6
    assert guesses == sorted(guesses, key=lambda guess: -guess.probability)


def test_each_mask_gets_its_guesses(bert):
    masks = fill(bert, "The red [MASK] sat on the mat. A big [MASK] ran to the old house.", top_k=2)
    assert [mask[0].text for mask in masks] == [" cat", " dog"]
    assert all(len(mask) == 2 for mask in masks)


def test_a_text_may_begin_and_end_with_a_mask(bert):
    assert len(fill(bert, "[MASK] red cat [MASK]")) == 2
    assert len(fill(bert, "[MASK]")) == 1


def test_probabilities_are_those_of_the_whole_model(bert):
    text = "The red [MASK] sat"
    row = masked_row(bert, text, 32)
    tokens_BL = torch.tensor([row])
    with torch.inference_mode():
        hidden_BLD = bert.model(
            tokens_BL, torch.zeros_like(tokens_BL), torch.ones_like(tokens_BL, dtype=torch.bool)
        )
        logits_V = bert.model.masked_token_logits(hidden_BLD)[0, row.index(bert.tokenizer.specials.mask)]
    best = fill(bert, text, top_k=1)[0][0]
    assert best.probability == pytest.approx(float(logits_V.softmax(-1).max()), rel=1e-5)


def test_the_space_before_a_mask_belongs_to_the_masked_word(bert):
    specials, encode = bert.tokenizer.specials, bert.tokenizer.encode
    whole = masked_row(bert, "The red [MASK] sat", 32)
    assert whole == [specials.cls, *encode("The red"), specials.mask, *encode(" sat"), specials.sep]
    inside = masked_row(bert, "The red c[MASK]", 32)
    assert inside == [specials.cls, *encode("The red c"), specials.mask, specials.sep]


def test_wordpiece_fills_too(learned):
    trained = learned("bert", "wordpiece")
    (guesses,) = fill(trained, "The red [MASK] sat on the mat.", top_k=trained.tokenizer.vocab_size)
    assert {"cat", "dog", "tea"} <= {guess.text for guess in guesses}


def test_a_text_without_a_mask_is_refused(bert):
    with pytest.raises(DataError, match=r"no \[MASK\]"):
        fill(bert, "The red cat [mask]")


def test_a_text_that_is_too_long_is_refused_with_counts(bert):
    with pytest.raises(DataError, match=r"\d+ tokens, but the model reads at most 30"):
        fill(bert, "[MASK] " * 31)
    assert len(fill(bert, "[MASK] " * 15)) == 15


def test_a_model_that_continues_texts_is_refused(gpt):
    with pytest.raises(ModelError, match="use generate"):
        fill(gpt, "[MASK]")


def test_at_least_one_guess_must_be_asked_for(bert):
    with pytest.raises(UsageError, match="top_k"):
        fill(bert, "[MASK]", top_k=0)
    assert len(fill(bert, "[MASK]", top_k=10**6)[0]) == bert.tokenizer.vocab_size
