"""The routes of text-embeddings-inference, by hand and by Hugging Face's client: our functions' answers."""

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import InferenceClient

import twinlm

TEXTS = ["The red cat sat.", "A big dog"]


@pytest.fixture
def hub(server, monkeypatch):
    """Return a function (path) to a client of that address."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    return lambda path: InferenceClient(server.url + path, token="none")


def test_vectors_are_those_of_embed(post, hub, bert):
    wanted = twinlm.embed(bert, TEXTS, normalize=True)
    assert np.allclose(post("/embed", {"inputs": TEXTS})[1], wanted, atol=1e-6)
    raw = post("/embed?model=tiny/bert", {"inputs": TEXTS[0], "normalize": False})[1]
    assert np.allclose(raw, twinlm.embed(bert, TEXTS[:1]), atol=1e-6)
    assert np.allclose(hub("/embed").feature_extraction(TEXTS[0], normalize=True), wanted[:1], atol=1e-6)
    assert np.allclose(hub("").feature_extraction(TEXTS[0], normalize=True), wanted[0], atol=1e-6)


def test_states_of_tokens_are_those_of_features(post, bert):
    for found, wanted in zip(
        post("/embed_all", {"inputs": TEXTS})[1], twinlm.features(bert, TEXTS, layers=[-1]), strict=True
    ):
        assert np.allclose(found, wanted.states_LE, atol=1e-5)


def test_a_long_text_is_cut_only_if_that_is_asked_for(post, bert):
    long = "cat " * 90
    status, answer = post("/embed", {"inputs": long})
    assert status == 400 and "set truncate" in answer["error"] and answer["error_type"] == "Validation"
    cut = post("/embed", {"inputs": long, "truncate": True})[1]
    assert np.allclose(cut, twinlm.embed(bert, [long], normalize=True), atol=1e-6)


def test_classes_are_those_of_classify(post, hub, task):
    wanted = twinlm.classify(task("classification"), TEXTS)
    rows = post("/predict", {"inputs": [[text] for text in TEXTS]})[1]
    assert [{each["label"]: each["score"] for each in row} for row in rows] == [
        pytest.approx(each, abs=1e-5) for each in wanted
    ]
    assert post("/predict", {"inputs": TEXTS[0]})[1] == rows[0]
    named = hub("/?model=tiny/classification/bert").text_classification(TEXTS[0])
    assert [(each.label, each.score) for each in named] == [(e["label"], e["score"]) for e in rows[0]]
    status, answer = post("/predict", {"inputs": TEXTS})  # a pair
    assert status == 400 and "classifies 1 text at once, not 2" in answer["error"]


def test_texts_are_reranked_by_the_model_of_pairs_or_by_vectors(post, task, bert):
    scores = twinlm.similarity(task("similarity"), [("tea", text) for text in TEXTS])
    found = post("/rerank", {"query": "tea", "texts": TEXTS, "return_text": True})[1]
    assert [each["score"] for each in found] == sorted((each["score"] for each in found), reverse=True)
    assert {each["index"]: each["score"] for each in found} == pytest.approx(
        dict(enumerate(scores)), abs=1e-5
    )
    assert {each["text"] for each in found} == {*TEXTS}
    by_vector = post("/rerank", {"query": "tea", "texts": TEXTS, "model": "tiny/bert"})[1]
    cosines = twinlm.cosines(bert, "tea", TEXTS)
    assert {each["index"]: each["score"] for each in by_vector} == pytest.approx(
        dict(enumerate(cosines)), abs=1e-5
    )


def test_a_sentence_is_compared_by_cosines(post, hub, bert):
    wanted = twinlm.cosines(bert, "tea", TEXTS)
    body = {"inputs": {"source_sentence": "tea", "sentences": TEXTS}}
    assert post("/similarity", body)[1] == pytest.approx(wanted, abs=1e-5)
    assert hub("/similarity").sentence_similarity("tea", TEXTS) == pytest.approx(wanted, abs=1e-5)


def test_a_mask_is_filled_for_hugging_faces_client(hub, bert):
    text = "The red [MASK] sat."
    wanted = twinlm.fill(bert, text, 3)[0]
    found = hub("").fill_mask(text, top_k=3)
    assert [(each.token_str, each.token) for each in found] == [(each.text, each.token) for each in wanted]
    assert [each.score for each in found] == pytest.approx([each.probability for each in wanted], abs=1e-5)


def test_tokens_have_places_and_come_back_as_text(post, bert):
    text = "The 猫 sat"
    (tokens,) = post("/tokenize", {"inputs": text})[1]
    assert [each["id"] for each in tokens] == bert.enclose(bert.tokenizer.encode(text))
    assert [each["special"] for each in tokens] == [True] + [False] * (len(tokens) - 2) + [True]
    assert (
        "".join(dict.fromkeys(text[each["start"] : each["stop"]] for each in tokens[1:-1]))[:4] == "The "[:4]
    )
    ids = [each["id"] for each in tokens]
    assert post("/decode", {"ids": ids})[1] == [text]
    assert post("/decode", {"ids": [ids, ids[:2]], "skip_special_tokens": False})[1][0].endswith("[SEP]")
    assert post("/decode", {"ids": [10**6]})[0] == 400
    bare = post("/tokenize", {"inputs": text, "add_special_tokens": False, "model": "tiny/gpt"})[1][0]
    assert not any(each["special"] for each in bare)


def test_the_server_describes_itself_and_its_figures(server, post):
    import httpx2

    post("/embed", {"inputs": "a secret word"})
    with httpx2.Client(base_url=server.url) as client:
        _check_pages(client.get)


def _check_pages(get):
    assert (get("/health").text, get("/health").status_code) == ("ok", 200)
    info = get("/info?model=tiny/classification/bert").json()
    assert info["model_type"]["classifier"]["id2label"] == {"0": "cat", "1": "dog", "2": "tea"}
    figures = get("/metrics").text
    assert 'twinlm_requests_total{route="/embed",status="200"}' in figures
    assert 'twinlm_queue_requests{model="tiny/gpt"} 0.0' in figures
    assert "secret" not in figures
    assert get("/nothing").json() == {
        "error": "there is no such route: /docs lists them",
        "error_type": "Validation",
    }
    assert get("/embed").status_code == 405
