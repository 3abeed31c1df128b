import pytest
import torch

from twinlm.checkpoint import Trained
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.use.generate import (
    END_OF_TEXT,
    MAX_LENGTH,
    MAX_TOKENS,
    STOP_STRING,
    Continuation,
    generate,
    generate_batch,
)
from twinlm.use.sampling import Sampling

BEST = Sampling(temperature=0.0)
GREEDY = {"sampling": BEST, "seed": 0}


def test_a_model_continues_what_it_learned_by_heart(gpt):
    assert generate(gpt, "The red cat sat", max_tokens=5, **GREEDY).startswith(" on the mat")


def test_the_cache_gives_what_reading_everything_anew_gives(gpt):
    for prompt in ("", "A big", "She drinks tea with café"):
        continuation = Continuation(gpt, prompt, max_tokens=12, **GREEDY)
        "".join(continuation)
        assert continuation.tokens == _greedy_without_cache(gpt, prompt, len(continuation.tokens))


def test_pieces_join_to_the_whole_text_and_each_is_whole(gpt):
    pieces = list(Continuation(gpt, "She drinks tea with", max_tokens=12, **GREEDY))
    assert len(pieces) > 1
    assert "".join(pieces) == generate(gpt, "She drinks tea with", max_tokens=12, **GREEDY)
    assert all("\ufffd" not in piece for piece in pieces)


def write(monkeypatch, continuation: Continuation, tokens: list[int]) -> list[str]:
    """Return the pieces in which these tokens come out."""
    left = iter(tokens)
    monkeypatch.setattr("twinlm.use.generate.choose", lambda *given: next(left))
    continuation.max_tokens = len(tokens)
    return list(continuation)


def test_a_character_of_several_tokens_comes_out_whole(gpt, monkeypatch):
    assert len(gpt.tokenizer.encode("日")) == 3
    continuation = Continuation(gpt, "x", max_tokens=4, **GREEDY)
    assert write(monkeypatch, continuation, gpt.tokenizer.encode("日é")) == ["日", "é"]


def test_a_character_that_was_not_finished_is_left_out(gpt, monkeypatch):
    continuation = Continuation(gpt, "x", max_tokens=4, **GREEDY)
    assert write(monkeypatch, continuation, gpt.tokenizer.encode("a日")[:-1]) == ["a"]


def test_wordpiece_keeps_the_space_between_prompt_and_continuation(learned):
    assert generate(learned("gpt", "wordpiece"), "The red cat", max_tokens=4, **GREEDY).startswith(" sat on")


def test_the_same_seed_gives_the_same_text_and_another_one_another(gpt):
    options = {"max_tokens": 20, "sampling": Sampling(temperature=3.0, top_k=0)}
    first, again, other = (generate(gpt, "The", seed=seed, **options) for seed in (1, 1, 2))
    assert first == again != other


def test_it_says_why_it_stopped(gpt):
    by_count = Continuation(gpt, "The red", max_tokens=2, **GREEDY)
    list(by_count)
    assert (by_count.stopped_by, len(by_count.tokens)) == (MAX_TOKENS, 2)
    by_length = Continuation(
        gpt, "The red", max_tokens=1000, sampling=Sampling(temperature=50, top_k=0), seed=3
    )
    list(by_length)
    assert by_length.stopped_by in (MAX_LENGTH, END_OF_TEXT)


def test_it_stops_when_the_model_is_full(gpt):
    prompt = "The red cat sat on the mat. " * 3
    count = len(gpt.tokenizer.encode(prompt))
    continuation = Continuation(gpt, prompt, max_tokens=1000, **GREEDY)
    list(continuation)
    assert continuation.stopped_by == MAX_LENGTH
    assert 1 + count + len(continuation.tokens) == gpt.model.config.max_length


def test_it_stops_at_the_end_of_a_document(gpt, monkeypatch):
    def only_start(tokens_BLV):
        logits_BLV = torch.zeros(*tokens_BLV.shape[:2], gpt.tokenizer.vocab_size)
        logits_BLV[..., gpt.tokenizer.specials.start] = 9
        return logits_BLV

    monkeypatch.setattr(gpt.model, "next_token_logits", only_start)
    continuation = Continuation(gpt, "The", max_tokens=5, **GREEDY)
    assert (list(continuation), continuation.tokens, continuation.stopped_by) == ([], [], END_OF_TEXT)


def test_special_tokens_are_never_written(gpt, monkeypatch):
    def only_specials(tokens_BLV):
        logits_BLV = torch.zeros(*tokens_BLV.shape[:2], gpt.tokenizer.vocab_size)
        logits_BLV[..., :8] = 99
        logits_BLV[..., gpt.tokenizer.specials.start] = -99
        return logits_BLV

    monkeypatch.setattr(gpt.model, "next_token_logits", only_specials)
    continuation = Continuation(gpt, "The", max_tokens=3, **GREEDY)
    list(continuation)
    assert all(token >= 8 for token in continuation.tokens)


