"""How chunks are cut in two and shortened; that they lose no sentence is tested with the pairs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.chunks import Chunks, cuts, sentence_tokens, shorten
from twinlm.data.token_store import TokenStore


def _slow_cuts(first: int, second: int, room: int) -> tuple[int, int]:
    """Take one token after the other from the longer segment, as truncate_seq_pair of the released code."""
    lost = [0, 0]
    while first - lost[0] + second - lost[1] > room:
        lost[0 if first - lost[0] > second - lost[1] else 1] += 1
    return lost[0], lost[1]


@given(first=st.integers(1, 60), second=st.integers(1, 60), room=st.integers(2, 80))
def test_the_longer_segment_is_cut_as_if_token_by_token(first: int, second: int, room: int) -> None:
    assert cuts(first, second, room) == _slow_cuts(first, second, room)


@given(
    first=st.integers(1, 60),
    second=st.integers(1, 60),
    room=st.integers(2, 80),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_what_is_left_is_in_one_piece(first: int, second: int, room: int, draw: float) -> None:
    for tokens in shorten(np.arange(first), np.arange(second), room, draw):
        assert len(tokens) > 0
        assert (np.diff(tokens) == 1).all()


def test_a_chunk_is_filled_and_cut_between_sentences(
    tmp_path: Path, write_numbers: Callable[..., TokenStore]
) -> None:
    store = write_numbers(tmp_path / "store", [[list(range(8 + 5 * n, 13 + 5 * n)) for n in range(10)]])
    chunks = Chunks(store, room=20, short_share=0.1)
    assert chunks.chunks_C3.tolist() == [[0, 0, 4], [0, 4, 8], [0, 8, 10]]
    assert chunks.fill(0, 10, 11) == 3
    split = chunks.split(1, np.array([0.99, 0, 0, 0.5]))
    assert (split.begin, split.middle, split.end, split.room) == (4, 6, 8, 20)
    assert sentence_tokens(store, split.begin, split.middle).tolist() == list(range(28, 38))
    short = chunks.split(1, np.array([0.0, 0.4, 0.9, 0.0]))
    assert (short.begin, short.middle, short.end, short.room) == (6, 7, 8, 9)
