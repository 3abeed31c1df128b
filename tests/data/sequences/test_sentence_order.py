"""Sentence order: a chunk's two halves as they stand, or swapped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from twinlm import rng
from twinlm.data.sequences.sentence_order import OrderedSentences
from twinlm.data.sequences.sentence_pairs import SentencePairs
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import DataError

Writer = Callable[..., TokenStore]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, write_numbers: Writer) -> TokenStore:
    """A store of 30 documents in which every token is greater than the one before."""
    texts = [
        [list(range(1000 * n + 8 + 20 * k, 1000 * n + 28 + 20 * k)) for k in range(9)] for n in range(30)
    ]
    return write_numbers(tmp_path_factory.mktemp("store") / "store", texts, 2**16)


def _ordered(store: TokenStore) -> OrderedSentences:
    return OrderedSentences(store, length=64, seed=0, short_share=0.1)


def test_half_of_the_pairs_are_swapped_and_both_halves_are_neighbours(store: TokenStore) -> None:
    source, chance = _ordered(store), rng.stream(0, "rows")
    labels = []
    for turn, place in source.indices(0, 4000):
        row = source.row(turn, place, chance)
        assert row.second is not None
        earlier, later = (row.second, row.first) if row.label else (row.first, row.second)
        assert earlier[-1] < later[0]
        assert earlier[0] // 1000 == later[-1] // 1000  # of one document
        assert len(earlier) + len(later) <= 61
        labels.append(row.label)
    assert np.mean(labels) == pytest.approx(0.5, abs=0.03)


def test_the_halves_are_those_of_a_true_pair(store: TokenStore) -> None:
    """Only the order differs from what next sentence prediction makes of a chunk and the same draws."""
    ordered = _ordered(store)
    pairs = SentencePairs(store, length=64, seed=0, short_share=0.1)
    for place in range(20):
        draws_6 = rng.stream(place, "draws").random(6)
        row = ordered.row(0, place, rng.stream(place, "draws"))
        true = pairs.pair(place, np.array([*draws_6[:4], 0.99, 0, 0, draws_6[4]]))
        assert true.second is not None and row.second is not None
        wanted = (true.second, true.first) if row.label else (true.first, true.second)
        assert np.array_equal(row.first, wanted[0])
        assert np.array_equal(row.second, wanted[1])


def test_one_document_is_enough(tmp_path: Path, write_numbers: Writer) -> None:
    store = write_numbers(tmp_path / "store", [[[8, 9], [10], [11, 12]]])
    assert len(_ordered(store).indices(0, 5)) == 5


def test_documents_of_one_sentence_are_refused_with_advice(tmp_path: Path, write_numbers: Writer) -> None:
    store = write_numbers(tmp_path / "store", [[[8] * 10]] * 6)
    with pytest.raises(DataError, match="only 0 % of the text") as caught:
        _ordered(store)
    assert "blank line between documents" in caught.value.hint
