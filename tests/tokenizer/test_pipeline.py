"""The pipelines: pre-tokens, their caps, and special tokens that text can't spell."""

import time

import pytest

from twinlm.tokenizer import SPECIAL_TOKENS, SpecialIds
from twinlm.tokenizer.pipeline import (
    LONGEST_WORD,
    build_engine,
    describe_template,
    own_pipeline,
    trainable_engine,
)


def plain(algorithm):
    """Return a pipeline that folds nothing."""
    return own_pipeline(algorithm, lowercase=False, strip_accents=False)


def cut(text, algorithm="byte-bpe"):
    """Return the pre-tokens of a text."""
    pieces = trainable_engine(plain(algorithm)).pre_tokenizer.pre_tokenize_str(text)
    return [text[begin:end] for _, (begin, end) in pieces]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("They'll go, it isn't 12 cm.", ["They", "'ll", " go", ",", " it", " isn", "'t", " 12", " cm", "."]),
        ("a  b\n\nc ", ["a", " ", " b", "\n", "\n", "c", " "]),
        ("wait... (no)", ["wait", "...", " (", "no", ")"]),
        ("\u0928\u092e\u0938\u094d\u0924\u0947 x", ["\u0928\u092e\u0938\u094d\u0924\u0947", " x"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("\u0301", ["\u0301"]),
        ("", []),
    ],
)
def test_byte_bpe_cuts_words_with_the_space_before_them(text, pieces):
    assert cut(text) == pieces


@pytest.mark.parametrize("character", ["a", "7", "!", " ", "\n", "\u4e16", "\u0301", "\U0001f600", "\u200d"])
def test_no_pre_token_of_byte_bpe_is_longer_than_65_characters(character):
    text = character * 500
    pieces = cut(text)
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 65


def test_wordpiece_does_not_learn_from_words_it_would_not_spell():
    longest, longer = "a" * LONGEST_WORD, "b" * (LONGEST_WORD + 1)
    assert cut(f"one {longest} {longer}, two", "wordpiece") == ["one", longest, ",", "two"]


def test_the_longest_word_of_wordpiece_is_spelled_and_a_longer_one_is_unknown():
    vocabulary = {token: number for number, token in enumerate([*SPECIAL_TOKENS, "a", "##a"])}
    engine = build_engine(plain("wordpiece"), vocabulary, [], SPECIAL_TOKENS)
    assert engine.encode("a" * LONGEST_WORD).ids == [8] + [9] * (LONGEST_WORD - 1)
    assert engine.encode("a" * (LONGEST_WORD + 1)).ids == [SpecialIds().unknown]


@pytest.mark.parametrize("text", ["x" * 300_000, "\u4e16" * 100_000, " " * 300_000, "!" * 300_000])
def test_a_huge_line_without_spaces_takes_no_quadratic_time(either, text):
    begin = time.process_time()
    tokens = either.encode(text)
    assert time.process_time() - begin < 5
    if either.algorithm == "byte-bpe":
        assert either.decode(tokens) == text


def test_templates_put_special_tokens_as_the_papers_do():
    vocabulary = {token: number for number, token in enumerate([*SPECIAL_TOKENS, "a"])}
    engine = build_engine(plain("wordpiece"), vocabulary, [], SPECIAL_TOKENS)
    encoder = describe_template("encoder", engine, SpecialIds())
    decoder = describe_template("decoder", engine, SpecialIds())

    def written(pieces):
        names = [piece.get("SpecialToken") or piece["Sequence"] for piece in pieces]
        return [(name["id"], name["type_id"]) for name in names]

    assert written(encoder["single"]) == [("[CLS]", 0), ("A", 0), ("[SEP]", 0)]
    assert written(encoder["pair"])[2:] == [("[SEP]", 0), ("B", 1), ("[SEP]", 1)]
    assert written(decoder["single"]) == [("<start>", 0), ("A", 0)]
    assert written(decoder["pair"])[2:] == [("<delimiter>", 0), ("B", 0)]
