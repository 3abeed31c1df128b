"""Roles of special tokens, in our vocabularies and in foreign ones."""

import pytest

from twinlm.tokenizer import ABSENT, SPECIAL_TOKENS, SpecialIds
from twinlm.tokenizer.specials import find_roles, is_own, named_roles, special_ids


def numbered(*tokens):
    return {token: number for number, token in enumerate(tokens)}


BERT = numbered("[PAD]", "x", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def test_special_ids_are_the_places_of_special_tokens():
    ids = SpecialIds()
    assert [ids.pad, ids.unknown, ids.cls, ids.sep, ids.mask] == [0, 1, 2, 3, 4]
    assert [SPECIAL_TOKENS[number] for number in (ids.start, ids.delimiter, ids.extract)] == [
        "<start>",
        "<delimiter>",
        "<extract>",
    ]


def test_all_ids_are_those_that_there_are_each_once():
    assert SpecialIds().ids == tuple(range(8))
    foreign = SpecialIds(
        pad=0, unknown=100, cls=101, sep=102, mask=103, start=102, delimiter=ABSENT, extract=ABSENT
    )
    assert foreign.ids == (0, 100, 101, 102, 103)


def test_a_vocabulary_is_ours_if_it_begins_with_our_special_tokens():
    ours = numbered(*SPECIAL_TOKENS, "a")
    assert is_own(ours)
    assert not is_own(numbered("a", *SPECIAL_TOKENS))
    roles = find_roles(ours, {"pad": "a"}, "[UNK]", "encoder")
    assert special_ids(roles, ours) == SpecialIds()


def test_an_encoder_has_no_roles_that_only_a_decoder_uses_but_its_documents_begin_with_sep():
    ids = special_ids(find_roles(BERT, {}, "[UNK]", "encoder"), BERT)
    assert (ids.pad, ids.unknown, ids.cls, ids.sep, ids.mask) == (0, 2, 3, 4, 5)
    assert (ids.start, ids.delimiter, ids.extract) == (4, ABSENT, ABSENT)


@pytest.mark.parametrize(
    ("tokens", "named", "start"),
    [
        (("a", "<|endoftext|>"), {}, "<|endoftext|>"),
        (("a", "<|endoftext|>", "<s>"), {"start": "<s>"}, "<s>"),
        (("a", "<|endoftext|>"), {"start": "<s>"}, "<|endoftext|>"),
        (("a", "[CLS]"), {}, "[CLS]"),
        (("a",), {}, "<start>"),
        (("<start>", "<|endoftext|>"), {}, "<start>"),
    ],
)
def test_a_decoder_starts_with_the_token_named_or_known_or_with_a_new_one(tokens, named, start):
    roles = find_roles(numbered(*tokens), named, None, "decoder")
    assert roles == {
        "start": start,
        "delimiter": "<delimiter>",
        "extract": "<extract>",
        "pad": "[PAD]",
    }


def test_a_token_has_one_role():
    vocabulary = numbered("a", "<|endoftext|>", "[PAD]")
    shared = {"start": "<|endoftext|>", "pad": "<|endoftext|>", "unknown": "<|endoftext|>"}
    assert find_roles(vocabulary, shared, None, "decoder")["pad"] == "[PAD]"
    assert find_roles(vocabulary, {"start": "[PAD]"}, None, "decoder")["pad"] == "<[PAD]>"
    assert find_roles(BERT, {"pad": "[MASK]", "cls": "[SEP]"}, "[UNK]", "encoder") == {
        "unknown": "[UNK]",
        "cls": "[SEP]",
        "sep": "<[SEP]>",
        "mask": "[MASK]",
        "pad": "[PAD]",
    }


def test_other_tools_are_told_the_roles_that_they_know():
    spell = {number: token for token, number in BERT.items()}.__getitem__
    ids = special_ids(find_roles(BERT, {}, "[UNK]", "encoder"), BERT)
    assert named_roles(ids, spell) == {
        "pad": "[PAD]",
        "unknown": "[UNK]",
        "cls": "[CLS]",
        "sep": "[SEP]",
        "mask": "[MASK]",
    }
    assert named_roles(SpecialIds(), SPECIAL_TOKENS.__getitem__)["start"] == "<start>"
