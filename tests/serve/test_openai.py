"""OpenAI's own client against the server: the same answers as our Python functions give."""

import base64
import math

import numpy as np
import openai as library
import pytest

import twinlm
from twinlm import Sampling

TEXT = "The red cat sat on the mat."
ALL = Sampling(temperature=1.0, top_k=0)


def test_models_are_listed_and_described(openai):
    names = [model.id for model in openai.models.list()]
    assert names[:2] == ["tiny/bert", "tiny/gpt"]
    assert "tiny/classification/bert" in names
    assert openai.models.retrieve("tiny/gpt").owned_by == "twinlm"
    with pytest.raises(library.NotFoundError, match="there is no model 'gpt-4' here"):
        openai.models.retrieve("gpt-4")


def test_a_text_is_continued_as_generate_does(openai, gpt):
    answer = openai.completions.create(model="tiny/gpt", prompt=TEXT, max_tokens=8, seed=3)
    assert answer.choices[0].text == twinlm.generate(gpt, TEXT, max_tokens=8, sampling=ALL, seed=3)
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.prompt_tokens == len(gpt.tokenizer.encode(TEXT))
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_prompts_and_samples_of_one_request_equal_those_of_a_batch(openai, gpt):
    how = {"temperature": 0.7, "top_p": 0.9}
    answer = openai.completions.create(
        model="tiny/gpt", prompt=[TEXT, "A dog"], n=2, max_tokens=6, seed=5, stop=["."], **how
    )
    wanted = twinlm.generate_batch(
        gpt, [TEXT, "A dog"], n=2, max_tokens=6, seed=5, stop=["."], sampling=Sampling(top_k=0, **how)
    )
    assert [choice.text for choice in answer.choices] == [each.text for row in wanted for each in row]
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]


def test_ids_are_read_as_they_are(openai, gpt):
    ids = [gpt.tokenizer.specials.start, *gpt.tokenizer.encode(TEXT)]
    one = openai.completions.create(model="tiny/gpt", prompt=ids, max_tokens=5, temperature=0)
    two = openai.completions.create(model="tiny/gpt", prompt=[ids, ids[1:]], max_tokens=5, temperature=0)
    greedy = Sampling(temperature=0)
    assert one.choices[0].text == twinlm.generate(gpt, TEXT, max_tokens=5, sampling=greedy)
    assert two.choices[0].text == one.choices[0].text
    assert two.choices[1].text == twinlm.generate(gpt, ids[1:], max_tokens=5, sampling=greedy)
    assert one.usage.prompt_tokens == len(ids)


@pytest.mark.parametrize("text", [TEXT, "The 猫 sat", "a  b\n c"])
def test_the_prompt_is_scored_in_openais_form(openai, gpt, text):
    answer = openai.completions.create(model="tiny/gpt", prompt=text, max_tokens=0, echo=True, logprobs=2)
    choice = answer.choices[0]
    lists = choice.logprobs
    assert choice.text == text
    assert lists.token_logprobs[0] is None and lists.top_logprobs[0] is None
    wanted = [value for _, value in twinlm.score(gpt, text).tokens]
    assert lists.token_logprobs[1:] == pytest.approx(wanted[1:], abs=1e-5)
    assert lists.text_offset[0] == 0 and max(lists.text_offset) < len(text)
    for token, offset in zip(lists.tokens, lists.text_offset, strict=True):
        assert token.startswith("bytes:") or text[offset:].startswith(token)
    for token, value, top in zip(
        lists.tokens[1:], lists.token_logprobs[1:], lists.top_logprobs[1:], strict=True
    ):
        assert top[token] == value and 2 <= len(top) <= 3
    assert answer.usage.completion_tokens == 0


def test_new_tokens_have_the_log_probabilities_of_the_model(openai, gpt):
    asked = {"model": "tiny/gpt", "prompt": TEXT, "max_tokens": 6, "seed": 1, "logprobs": 3}
    alone = openai.completions.create(**asked).choices[0]
    echoed = openai.completions.create(**asked, echo=True).choices[0]
    assert echoed.text == TEXT + alone.text
    count = len(alone.logprobs.tokens)
    assert echoed.logprobs.tokens[-count:] == alone.logprobs.tokens
    assert [place - len(TEXT) for place in echoed.logprobs.text_offset[-count:]] == alone.logprobs.text_offset
    # A second source: the whole text, scored at once.
    tokens = gpt.tokenizer.encode(TEXT)
    new = twinlm.generate_batch(gpt, [TEXT], max_tokens=6, seed=1, sampling=ALL)[0][0].tokens
    ids = [gpt.tokenizer.specials.start, *tokens, *new]
    whole = openai.completions.create(model="tiny/gpt", prompt=ids, max_tokens=0, echo=True, logprobs=0)
    assert whole.choices[0].logprobs.token_logprobs[-count:] == pytest.approx(
        alone.logprobs.token_logprobs, abs=1e-4
    )
    assert all(math.isfinite(value) for value in alone.logprobs.token_logprobs)


def test_a_token_that_ends_the_text_is_listed(openai):
    """Clients that ask for one new token and take it away again (lm-eval) must find one."""
    asked = {"model": "tiny/gpt", "prompt": TEXT, "n": 32, "max_tokens": 30, "seed": 1, "temperature": 2}
    answer = openai.completions.create(**asked, logprobs=0, echo=True)
    ended = [choice for choice in answer.choices if choice.finish_reason == "stop"]
    assert ended
    for choice in answer.choices:
        assert (choice.logprobs.tokens[-1] == "<start>") == (choice in ended)
        assert "<start>" not in choice.text and len({*map(len, choice.logprobs.model_dump().values())}) == 1
    chunks = openai.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    assert [chunk.usage for chunk in chunks][-1] == answer.usage


