import pytest
import torch

from twinlm.errors import DataError, ModelError, UsageError
from twinlm.use.fill import fill, fill_batch, fill_together, masked_row


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
    row = masked_row(bert, text)
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
    whole = masked_row(bert, "The red [MASK] sat")
    assert whole == [specials.cls, *encode("The red"), specials.mask, *encode(" sat"), specials.sep]
    inside = masked_row(bert, "The red c[MASK]")
    assert inside == [specials.cls, *encode("The red c"), specials.mask, specials.sep]


@pytest.mark.parametrize("tokens_at_once", [8192, 12])
def test_guesses_do_not_depend_on_what_else_is_filled(bert, tokens_at_once, monkeypatch):
    monkeypatch.setattr("twinlm.data.sequences.packing.by_length.__defaults__", (tokens_at_once,))
    monkeypatch.setattr("twinlm.use.fill._MASKS_AT_ONCE", 2)
    texts = ["The red [MASK] sat", "[MASK]", "A [MASK] dog ran to the [MASK] old [MASK].", "[MASK] tea"]
    for text, masks in zip(texts, fill_batch(bert, texts, top_k=3), strict=True):
        for found, wanted in zip(masks, fill(bert, text, top_k=3), strict=True):
            assert [guess.text for guess in found] == [guess.text for guess in wanted]
            assert [guess.probability for guess in found] == pytest.approx(
                [guess.probability for guess in wanted], abs=1e-6
            )


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_masks_are_filled_together_the_surest_first(learned, algorithm):
    trained = learned("bert", algorithm)
    filled = fill_together(trained, "The red [MASK] sat on [MASK] [MASK].")
    text, chances = "The red [MASK] sat on [MASK] [MASK].", {}
    places = [0, 1, 2]
    while places:
        best = [
            next(guess for guess in mask if guess.text[0] not in "[<") for mask in fill(trained, text, 20)
        ]
        first = max(range(len(best)), key=lambda number: best[number].probability)
        chances[places.pop(first)] = best[first].probability
        before, after = (
            text.split("[MASK]", first + 1)[: first + 1],
            text.split("[MASK]", first + 1)[first + 1],
        )
        word = best[first].text
        text = "[MASK]".join(before).removesuffix(" ") + (word if word[0] == " " else f" {word}") + after
    assert filled.text == text
    assert [guess.probability for guess in filled.guesses] == pytest.approx(
        [chances[place] for place in range(3)], abs=1e-5
    )


def test_a_special_token_is_never_put_into_a_text(bert, monkeypatch):
    def specials_first(hidden_BLD):
        logits_BLV = torch.zeros(*hidden_BLD.shape[:2], bert.tokenizer.vocab_size)
        logits_BLV[..., list(bert.tokenizer.specials.ids)] = 9
        return logits_BLV

    monkeypatch.setattr(bert.model, "masked_token_logits", specials_first)
    assert "[" not in fill_together(bert, "The [MASK] [MASK]").text


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
