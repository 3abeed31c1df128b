"""How chunks are cut in two and shortened; that they lose no sentence is tested with the pairs."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twinlm.data.sequences import chunks as chunks_module
from twinlm.data.sequences.chunks import Chunks, cuts, sentence_tokens, shorten
from twinlm.data.tokens.store import TokenStore


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
    for tokens in shorten(np.arange(first), np.arange(second), room, lambda cut: int(draw * (cut + 1))):
        assert len(tokens) > 0
        assert (np.diff(tokens) == 1).all()


def test_a_chunk_is_filled_and_cut_between_sentences(
    tmp_path: Path, write_numbers: Callable[..., TokenStore]
) -> None:
    store = write_numbers(tmp_path / "store", [[list(range(8 + 5 * n, 13 + 5 * n)) for n in range(10)]])
    chunks = Chunks(store, room=20, short_share=0.1)
    assert [chunks.bounds(number) for number in range(chunks.count)] == [(0, 0, 4), (0, 4, 8), (0, 8, 10)]
    assert chunks.fill(0, 10, 11) == 3
    split = chunks.split(1, np.array([0.99, 0, 0, 0.5]))
    assert (split.begin, split.middle, split.end, split.room) == (4, 6, 8, 20)
    assert sentence_tokens(store, split.begin, split.middle).tolist() == list(range(28, 38))
    short = chunks.split(1, np.array([0.0, 0.4, 0.9, 0.0]))
    assert (short.begin, short.middle, short.end, short.room) == (6, 7, 8, 9)


def _slow_chunks(store: SimpleNamespace, room: int) -> list[tuple[int, int, int]]:
    """Walk through every document, sentence by sentence."""
    rows = []
    for document in range(store.document_count):
        begin, last = store.documents_E[document : document + 2].tolist()
        start = begin
        while start < last and last - begin >= 2:
            start = min(start, last - 2)
            end = start + 2
            while end < last and store.sentences_S2[end - 1, 1] - store.sentences_S2[start, 0] < room:
                end += 1
            rows.append((document, start, end))
            start = end
    return rows


def _index(documents: list[list[int]]) -> SimpleNamespace:
    """Return the index of a store whose documents have sentences of these lengths."""
    lengths_S = np.concatenate(documents)
    documents_E = np.cumsum([0, *map(len, documents)])
    is_first_S = np.isin(np.arange(len(lengths_S)), documents_E)
    ends_S = np.cumsum(lengths_S + is_first_S)  # a <start> stands before each document
    sentences_S2 = np.stack([ends_S - lengths_S, ends_S], axis=1)
    count = len(documents)
    return SimpleNamespace(
        document_count=count, documents_E=documents_E, sentences_S2=sentences_S2, folder="x"
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=25), min_size=1, max_size=12),
    room=st.integers(2, 60),
    most_marks=st.integers(2, 40),
    at_once=st.integers(1, 30),
)
def test_chunks_are_those_of_a_slow_walk_however_few_marks_are_kept(
    documents: list[list[int]],
    room: int,
    most_marks: int,
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunks_module, "MOST_MARKS", most_marks)
    monkeypatch.setattr(chunks_module, "_BLOCK_SENTENCES", at_once)
    monkeypatch.setattr(chunks_module, "_SENTENCES_AFTER_A_MARK", at_once)
    store = _index([*documents, [40, 40, 40] * 10, [1000, 1000]])  # enough text in documents that can be used
    chunks = Chunks(store, room=room, short_share=0.1)
    assert [chunks.bounds(number) for number in range(chunks.count)] == _slow_chunks(store, room)
    assert len(chunks._marks) <= most_marks


@dataclass
class Regular:
    """The index of documents that are all alike, computed where it is looked at, so that it can be huge."""

    rows: int
    width: int
    value: Callable[[np.ndarray], np.ndarray]

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, key: object) -> np.ndarray:
        rows, *columns = key if isinstance(key, tuple) else (key,)
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(self.rows))
        found = self.value(np.asarray(rows))
        return found[(..., *columns)] if self.width > 1 else found

    def __array_function__(self, function, kinds, given, named):
        assert function is np.searchsorted
        _, wanted = given
        return np.asarray(wanted) // 5 + 1  # every document has five sentences


def test_memory_stays_the_same_when_the_corpus_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated: documents of five sentences of ten tokens, two chunks each."""
    for name in ("MOST_MARKS", "_BLOCK_SENTENCES", "_DOCUMENTS_AT_ONCE"):
        monkeypatch.setattr(chunks_module, name, 1 << 12)

    def sentences(numbers_N: np.ndarray) -> np.ndarray:
        begins_N = 10 * numbers_N + numbers_N // 5 + 1
        return np.stack([begins_N, begins_N + 10], axis=-1)

    peaks = []
    for documents in (10_000, 100_000):
        store = SimpleNamespace(
            document_count=documents,
            documents_E=Regular(documents + 1, 1, lambda numbers_N: 5 * numbers_N),
            sentences_S2=Regular(5 * documents, 2, sentences),
            folder="x",
        )
        tracemalloc.start()
        chunks = Chunks(store, room=30, short_share=0.1)
        found = chunks.bounds(2 * documents - 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert chunks.count == 2 * documents
        assert found == (documents - 1, 5 * documents - 2, 5 * documents)
    assert peaks[1] < 1.05 * peaks[0]
