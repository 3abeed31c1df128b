"""Surprises add up to scores, and candidates are those of the other functions."""

import math

import pytest

import twinlm
from twinlm.errors import DataError, UsageError
from twinlm.use.generate import longest_text
from twinlm.use.spelling import starts_in_text, token_name, token_starts

TEXT = "The red cat sat on the café."


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_surprises_add_up_to_the_score_in_bits(name, request):
    model = request.getfixturevalue(name)
    for found, scored in zip(
        twinlm.surprise_batch(model, [TEXT, "A dog"]), twinlm.score_batch(model, [TEXT, "A dog"]), strict=True
    ):
        bits = sum(each.bits for each in found)
        assert bits == pytest.approx(-scored.log_likelihood / math.log(2), abs=1e-4)
        assert [model.tokenizer.display(each.token) for each in found] == [text for text, _ in scored.tokens]


def test_candidates_of_a_masked_place_are_those_of_fill(bert):
    text = "The red cat sat on the mat."
    found = twinlm.surprise(bert, text, top_k=3)
    words = [each.word for each in found]
    whole = next(each for each in found[1:] if words.count(each.word) == 1)  # a word of one token
    masked = f"{text[: whole.begin]}[MASK]{text[whole.end :]}"
    guesses = twinlm.fill(bert, masked, top_k=3)[0]
    assert [bert.tokenizer.display(token) for token, _ in whole.candidates] == [each.text for each in guesses]
    assert [chance for _, chance in whole.candidates] == pytest.approx(
        [each.probability for each in guesses], abs=1e-5
    )


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_parts_of_a_character_have_its_place_and_one_word(name, request):
    model = request.getfixturevalue(name)
    found = twinlm.surprise(model, "The 猫 sat")
    parts = [each for each in found if (each.begin, each.end) == (4, 5)]
    assert len(parts) > 1
    assert len({each.word for each in parts}) == 1
    assert {"The 猫 sat"[each.begin : each.end] for each in found} == {"The", "猫", "s", "a", "t"} or parts


def test_a_long_text_loses_its_end_and_a_wrong_argument_is_named(gpt):
    found = twinlm.surprise(gpt, "cat " * 100)
    assert len(found) == longest_text(gpt) - 1
    with pytest.raises(DataError, match="nothing to read"):
        twinlm.surprise(gpt, "")
    with pytest.raises(UsageError, match="top_k must be at least 1"):
        twinlm.surprise(gpt, "a", top_k=0)


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
@pytest.mark.parametrize("text", [TEXT, "猫 sat 🐈 on", "a\nb", " two  spaces"])
def test_tokens_begin_where_the_text_before_them_ends(learned, algorithm, text):
    tokenizer = learned("gpt", algorithm).tokenizer
    tokens = tokenizer.encode(text)
    starts = token_starts(tokenizer, tokens)
    for count in range(len(tokens) + 1):
        whole = tokenizer.decode(tokens[:count])
        if "\ufffd" not in whole:
            assert starts[count] == len(whole)
    assert starts == sorted(starts)
    ((_, offsets),) = tokenizer.encode_with_offsets([text])
    places = starts_in_text(offsets)
    assert places[0] == 0
    if algorithm == "byte-bpe":
        assert places == starts[:-1]


def test_bytes_that_are_no_text_have_names_of_their_own(gpt):
    tokens = gpt.tokenizer.encode("猫")
    names = [token_name(gpt.tokenizer, token) for token in tokens]
    assert names == [rf"bytes:\x{byte:02x}" for byte in "猫".encode()]
    assert token_name(gpt.tokenizer, gpt.tokenizer.encode("The")[0]) == "The"


def test_ids_are_continued_as_they_are(gpt):
    tokens = [gpt.tokenizer.specials.start, *gpt.tokenizer.encode("The red")]
    assert twinlm.generate(gpt, tokens, max_tokens=5, seed=1) == twinlm.generate(
        gpt, "The red", max_tokens=5, seed=1
    )
    assert twinlm.generate(gpt, tokens[1:], max_tokens=5)  # without <start>
    for wrong, message in (([], "no token"), ([10**6], "no token 1000000"), ([-1], "no token -1")):
        with pytest.raises((UsageError, DataError), match=message):
            twinlm.generate(gpt, wrong)
    with pytest.raises(UsageError, match=r"prompt\[0\] must be a whole number"):
        twinlm.generate(gpt, ["a"])