def test_a_prompt_that_fills_the_model_is_refused_with_counts(gpt):
    with pytest.raises(DataError, match=r"the prompt has \d+ tokens, but the model reads 32"):
        generate(gpt, "The red cat sat on the mat. " * 20)


def test_a_model_that_fills_gaps_is_refused(bert):
    with pytest.raises(ModelError, match="use fill"):
        generate(bert, "The")


def test_no_new_tokens_are_refused(gpt):
    with pytest.raises(UsageError, match="max_tokens"):
        generate(gpt, "The", max_tokens=0)


PROMPTS = ["The red cat", "", "She drinks tea with café", "A big dog ran to the old", "The red cat", "x"]


@pytest.mark.parametrize(
    "sampling", [BEST, Sampling(temperature=1.5, top_k=0), Sampling(top_p=0.9, repetition_penalty=1.3)]
)
def test_a_batch_gives_each_prompt_what_it_gets_alone(gpt, sampling, monkeypatch):
    options = {"max_tokens": 20, "sampling": sampling, "stop": ["mat", "ho"], "seed": 5}
    alone = [Continuation(gpt, prompt, **options) for prompt in PROMPTS]
    texts = ["".join(continuation) for continuation in alone]
    for tokens_at_once in (8192, 60, 1):
        monkeypatch.setattr("twinlm.data.sequences.packing.by_length.__defaults__", (tokens_at_once,))
        together = [found for (found,) in generate_batch(gpt, PROMPTS, **options)]
        assert [found.text for found in together] == texts
        assert [(found.tokens, found.stopped_by) for found in together] == [
            (found.tokens, found.stopped_by) for found in alone
        ]
    assert len({len(found.tokens) for found in together}) > 1


def test_a_batch_goes_on_to_the_end_of_the_model_for_each_prompt(gpt, monkeypatch):
    ids = gpt.tokenizer.specials
    monkeypatch.setattr(
        "twinlm.use.generate.never_written", lambda tokenizer: list(ids.ids)
    )  # no text ends by itself
    for (found,) in generate_batch(gpt, PROMPTS, max_tokens=100, sampling=BEST):
        assert len(found.prompt_tokens) + len(found.tokens) == gpt.model.config.max_length
        assert found.stopped_by == MAX_LENGTH
        wanted = Continuation(gpt, "", max_tokens=100, **GREEDY)
        wanted.prompt_tokens = found.prompt_tokens
        list(wanted)
        assert found.tokens == wanted.tokens


def test_several_samples_differ_and_the_first_is_that_of_generate(gpt):
    options = {"max_tokens": 8, "sampling": Sampling(temperature=3.0, top_k=0), "seed": 4}
    ((first, second, third), others) = generate_batch(gpt, ["The", "tea"], n=3, **options)
    assert first.text == generate(gpt, "The", **options)
    assert len({first.text, second.text, third.text}) == 3
    assert others[2].text == "".join(Continuation(gpt, "tea", sample=2, **options))


def test_no_samples_are_refused_and_no_prompts_give_none(gpt):
    with pytest.raises(UsageError, match="n must be at least 1, not 0"):
        generate_batch(gpt, ["The"], n=0)
    assert generate_batch(gpt, []) == []


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (["mat"], " on the "),
        (["the", " mat"], " on "),
        (["the dog"], " on the mat"),
        (["on the mat", " on"], ""),
    ],
)
def test_it_ends_before_a_stop_string_and_never_shows_its_beginning(gpt, stop, expected):
    continuation = Continuation(gpt, "The red cat sat", max_tokens=9, stop=stop, **GREEDY)
    pieces = list(continuation)
    assert "".join(pieces).startswith(expected)
    assert not any(string in "".join(pieces) for string in stop)
    is_stopped = stop != ["the dog"]
    assert (continuation.stopped_by == STOP_STRING) is is_stopped
    if is_stopped:
        assert "".join(pieces) == expected


def test_an_empty_stop_string_is_refused(gpt):
    with pytest.raises(UsageError, match="stop string is empty"):
        generate(gpt, "The", stop=[""])


def _greedy_without_cache(trained: Trained, prompt: str, count: int) -> list[int]:
    tokens = [trained.tokenizer.specials.start, *trained.tokenizer.encode(prompt)]
    begin = len(tokens)
    for _ in range(count):
        with torch.inference_mode():
            logits_V = trained.model.next_token_logits(trained.model(torch.tensor([tokens])))[0, -1]
            logits_V[[0, 1, 2, 3, 4, 6, 7]] = -torch.inf
        tokens.append(int(logits_V.argmax()))
    return tokens[begin:]
