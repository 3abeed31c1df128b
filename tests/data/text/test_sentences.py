"""Sentences: nothing is lost, and the rules find what a reader would find."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twinlm.data.text.sentences import LONGEST_CHARACTERS, split_sentences

pieces = st.sampled_from(
    [
        "a",
        "B",
        "Mr",
        "U.S",
        "e.g",
        ".",
        "!",
        "?",
        "\u2026",
        "\u3002",
        '"',
        ")",
        " ",
        "\n",
        "3",
        "\u00a0",
        "word",
        "\u201c",
    ]
)


@given(st.text() | st.lists(pieces, max_size=40).map("".join) | st.text(" a.", min_size=380, max_size=900))
@example("")
@example(" " * 1000 + "a" * 1000)
@example("a" + "\n" * 500 + "b")
def test_joined_again_the_sentences_are_the_text_and_none_is_empty(text):
    sentences = split_sentences(text)
    assert "".join(sentences) == text
    assert all(sentences)
    if text.strip():
        assert all(sentence.strip() for sentence in sentences)
    else:
        assert len(sentences) == bool(text)


@pytest.mark.parametrize(
    "sentences",
    [
        ["One.", " Two!", " Three?", " Four\u2026", " Five"],
        ["Really?!", " Yes...", " No."],
        ['"Stop!"', " He ran (fast.)", " She did not."],
        ['"Stop!" he cried, and ran.', " She did not."],
        ["Mr. Smith met Dr. Jones and Mrs. Lee.", " They spoke."],
        ["Some fruits, e.g. Apples, are red.", " Others, i.e. Bananas, are not."],
        ["J. R. R. Tolkien wrote it.", " I did not, nor did I.", " You did."],
        ["The U.S. Army left the U.S.", " The war was over."],
        ["It cost 3.14 euros, or 2.50.", " See No. 5 and Fig. 2.", " I said no.", " Go away."],
        ["He founded Acme Inc. Limited with Bob Jr. Jones.", " It failed."],
        ["He founded Acme Inc.", " The firm failed."],
        ["2. The second point.", " It is short."],
        ["It was approx. five o'clock.", " At 5 p.m. we left."],
        ["A heading", "\nA line. in small letters", "\n\n  Another."],
        ["\u4f60\u597d\u3002", "\u518d\u89c1\uff01", "\u597d\u7684\u300d\u5417\uff1f\u300d", "\u662f"],
        ["\u0915\u0964", " \u0916\u0964"],
        ["visit www.example.org or mail a.b@c.d today.", " Thanks."],
        ["Blank at the end.", " Stays there. \n\n"],
        ["\n First."],
        ["in small letters only.", " the rule about capitals is off."],
        ["of Japan .", " Released in 2011 ,", "\nit sold ."],
    ],
)
def test_sentences_end_where_a_reader_would_end_them(sentences):
    assert split_sentences("".join(sentences)) == sentences


def test_text_without_punctuation_is_cut_at_white_space():
    text = " ".join(["word"] * 1000)
    sentences = split_sentences(text)
    assert "".join(sentences) == text
    assert all(LONGEST_CHARACTERS - 5 <= len(sentence) <= LONGEST_CHARACTERS for sentence in sentences[:-1])
    assert all(sentence.startswith(" word") and sentence.endswith("word") for sentence in sentences[1:])


def test_a_word_of_any_length_is_cut_too():
    text = "short " + "x" * 1000 + " end."
    sentences = split_sentences(text)
    assert "".join(sentences) == text
    assert max(map(len, sentences)) <= LONGEST_CHARACTERS


@pytest.mark.parametrize(
    "unit", [".", ". ", "a", " ", "\n", "a.", "A. ", '."', "1. ", "!a", ".)", "\u3002", ". (", "Mr. "]
)
def test_time_is_linear_in_the_length_of_any_text(unit):
    def seconds(times: int) -> float:
        text = unit * times + "x"
        start = time.process_time()
        split_sentences(text)
        return time.process_time() - start

    assert seconds(200_000) < 40 * seconds(20_000) + 0.5