@pytest.mark.parametrize(
    "options", [{}, {"logprobs": 1}, {"echo": True, "logprobs": 1, "n": 2}, {"stop": ["e"]}]
)
def test_a_stream_adds_up_to_the_whole(openai, options):
    asked = {"model": "tiny/gpt", "prompt": ["The red cat", "She"], "max_tokens": 9, "seed": 2, **options}
    whole = openai.completions.create(**asked)
    chunks = list(openai.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage == whole.usage
    for choice in whole.choices:
        own = [part for chunk in chunks for part in chunk.choices if part.index == choice.index]
        assert "".join(part.text for part in own) == choice.text
        assert own[-1].finish_reason == choice.finish_reason
        if "logprobs" in options:
            assert [t for part in own for t in part.logprobs.tokens] == choice.logprobs.tokens
            assert [t for part in own for t in part.logprobs.text_offset] == choice.logprobs.text_offset
            values = [t for part in own for t in part.logprobs.token_logprobs]
            assert values == pytest.approx(choice.logprobs.token_logprobs, abs=1e-5)


def test_a_stream_ends_with_done_and_begins_with_an_error_if_there_is_one(server, post, as_request):
    body = {"prompt": "The", "stream": True, "max_tokens": 2}
    answer = server.raw(as_request("/v1/completions", body))
    assert b"text/event-stream" in answer and b"data: [DONE]\n\n" in answer
    status, failure = post("/v1/completions", {"prompt": "cat " * 90, "stream": True})
    assert status == 400 and "the model reads" in failure["error"]["message"]


def test_a_text_ends_before_a_stop_string_with_its_tokens(openai, gpt):
    asked = {"model": "tiny/gpt", "prompt": TEXT, "max_tokens": 30, "seed": 4, "logprobs": 0}
    free = openai.completions.create(**asked).choices[0].text
    stop = free[4:6]
    cut = openai.completions.create(**asked, stop=stop).choices[0]
    assert cut.text == free[: free.index(stop)] and cut.finish_reason == "stop"
    assert all(offset < len(cut.text) for offset in cut.logprobs.text_offset)
    wanted = twinlm.generate(gpt, TEXT, max_tokens=30, seed=4, sampling=ALL, stop=[stop])
    assert cut.text == wanted


def test_without_a_seed_texts_differ(openai):
    texts = {
        openai.completions.create(model="tiny/gpt", prompt=TEXT, max_tokens=20).choices[0].text
        for _ in range(3)
    }
    assert len(texts) > 1


def test_vectors_come_as_numbers_and_as_bytes(openai, bert, post):
    # The library asks for base64 unless told otherwise.
    plain = openai.embeddings.create(model="tiny/bert", input=[TEXT, "tea"], encoding_format="float")
    short = openai.embeddings.create(model="tiny/bert", input=[TEXT, "tea"])
    wanted = twinlm.embed(bert, [TEXT, "tea"])
    assert np.allclose([row.embedding for row in plain.data], wanted, atol=1e-6)
    assert np.allclose([row.embedding for row in short.data], wanted, atol=1e-6)
    assert plain.usage.prompt_tokens == sum(len(bert.tokenizer.encode(text)) + 2 for text in (TEXT, "tea"))
    _, raw = post("/v1/embeddings", {"input": "tea", "encoding_format": "base64"})
    assert np.allclose(
        np.frombuffer(base64.b64decode(raw["data"][0]["embedding"]), "<f4"), wanted[1], atol=1e-6
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"model": "tiny/bert", "prompt": "a"},
            "tiny/bert can't continue texts: it is a BERT that can embed",
        ),
        ({"model": "tiny/gpt", "prompt": []}, "prompt"),
        ({"prompt": "cat " * 90}, "the model reads 48 in all"),
        ({"prompt": [10**6]}, "there is no token 1000000"),
        ({"prompt": "a", "n": 2, "best_of": 3}, "best_of must equal n"),
        ({"prompt": ["a"] * 250, "n": 2}, "more than 256"),
        ({"prompt": "a", "temperature": "hot"}, "temperature: Input should be a valid number"),
        ({"prompt": "a", "max_tokens": True}, "max_tokens"),
        ({"prompt": "a", "top_p": 0}, "top_p"),
        ({"prompt": "a", "suffix": "b"}, "suffix"),
        ({"prompt": "a", "colour": 1}, "colour: Extra inputs are not permitted"),
        ({"prompt": ["a", 1]}, "prompt"),
    ],
)
def test_a_wrong_completion_is_named_in_openais_form(post, body, message):
    status, answer = post("/v1/completions", body)
    assert status == 400
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert message in answer["error"]["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"input": [1, 2]}, "token ids are not taken here"),
        ({"input": [[1, 2]]}, "token ids are not taken here"),
        ({"input": ""}, "at least 1 character"),
        ({"input": "a", "dimensions": 3}, "vectors of 16 numbers, not of 3"),
        ({"input": "cat " * 90}, "the model reads at most 46"),
        ({"input": ["a", " "]}, ""),
    ],
)
def test_a_wrong_embedding_is_named(post, body, message):
    status, answer = post("/v1/embeddings", body)
    if message:
        assert (status, message in answer["error"]["message"]) == (400, True)
    else:
        assert status == 200
