"""Texts as a model's input."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlm.data.sequences.packing import (
    by_length,
    few_lengths,
    fit,
    pack_for_decoder,
    pack_for_encoder,
    pad,
    pad_packed,
    room,
)
from twinlm.tokenizer import SpecialIds

IDS = SpecialIds()
TOKENS = st.lists(st.integers(8, 99), max_size=30)


def test_one_and_two_texts_stand_between_their_special_tokens():
    a, b = [8, 9], [10]
    decoder, pair = pack_for_decoder([a], IDS), pack_for_decoder([a, b], IDS)
    assert decoder.tokens == [IDS.start, 8, 9, IDS.extract]
    assert pair.tokens == [IDS.start, 8, 9, IDS.delimiter, 10, IDS.extract]
    assert (pair.segments, pair.starts, pair.summary) == ([0] * 6, (1, 4), 5)
    encoder, pair = pack_for_encoder([a], IDS), pack_for_encoder([a, b], IDS)
    assert (encoder.tokens, encoder.segments) == ([IDS.cls, 8, 9, IDS.sep], [0] * 4)
    assert pair.tokens == [IDS.cls, 8, 9, IDS.sep, 10, IDS.sep]
    assert (pair.segments, pair.starts, pair.summary) == ([0, 0, 0, 0, 1, 1], (1, 4), 0)


@pytest.mark.parametrize("pack", [pack_for_decoder, pack_for_encoder])
@settings(deadline=None)
@given(texts=st.lists(TOKENS, min_size=1, max_size=2), length=st.integers(3, 70))
def test_what_is_cut_fits_and_no_special_token_is_lost(pack, texts: list[list[int]], length: int) -> None:
    kept = fit(texts, length)
    packed = pack(kept, IDS)
    whole = sum(map(len, texts)) + len(texts) + 1
    assert len(packed.tokens) == len(packed.segments) == min(length, whole)
    assert sum(token <= IDS.extract for token in packed.tokens) == len(texts) + 1
    for text, start, left in zip(texts, packed.starts, kept, strict=True):
        assert packed.tokens[start : start + len(left)] == text[: len(left)]
    assert packed.tokens[packed.summary] in (IDS.extract, IDS.cls)


@given(texts=st.lists(TOKENS, min_size=1, max_size=3), length=st.integers(4, 70))
def test_the_longest_text_is_cut_first(texts: list[list[int]], length: int) -> None:
    """Slowly: take tokens off the longest text, one by one, as BERT's released code does."""
    lengths = [len(text) for text in texts]
    while sum(lengths) > room(length, len(texts)):
        lengths[lengths.index(max(lengths))] -= 1
    found = [len(text) for text in fit(texts, length)]
    assert sum(found) == sum(lengths)
    assert sorted(found) == sorted(lengths)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(8, 99), min_size=1, max_size=12), min_size=1, max_size=6))
def test_rows_are_padded_on_the_right_to_the_longest(rows: list[list[int]]) -> None:
    batch = pad(rows, IDS.pad)
    longest = max(map(len, rows))
    assert batch.tokens_BL.shape == batch.real_BL.shape == batch.segments_BL.shape == (len(rows), longest)
    assert batch.tokens_BL.dtype == batch.segments_BL.dtype == torch.int64
    assert batch.real_BL.dtype == torch.bool
    for number, row in enumerate(rows):
        assert batch.tokens_BL[number].tolist() == row + [IDS.pad] * (longest - len(row))
        assert batch.real_BL[number].tolist() == [True] * len(row) + [False] * (longest - len(row))
    assert not batch.segments_BL.any()


def test_packed_rows_keep_their_segments() -> None:
    batch = pad_packed([pack_for_encoder([[8], [9]], IDS), pack_for_encoder([[8]], IDS)], 77)
    assert batch.tokens_BL.tolist() == [[2, 8, 3, 9, 3], [2, 8, 3, 77, 77]]
    assert batch.segments_BL.tolist() == [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]


@given(st.lists(st.integers(1, 50)), st.integers(1, 120))
def test_each_sequence_is_in_one_group_and_no_group_is_larger_than_allowed(lengths, most):
    groups = by_length(lengths, most)
    assert sorted(number for group in groups for number in group) == list(range(len(lengths)))
    for group in groups:
        assert group
        assert len(group) == 1 or len(group) * max(lengths[number] for number in group) <= most


def test_like_lengths_come_together_in_their_order():
    assert by_length([5, 2, 5, 2, 9], 10) == [[1, 3], [0, 2], [4]]
    assert by_length([], 10) == []


@given(st.integers(1, 600), st.integers(1, 600))
def test_a_padded_length_is_round_or_the_models_own_and_holds_the_longest(longest, more):
    length = few_lengths(longest, longest + more - 1)
    assert longest <= length <= longest + more - 1
    assert length % 8 == 0 or length == longest + more - 1
    assert length - longest < 8
