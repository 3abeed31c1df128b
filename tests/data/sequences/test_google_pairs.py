"""The released code's pairs: the shares it is known for, its walk, and how it fills and cuts."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from twinlm import rng
from twinlm.data.sequences.google_pairs import GooglePairs
from twinlm.data.tokens.store import TokenStore

Writer = Callable[..., TokenStore]
ROOM = 125


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, write_numbers: Writer) -> dict[int, TokenStore]:
    """Stores of documents of 1, 2, 3 and 50 sentences; every token of a store is another one."""
    folder, made = tmp_path_factory.mktemp("stores"), {}
    for sentences, documents in ((1, 200), (2, 300), (3, 300), (50, 40)):
        chance, token, texts = rng.stream(0, "google", sentences), 8, []
        for _ in range(documents):
            lengths = chance.integers(5, 40, size=sentences).tolist()
            bounds = np.cumsum([token, *lengths]).tolist()
            texts.append([list(range(begin, end)) for begin, end in pairwise(bounds)])
            token = bounds[-1]
        made[sentences] = write_numbers(folder / str(sentences), texts, 2**17)
    return made


def _pairs(store: TokenStore, *, short_share: float = 0.1, seed: int = 0, variants: int = 0) -> GooglePairs:
    return GooglePairs(store, length=ROOM + 3, seed=seed, short_share=short_share, variants=variants)


@pytest.mark.parametrize(
    ("sentences", "share", "tolerance"), [(50, 0.55, 0.03), (3, 0.64, 0.02), (2, 0.67, 0.02), (1, 1.0, 0.0)]
)
def test_the_share_of_random_pairs_is_what_the_released_code_gives(
    stores: dict[int, TokenStore], sentences: int, share: float, tolerance: float
) -> None:
    pairs = _pairs(stores[sentences])
    is_random = np.concatenate([pairs.layout(turn)[:, 4] for turn in range(10)])
    assert is_random.mean() == pytest.approx(share, abs=tolerance)


def _slow_document(
    document: list[list[int]], target: int, coins: Callable[[], bool], cut: Callable[[int], int]
):
    """Walk a document as the released code does, with plain lists; yield A and true B, or A alone."""
    chunk: list[list[int]] = []
    place = 0
    while place < len(document):
        chunk.append(document[place])
        if place == len(document) - 1 or sum(map(len, chunk)) >= target:
            a_end = cut(len(chunk) - 1) if len(chunk) >= 2 else 1
            if len(chunk) == 1 or coins():
                yield chunk[:a_end], None
                place -= len(chunk) - a_end
            else:
                yield chunk[:a_end], chunk[a_end:]
            chunk = []
        place += 1


@pytest.mark.parametrize("sentences", [1, 2, 3, 50])
def test_a_walk_is_the_released_codes(stores: dict[int, TokenStore], sentences: int) -> None:
    """The same choices, put into a plain version with lists of tokens, give the same segments."""
    store = stores[sentences]
    rows = _pairs(store, short_share=0.0).layout(0).tolist()
    number = 0

    def cut(most: int) -> int:
        begin, middle, *_ = rows[number]
        assert 1 <= middle - begin <= most
        return middle - begin

    def coin() -> bool:
        return bool(rows[number][4])

    for document in range(store.document_count):
        first, after = store.documents_E[document : document + 2].tolist()
        lists = [store.sentence(sentence).tolist() for sentence in range(first, after)]
        for a_sentences, b_sentences in _slow_document(lists, ROOM, coin, cut):
            begin, middle, b_begin, b_end, is_random = rows[number]
            assert a_sentences == [store.sentence(sentence).tolist() for sentence in range(begin, middle)]
            assert is_random == (b_sentences is None)
            if b_sentences is not None:
                assert b_sentences == [
                    store.sentence(sentence).tolist() for sentence in range(b_begin, b_end)
                ]
            number += 1
    assert number == len(rows)


def test_a_random_b_fills_the_target_or_ends_its_document(stores: dict[int, TokenStore]) -> None:
    store = stores[50]
    lasts = set((store.documents_E[1:]).tolist())
    for begin, middle, b_begin, b_end, is_random in _pairs(store, short_share=0.0).layout(0).tolist():
        if not is_random:
            continue
        wanted = ROOM - sum(len(store.sentence(sentence)) for sentence in range(begin, middle))
        lengths = [len(store.sentence(sentence)) for sentence in range(b_begin, b_end)]
        assert sum(lengths[:-1]) < max(1, wanted)
        assert sum(lengths) >= wanted or b_end in lasts


def test_sentences_that_a_random_b_replaced_are_put_back(stores: dict[int, TokenStore]) -> None:
    """So every sentence of a document is in A, or in a true B, exactly once."""
    store = stores[50]
    seen = [
        sentence
        for begin, middle, b_begin, b_end, is_random in _pairs(store).layout(0).tolist()
        for sentence in [*range(begin, middle), *([] if is_random else range(b_begin, b_end))]
    ]
    assert seen == list(range(len(store.sentences_S2)))


def test_one_document_of_ten_has_a_shorter_target(stores: dict[int, TokenStore]) -> None:
    store = stores[50]
    assert len(_pairs(store, short_share=1.0).layout(0)) > 1.3 * len(_pairs(store, short_share=0.0).layout(0))


def test_what_is_too_long_is_cut_at_random_ends_and_fills_the_room(
    tmp_path: Path, write_numbers: Writer
) -> None:
    texts = [
        [list(range(8 + 1000 * n, 308 + 1000 * n)), list(range(400 + 1000 * n, 500 + 1000 * n))]
        for n in range(9)
    ]
    pairs = _pairs(write_numbers(tmp_path / "store", texts, 2**17), short_share=0.0)
    fronts = []
    for number in range(400):
        turn, place = pairs.indices(number, 1)[0]
        row = pairs.row(turn, place, rng.stream(number, "cut"))
        assert row.second is not None
        assert len(row.first) + len(row.second) == ROOM
        assert (np.diff(row.first) == 1).all()
        if (begin := int(row.first[0] - 8) % 1000) < 300:
            fronts.append(begin / max(1, 300 - len(row.first)))
    assert np.mean(fronts) == pytest.approx(0.5, abs=0.02)
    assert np.std(fronts) < 0.1  # each token's end is drawn, so the parts are about equal


def test_one_document_is_its_own_random_document(tmp_path: Path, write_numbers: Writer) -> None:
    store = write_numbers(tmp_path / "store", [[list(range(8 + 9 * n, 17 + 9 * n)) for n in range(200)]])
    layout = _pairs(store).layout(0)
    assert 0.4 < layout[:, 4].mean() < 0.7


def test_a_pass_has_each_of_its_pairs_once_and_the_next_pass_has_others(
    stores: dict[int, TokenStore],
) -> None:
    pairs = _pairs(stores[3])
    sizes = [len(pairs.layout(turn)) for turn in range(3)]
    assert len(set(sizes)) > 1
    places = pairs.indices(0, sum(sizes))
    assert [turn for turn, _ in places] == [turn for turn, size in enumerate(sizes) for _ in range(size)]
    for turn, size in enumerate(sizes):
        assert sorted(place for number, place in places if number == turn) == list(range(size))
    assert places[7:907] == [*_pairs(stores[3]).indices(7, 400), *_pairs(stores[3]).indices(407, 500)]


def test_variants_come_again_in_another_order(stores: dict[int, TokenStore]) -> None:
    pairs = _pairs(stores[3], variants=2)
    assert np.array_equal(pairs.layout(0), pairs.layout(2))
    assert not np.array_equal(pairs.layout(0)[:50], pairs.layout(1)[:50])
    size = [len(pairs.layout(turn)) for turn in range(2)]
    first, third = pairs.indices(0, size[0]), pairs.indices(sum(size), size[0])
    assert [place for _, place in first] != [place for _, place in third]
    assert sorted(place for _, place in first) == sorted(place for _, place in third)
