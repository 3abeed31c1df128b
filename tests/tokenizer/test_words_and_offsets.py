"""Tokens of words, and where tokens stand in the text, for every kind of tokenizer."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.system.log import Silent
from twinlm.tokenizer import read_foreign, train_tokenizer

WORDS = ["The", "fox", "isn't", "na\u00efve", ",", "\u4f60\u597d", "U.S.", "\U0001f600", "e\u0301te\u0301"]
KINDS = ["byte_bpe", "wordpiece", "bert uncased", "bert cased", "gpt2", "gpt1"]


@pytest.fixture(scope="session")
def made(request, small_foreign):
    """Return a function from a name to its tokenizer."""

    def make(name):
        if name in ("byte_bpe", "wordpiece"):
            return request.getfixturevalue(name)
        foreign = small_foreign(name)
        return read_foreign(foreign.whole, template=foreign.template)

    return make


@pytest.fixture(scope="session", params=KINDS)
def tokenizer(request, made):
    return made(request.param)


def joined(words):
    return [token for tokens in words for token in tokens]


def test_the_tokens_of_words_joined_are_those_of_the_sentence(tokenizer):
    rows = [WORDS, WORDS[::-1], ["fox"], []]
    encoded = tokenizer.encode_words(rows)
    assert [len(words) for words in encoded] == [len(row) for row in rows]
    for words, row in zip(encoded, rows, strict=True):
        assert joined(words) == tokenizer.encode(" ".join(row))
    assert tokenizer.encode_words([]) == []


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_words_joined_are_their_sentence(tokenizer, text):
    words = text.split()
    assert joined(tokenizer.encode_words([words])[0]) == tokenizer.encode(" ".join(words))


def test_a_word_of_which_nothing_is_left_has_no_tokens(tokenizer):
    words = ["", "the", "", "\x00\x01", "fox"]
    encoded = tokenizer.encode_words([words])[0]
    assert encoded[0] == encoded[2] == []
    assert encoded[1] == tokenizer.encode("the")
    if tokenizer.pipeline.is_of_bytes:
        assert encoded[4] == tokenizer.encode(" fox")
        assert encoded[3] == tokenizer.encode(" \x00\x01")
    else:
        assert encoded[3] == []
        assert encoded[4] == tokenizer.encode("fox")


@pytest.mark.parametrize("name", ["byte_bpe", "gpt2"])
def test_tokens_of_bytes_hold_the_space_before_all_words_but_the_first(made, name):
    tokenizer = made(name)
    encoded = tokenizer.encode_words([["fox", "fox"], ["fox"]])
    shown = [["".join(map(tokenizer.display, tokens)) for tokens in row] for row in encoded]
    assert shown == [["fox", " fox"], ["fox"]]


def test_offsets_come_with_the_tokens_that_encoding_gives(tokenizer):
    texts = [" ".join(WORDS), "  the\n\nfox ", "", "\x00"]
    for text, (tokens, offsets) in zip(texts, tokenizer.encode_with_offsets(texts), strict=True):
        assert tokens == tokenizer.encode(text)
        assert len(offsets) == len(tokens)
    assert tokenizer.encode_with_offsets([]) == []


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_offsets_lie_in_the_text_in_order_without_spaces_at_the_edges(tokenizer, text):
    [(tokens, offsets)] = tokenizer.encode_with_offsets([text])
    assert tokens == tokenizer.encode(text)
    last = (0, 0)
    for begin, end in offsets:
        assert 0 <= begin <= end <= len(text)
        assert text[begin:end] == text[begin:end].strip()
        assert begin >= last[0] and end >= last[1]
        last = begin, end


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_every_character_but_spaces_lies_in_a_token_of_bytes(byte_bpe, text):
    [(_, offsets)] = byte_bpe.encode_with_offsets([text])
    covered = {place for begin, end in offsets for place in range(begin, end)}
    assert all(place in covered for place, character in enumerate(text) if not character.isspace())


@pytest.mark.parametrize("name", ["byte_bpe", "gpt2"])
def test_a_token_with_part_of_a_character_has_the_whole_of_it(made, name):
    tokenizer, text = made(name), "a \U0001f600 \u4e17!"
    [(tokens, offsets)] = tokenizer.encode_with_offsets([text])
    pieces = [text[begin:end] for begin, end in offsets]
    assert len(tokens) > 4
    assert dict.fromkeys(piece for piece in pieces if piece) == dict.fromkeys(
        ["a", "\U0001f600", "\u4e17", "!"]
    )
    assert tokenizer.decode(tokens) == text


def test_offsets_are_of_the_text_before_case_and_accents_are_dropped(tokenizer):
    text = "The  CAF\u00c9S, fox\n"
    [(_, offsets)] = tokenizer.encode_with_offsets([text])
    words = {"The": (0, 3), "CAF\u00c9S": (5, 10), ",": (10, 11), "fox": (12, 15)}
    for begin, end in words.values():
        inside = [pair for pair in offsets if begin <= pair[0] < pair[1] <= end]
        assert (inside[0][0], inside[-1][1]) == (begin, end)
    # Nothing reaches over the edge of a word, and tokens of spaces alone are empty.
    inside = [any(b <= pair[0] and pair[1] <= e for b, e in words.values()) for pair in offsets]
    assert all(here or pair[0] == pair[1] for here, pair in zip(inside, offsets, strict=True))


@pytest.mark.parametrize(
    "text", ["e\u0301te\u0301 fox", "\u092e\u0947\u0902 fox", "cafe\u0301\u0301, the fox"]
)
def test_an_accent_that_is_dropped_belongs_to_its_letter(text):
    """An answer that ends with it would lose it."""
    tokenizer = train_tokenizer(
        [text] * 3,
        algorithm="wordpiece",
        vocab_size=60,
        lowercase=True,
        strip_accents="always",
        progress=Silent(),
    )
    [(_, offsets)] = tokenizer.encode_with_offsets([text])
    covered = {place for begin, end in offsets for place in range(begin, end)}
    assert covered == {place for place, character in enumerate(text) if character != " "}
    assert all(one[1] <= other[0] for one, other in pairwise(offsets))


def test_a_word_too_long_to_spell_is_one_unknown_token_over_all_of_it(wordpiece):
    text = f"the {'a' * 101} fox"
    [(tokens, offsets)] = wordpiece.encode_with_offsets([text])
    assert offsets[tokens.index(wordpiece.specials.unknown)] == (4, 105)
