"""Our own routes give what our Python functions give."""

import numpy as np
import pytest

import twinlm

TEXTS = ["The red cat sat.", "A big dog"]


def test_masks_are_filled_by_themselves_and_together(post, bert):
    texts = ["The [MASK] cat [MASK].", "A [MASK]"]
    status, answer = post("/fill", {"texts": texts, "top_k": 3})
    assert (status, answer["model"]) == (200, "tiny/bert")
    for found, masks in zip(answer["texts"], twinlm.fill_batch(bert, texts, 3), strict=True):
        for given, mask in zip(found["masks"], masks, strict=True):
            assert [each["text"] for each in given] == [guess.text for guess in mask]
            assert [each["probability"] for each in given] == pytest.approx(
                [guess.probability for guess in mask], abs=1e-5
            )
    together = post("/fill", {"texts": texts, "together": True})[1]["texts"]
    assert [each["text"] for each in together] == [twinlm.fill_together(bert, text).text for text in texts]


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/fill", {"texts": ["a [MASK]"], "model": "tiny/gpt"}, 400, "tiny/gpt can't fill gaps: it is a GPT"),
        ("/fill", {"texts": ["no mask"]}, 400, "the text has no [MASK]"),
        ("/fill", {"texts": "a [MASK]"}, 422, "texts: Input should be a valid list"),
        ("/follows", {"pairs": [["a", "b"]], "model": "tiny/gpt"}, 400, "can't tell what follows"),
        ("/tag", {"sentences": [["a"]], "model": "tiny/bert"}, 400, "can't tag"),
        ("/score", {"texts": ["a"], "model": "nobody"}, 404, "there is no model 'nobody' here"),
        ("/score", {"texts": ["cat " * 90]}, 400, "shorten it"),
        (
            "/score",
            {"texts": ["a"], "method": "chain-rule", "model": "tiny/gpt"},
            400,
            "its methods: likelihood",
        ),
        ("/rank", {"prompt": "a", "candidates": ["b"]}, 422, "candidates"),
        ("/choose", {"text": "a", "choices": ["b"]}, 422, "choices"),
        ("/surprise", {}, 422, "give either text or ids"),
        ("/surprise", {"text": "a", "ids": [1]}, 422, "give either text or ids"),
        ("/surprise", {"ids": [10**6]}, 400, "there is no token 1000000: ids are from 0"),
        ("/surprise", {"text": "a", "top": 65}, 422, "top"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(post, path, body, status, message):
    found, answer = post(path, body)
    assert found == status, answer
    assert message in answer["error"]


def test_pairs_that_follow_are_told(post, bert):
    pairs = [["It rains.", "It pours."], ["It rains.", "A dog."]]
    found = post("/follows", {"pairs": pairs})[1]["probabilities"]
    wanted = twinlm.next_sentence_batch(bert, [tuple(pair) for pair in pairs])
    assert found == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_texts_are_scored_and_candidates_ranked(post, request, name):
    model = request.getfixturevalue(name)
    answer = post("/score", {"texts": TEXTS, "model": f"tiny/{name}"})[1]
    wanted = twinlm.score_batch(model, TEXTS)
    assert [each["log_likelihood"] for each in answer["texts"]] == pytest.approx(
        [each.log_likelihood for each in wanted], abs=1e-4
    )
    assert answer["method"] == wanted[0].method
    body = {"prompt": "The {} cat", "candidates": ["red", "old"], "model": f"tiny/{name}", "normalize": "sum"}
    ranks = post("/rank", body)[1]
    ranking = twinlm.rank(model, body["prompt"], body["candidates"], normalize="sum")
    assert [each["candidate"] for each in ranks["candidates"]] == [
        each.candidate for each in ranking.candidates
    ]
    assert (ranks["method"], ranks["part"]) == (ranking.method, ranking.part)


def test_fine_tuned_models_answer(post, task):
    sentences = [["The", "cat"], ["A", "big", "dog"]]
    assert post("/tag", {"sentences": sentences})[1]["tags"] == twinlm.tag(task("tagging"), sentences)
    rows = [("Who?", "The red cat sat on the mat."), ("What?", "She drinks tea.")]
    body = {"questions": [{"question": question, "context": context} for question, context in rows]}
    for found, (question, context) in zip(post("/answer", body)[1]["answers"], rows, strict=True):
        wanted = twinlm.answer(task("span_qa"), question, context)
        assert found["best"] == wanted["best"]
        assert found["no_answer_margin"] == pytest.approx(wanted["no_answer_margin"], abs=1e-4)
    found = post("/choose", {"text": "The", "choices": ["cat", "big dog"]})[1]
    wanted = twinlm.choose(task("choice"), "The", ["cat", "big dog"])
    assert found["probabilities"] == pytest.approx(wanted, abs=1e-5)
    assert found["predicted"] == wanted.index(max(wanted))


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_a_text_and_its_tokens_have_one_surprise(post, request, name):
    model, text = request.getfixturevalue(name), "The 猫 sat"
    body = {"text": text, "top": 2, "next": True, "attention": True, "model": f"tiny/{name}"}
    found = post("/surprise", body)[1]
    wanted = twinlm.surprise(model, text, top_k=2, with_next=True, with_attention=True)
    assert (found["model"], found["ids"], found["cut"]) == (f"tiny/{name}", wanted.ids, 0)
    assert found["bits"] == pytest.approx(wanted.bits, abs=1e-4)
    assert found["ranks"] == wanted.ranks
    assert [[token for token, _ in best] for best in found["top"]] == [[t for t, _ in b] for b in wanted.top]
    assert (found["next"] is None) == (name == "bert")
    assert found["attention"]["ids"] == wanted.attention.ids
    assert np.allclose(found["attention"]["weights"], wanted.attention.weights, atol=1e-5)
    part = post("/surprise", {"ids": wanted.ids, "positions": [2], "model": f"tiny/{name}"})[1]
    assert part["bits"] == pytest.approx(wanted.bits[2:3], abs=1e-4)
    empty = post("/surprise", {"ids": [], "positions": [], "attention": True, "model": f"tiny/{name}"})
    assert empty[0] == 200 and empty[1]["bits"] == []
