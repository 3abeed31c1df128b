"""The page computes what Python computes, from weights in 16 bits: logits within 1e-2."""

import math

import numpy as np
import pytest
import torch

from twinlm.use.ask import classify
from twinlm.use.score import score

SENTENCE = "The river Loire flows, caf\u00e9."
TUNED = ("topic/gpt", "topic/bert", "other/gpt", "other/bert")
MOST = 1e-2


@pytest.fixture(scope="module")
def ids(models):
    return {name: trained.tokenizer.encode(SENTENCE)[:20] for name, trained in models.items()}


@pytest.fixture(scope="module")
def said(ask, models, ids):
    """What the page's engine says: differences it measures itself, and answers by question."""
    questions = {
        **{
            ("logits", name): {"model": name, "ids": models[name].enclose(ids[name])}
            for name in ("gpt", "bert")
        },
        **{("surprise", name): {"model": name, "text": SENTENCE} for name in ("gpt", "bert")},
        ("surprise", "seen"): {
            "model": "bert",
            "ids": ids["bert"],
            "masked": [2],
            "positions": [1, 2],
            "attention": True,
        },
        ("surprise", "next"): {
            "model": "gpt",
            "ids": ids["gpt"],
            "positions": [],
            "next": True,
            "attention": True,
        },
        ("surprise", "long"): {"model": "gpt", "text": SENTENCE * 9, "top": 0},
        ("scores", "long"): {"model": "topic/bert", "texts": [SENTENCE * 3, SENTENCE]},
        ("follows", "bert"): {"model": "bert", "pairs": [["The river. ", "It flows"]]},
        **{
            ("predict", name): {
                "model": name,
                "inputs": [SENTENCE, "it's"] if name.startswith("topic") else SENTENCE,
            }
            for name in TUNED
        },
    }
    differences, answers = ask([(route, body) for (route, _), body in questions.items()])
    return {**dict(zip(questions, answers, strict=True)), "differences": differences}


def test_the_page_finds_no_difference_from_python(said, models):
    assert said["differences"].keys() == models.keys()
    assert all(0 < difference < MOST for difference in said["differences"].values())


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_logits_are_those_of_python(name, said, models, ids):
    model = models[name].model
    tokens_BL = torch.tensor([models[name].enclose(ids[name])])
    with torch.inference_mode():
        if name == "gpt":
            logits_LV = model.next_token_logits(model(tokens_BL))[0].numpy()
        else:
            real_BL = torch.ones_like(tokens_BL, dtype=torch.bool)
            logits_LV = model.masked_token_logits(model(tokens_BL, torch.zeros_like(tokens_BL), real_BL))[
                0
            ].numpy()
    found_LV = np.array([-np.inf if x is None else x for x in said["logits", name]]).reshape(logits_LV.shape)
    assert (np.isinf(found_LV) == np.isinf(logits_LV)).all()
    is_scored = ~np.isinf(logits_LV)
    assert np.abs(found_LV[is_scored] - logits_LV[is_scored]).max() < MOST


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_surprise_is_the_negative_score_in_bits(name, said, models):
    tokens = score(models[name], SENTENCE).tokens
    bits = [-nats / math.log(2) for _, nats in tokens]
    assert said["surprise", name]["bits"] == pytest.approx(bits, abs=MOST)
    for ranks, top, own in zip(
        *(said["surprise", name][key] for key in ("ranks", "top", "ids")), strict=True
    ):
        assert [share for _, share in top] == sorted((share for _, share in top), reverse=True)
        assert (ranks <= 8) == (own in [token for token, _ in top])


def test_attention_rows_sum_to_one_and_only_gpt_is_a_triangle(said):
    for key, is_triangle in (("next", True), ("seen", False)):
        weights_NHLL = np.array(said["surprise", key]["attention"]["weights"])
        assert weights_NHLL.shape[:2] == (2, 3)
        assert weights_NHLL.sum(-1) == pytest.approx(1, abs=1e-4)
        later_LL = np.triu(np.ones(weights_NHLL.shape[2:], bool), 1)
        assert (weights_NHLL[..., later_LL].max() == 0) == is_triangle


def test_a_masked_word_is_hidden_from_the_others(said):
    whole, hidden = said["surprise", "bert"], said["surprise", "seen"]
    assert hidden["bits"][1] == pytest.approx(whole["bits"][2], abs=1e-4)
    assert abs(hidden["bits"][0] - whole["bits"][1]) > 1e-3


def test_the_next_token_follows_all_that_was_read(said, models, ids):
    model = models["gpt"].model
    with torch.inference_mode():
        chances_V = model.next_token_logits(model(torch.tensor([models["gpt"].enclose(ids["gpt"])])))[
            0, -1
        ].softmax(-1)
    best = torch.topk(chances_V, 8)
    assert [token for token, _ in said["surprise", "next"]["next"]] == best.indices.tolist()
    assert [share for _, share in said["surprise", "next"]["next"]] == pytest.approx(
        best.values.tolist(), abs=1e-3
    )


def test_a_long_text_is_cut_and_the_cut_is_told(said, models):
    whole = models["gpt"].tokenizer.encode(SENTENCE * 9)
    assert said["surprise", "long"]["ids"] == whole[:39]
    assert said["surprise", "long"]["cut"] == len(whole) - 39


@pytest.mark.parametrize("name", TUNED)
def test_classes_and_their_order_are_those_of_python(name, said, models):
    given = (SENTENCE, "it's") if name.startswith("topic") else SENTENCE
    (wanted,) = classify(models[name], [given])
    found = {row["label"]: row["score"] for row in said["predict", name]}
    assert found == pytest.approx(wanted, abs=MOST)
    assert list(found) == list(wanted)


def test_two_long_texts_are_cut_as_in_python(said, models):
    (wanted,) = classify(models["topic/bert"], [(SENTENCE * 3, SENTENCE)])
    scores = np.array(said["scores", "long"])
    chances = np.exp(scores - scores.max())
    labels = models["topic/bert"].task.labels
    assert dict(zip(labels, chances / chances.sum(), strict=True)) == pytest.approx(wanted, abs=MOST)


def test_the_next_sentence_is_judged_as_in_python(said, models):
    from twinlm.use.next_sentence import next_sentence

    assert said["follows", "bert"]["probabilities"] == [
        pytest.approx(next_sentence(models["bert"], "The river. ", "It flows"), abs=MOST)
    ]
