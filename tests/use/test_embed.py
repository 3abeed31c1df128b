"""Vectors of texts: against slow plain versions that read one text at a time, and against transformers."""

import numpy as np
import pytest
import torch
from transformers import BertModel

from twinlm.errors import DataError, UsageError
from twinlm.settings import presets
from twinlm.system.log import Silent
from twinlm.use.embed import cosines, embed, features

TEXTS = ["The red cat", "A big dog ran to the old house.", "tea", "She drinks tea with milk", "The red cat"]
DECODER, ENCODER = presets.KINDS


def slow_states(trained, text: str) -> torch.Tensor:
    """Return the last layer's states of one text read alone, (L, D)."""
    tokens = trained.family.enclose(trained.tokenizer.encode(text), trained.tokenizer.specials)
    tokens_BL = torch.tensor([tokens])
    others = [torch.zeros_like(tokens_BL), torch.ones_like(tokens_BL).bool()] if is_encoder(trained) else []
    with torch.inference_mode():
        return trained.model(tokens_BL, *others)[0]


def is_encoder(trained) -> bool:
    return trained.family.name == ENCODER


@pytest.mark.parametrize("kind", presets.KINDS)
def test_a_mean_is_over_all_tokens_special_ones_included(learned, kind):
    wanted = [slow_states(learned(kind), text).mean(0).numpy() for text in TEXTS]
    found = embed(learned(kind), TEXTS)
    assert (found.shape, found.dtype) == ((5, 32), np.float32)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_an_encoder_has_its_first_state_and_a_decoder_its_last(gpt, bert):
    first = [slow_states(bert, text)[0].numpy() for text in TEXTS]
    np.testing.assert_allclose(embed(bert, TEXTS, pooling="cls"), first, atol=1e-6)
    last = [slow_states(gpt, text)[-1].numpy() for text in TEXTS]
    np.testing.assert_allclose(embed(gpt, TEXTS, pooling="last"), last, atol=1e-6)


@pytest.mark.parametrize("kind", presets.KINDS)
def test_a_vector_does_not_depend_on_what_else_is_in_the_batch(learned, kind, monkeypatch):
    together = embed(learned(kind), TEXTS)
    alone = np.concatenate([embed(learned(kind), [text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_array_equal(together[0], together[4])
    monkeypatch.setattr("twinlm.data.sequences.packing.by_length.__defaults__", (9,))
    np.testing.assert_allclose(embed(learned(kind), TEXTS), together, atol=1e-6)


def test_layers_are_those_of_transformers(bert, in_transformers):
    theirs = in_transformers(bert, BertModel, add_pooling_layer=False)
    for text, (tokens, states_LE) in zip(TEXTS, features(bert, TEXTS, layers=(0, 1, 2)), strict=True):
        specials = bert.tokenizer.specials
        assert tokens == [specials.cls, *bert.tokenizer.encode(text), specials.sep]
        with torch.inference_mode():
            states = theirs(torch.tensor([tokens]), output_hidden_states=True).hidden_states
        np.testing.assert_allclose(states_LE, torch.cat(states, -1)[0], atol=1e-5)


def test_several_layers_stand_side_by_side(gpt):
    both = embed(gpt, TEXTS, layers=(-2, -1))
    assert both.shape == (5, 64)
    np.testing.assert_array_equal(both[:, 32:], embed(gpt, TEXTS))
    np.testing.assert_array_equal(both[:, :32], embed(gpt, TEXTS, layers=(1,)))


def test_normalized_vectors_have_length_1_and_their_products_are_cosines(bert):
    vectors = embed(bert, TEXTS, normalize=True)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    found = cosines(bert, "The red cat", TEXTS)
    np.testing.assert_allclose(found, vectors @ vectors[0], atol=1e-6)
    assert found[0] == pytest.approx(1, abs=1e-6)
    assert max(found[1:4]) < found[4]


class Listener(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.done = 0

    def say(self, line: str) -> None:
        self.said.append(line)

    def advance(self, done: int, **shown: float | str) -> None:
        self.done = done


@pytest.mark.parametrize(("kind", "room"), [(DECODER, 31), (ENCODER, 30)])
def test_what_is_too_long_is_cut_and_counted(learned, kind, room):
    listener = Listener()
    trained = learned(kind)
    long = "The red cat sat on the mat. " * 20
    (tokens, _), _ = features(trained, [long, "tea"], layers=(-1,), progress=listener)
    assert len(tokens) == 32
    assert trained.tokenizer.encode(long)[:room] == tokens[1 : 1 + room]
    assert listener.said == ["cut 1 of 2 texts to 32 tokens"]
    assert listener.done == 2


def test_an_empty_text_is_refused_with_its_number(bert):
    with pytest.raises(DataError, match="text 2 of 3 is empty: ''"):
        embed(bert, ["tea", "", "cat"])
    assert embed(bert, []).shape == (0, 32)


def test_poolings_that_make_no_sense_explain_themselves(gpt, bert):
    with pytest.raises(UsageError, match="its first state is the same for every text"):
        embed(gpt, TEXTS, pooling="cls")
    with pytest.raises(UsageError, match="pool by mean or cls"):
        embed(bert, TEXTS, pooling="last")
    with pytest.raises(UsageError, match="one of mean, cls, last"):
        embed(bert, TEXTS, pooling="max")


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_that_is_not_there_is_refused(bert, layer):
    with pytest.raises(UsageError, match=f"no layer {layer}: the model has 2"):
        embed(bert, TEXTS, layers=(layer,))
