"""One labelled text as a model's input."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlm.data.packing import label, pack_for_decoder, pack_for_encoder, pad
from twinlm.tokenizer import SpecialIds

IDS = SpecialIds()
TOKENS = st.lists(st.integers(8, 99), max_size=30)


@pytest.mark.parametrize(
    ("pack", "first", "last"),
    [(pack_for_decoder, IDS.start, IDS.extract), (pack_for_encoder, IDS.cls, IDS.sep)],
)
@settings(deadline=None)
@given(tokens=TOKENS, length=st.integers(2, 40))
def test_a_text_stands_between_its_special_tokens_and_loses_only_its_end(
    pack, first: int, last: int, tokens: list[int], length: int
) -> None:
    packed = pack(tokens, IDS, length)
    assert packed[0] == first
    assert packed[-1] == last
    assert packed[1:-1] == tokens[: length - 2]
    assert len(packed) == min(length, len(tokens) + 2)


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


def test_a_label_leaves_the_tokens_alone() -> None:
    batch = pad([[8, 9], [10]], IDS.pad)
    labelled = label(batch, [1, 0])
    assert labelled.labels_B.tolist() == [1, 0]
    assert labelled.labels_B.dtype == torch.int64
    assert labelled.tokens_BL is batch.tokens_BL
    assert labelled.real_BL is batch.real_BL
