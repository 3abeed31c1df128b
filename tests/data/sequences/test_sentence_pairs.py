"""Sentence pairs over stores in which every token stands once, so that each can be traced to its place."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from twinlm import rng
from twinlm.batch import IGNORE, MaskedBatch
from twinlm.data.sequences.mask_units import choose_tokens
from twinlm.data.sequences.masked_examples import Dynamic
from twinlm.data.sequences.masking import Masking, special_tokens
from twinlm.data.sequences.sentence_pairs import SentencePairs
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import DataError
from twinlm.tokenizer import SpecialIds

Writer = Callable[..., TokenStore]
IDS = SpecialIds()
VOCAB_SIZE = 60_000
MANY = 24_000
SHORT_SHARE = 0.1

# name: sentences in a document and tokens in a sentence, each from .. below
CORPORA = {
    "two sentences": (120, (2, 3), (3, 30)),
    "few sentences": (150, (1, 6), (1, 25)),
    "two documents": (2, (40, 41), (2, 30)),
    "long documents": (12, (50, 120), (5, 30)),
    "long sentences": (40, (2, 8), (40, 200)),
    "one word": (100, (2, 30), (1, 2)),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, write_numbers: Writer) -> dict[str, TokenStore]:
    """A store of each kind of corpus; ordinary token i of a store is 8 + i."""
    folder = tmp_path_factory.mktemp("stores")
    made = {}
    for name, (count, sentences, tokens) in CORPORA.items():
        chance, token, documents = rng.stream(0, name), 8, []
        for _ in range(count):
            document = []
            for _ in range(chance.integers(*sentences)):
                length = int(chance.integers(*tokens))
                document.append(list(range(token, token + length)))
                token += length
            documents.append(document)
        made[name] = write_numbers(folder / name, documents, VOCAB_SIZE)
    return made


def _pairs(store: TokenStore, length: int = 64, seed: int = 0) -> SentencePairs:
    return SentencePairs(store, length=length, seed=seed, short_share=SHORT_SHARE)


def _masked(store: TokenStore, length: int = 64, seed: int = 0) -> Dynamic:
    masking = Masking(
        choose=choose_tokens,
        share=0.15,
        most=0,
        mask_id=IDS.mask,
        is_special_V=special_tokens(IDS.ids, VOCAB_SIZE),
        drawn_N=np.arange(8, VOCAB_SIZE),
    )
    return Dynamic(_pairs(store, length, seed), masking, IDS)


def _document_of(store: TokenStore) -> np.ndarray:
    """Return the document of each token id."""
    documents_V = np.full(VOCAB_SIZE, -1)
    for number in range(store.document_count):
        documents_V[store.document(number)] = number
    return documents_V


def _unmasked(batch: MaskedBatch) -> np.ndarray:
    return torch.where(batch.originals_BL != IGNORE, batch.originals_BL, batch.tokens_BL).numpy()


@pytest.mark.parametrize("name", CORPORA)
def test_half_of_the_pairs_are_true_and_random_ones_never_share_a_document(
    stores: dict[str, TokenStore], name: str
) -> None:
    pairs, documents_V = _masked(stores[name]), _document_of(stores[name])
    randoms = []
    for first in range(0, MANY, 2000):
        batch = pairs.batch(first, 2000)
        tokens_BL, is_random_B = _unmasked(batch), batch.is_random_B.numpy().astype(bool)
        rows = np.arange(2000)
        middle_B = (tokens_BL == IDS.sep).argmax(1)
        a_B, b_B = documents_V[tokens_BL[rows, middle_B - 1]], documents_V[tokens_BL[rows, middle_B + 1]]
        assert a_B.min() >= 0
        assert b_B.min() >= 0
        assert np.array_equal(a_B != b_B, is_random_B)
        randoms.append(is_random_B.mean())
    assert abs(np.mean(randoms) - 0.5) < 0.02


@pytest.mark.parametrize("name", CORPORA)
def test_a_pair_is_packed_as_cls_a_sep_b_sep(stores: dict[str, TokenStore], name: str) -> None:
    for length in (8, 64):
        batch = _masked(stores[name], length).batch(0, 500)
        tokens_BL = _unmasked(batch)
        assert tokens_BL.shape[1] <= length
        for tokens_L, segments_L, real_L in zip(tokens_BL, batch.segments_BL, batch.real_BL, strict=True):
            real = int(real_L.sum())
            assert real_L[:real].all()
            assert (tokens_L[real:] == IDS.pad).all()
            middle = int((tokens_L == IDS.sep).argmax())
            assert tokens_L[0] == IDS.cls
            assert tokens_L[real - 1] == IDS.sep
            first, second = tokens_L[1:middle], tokens_L[middle + 1 : real - 1]
            assert len(first) > 0
            assert len(second) > 0
            assert (np.diff(first) == 1).all()  # contiguous in the store, of one document or of none
            assert (np.diff(second) == 1).all()
            expected = [0] * (middle + 1) + [1] * (real - middle - 1) + [0] * (len(tokens_L) - real)
            assert segments_L.tolist() == expected


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(list(CORPORA)),
    length=st.integers(8, 80),
    chunk=st.floats(0, 1, exclude_max=True),
    draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=8, max_size=8),
)
def test_b_follows_a_unless_it_is_random(
    stores: dict[str, TokenStore], name: str, length: int, chunk: float, draws: list[float]
) -> None:
    store = stores[name]
    pairs, documents_V = _pairs(store, length), _document_of(store)
    pair = pairs.pair(int(chunk * pairs.chunks.count), np.array(draws))
    room = length - 3
    if draws[0] < SHORT_SHARE:
        room = 2 + int(draws[1] * (room - 1))
    total = len(pair.first) + len(pair.second)
    assert 2 <= total <= room
    assert len(pair.first) >= 1
    assert len(pair.second) >= 1
    assert pair.label == (draws[4] < 0.5)
    assert len({documents_V[token] for token in pair.first}) == 1
    assert len({documents_V[token] for token in pair.second}) == 1
    if pair.label:
        assert documents_V[pair.first[0]] != documents_V[pair.second[0]]
        return
    assert documents_V[pair.first[0]] == documents_V[pair.second[0]]
    gap = pair.second[0] - pair.first[-1] - 1
    assert gap >= 0
    if total < room:  # nothing was cut
        assert gap == 0
    begins = {int(store.tokens_T[begin]) for begin in store.sentences_S2[:, 0]}
    # A sentence begins behind A and not behind the first token of B: A and B are split between sentences.
    assert begins & set(range(int(pair.first[-1]) + 1, int(pair.second[0]) + 1))


def test_both_segments_have_the_longest_room_when_both_are_too_long(stores: dict[str, TokenStore]) -> None:
    pairs = _pairs(stores["long sentences"], 33)
    for chunk in range(20):
        pair = pairs.pair(chunk, np.array([0.99, 0, 0, 0, 0.99, 0, 0, 0.5]))
        assert (len(pair.first), len(pair.second)) == (15, 15)


def test_one_in_ten_pairs_is_short(stores: dict[str, TokenStore]) -> None:
    batch = _masked(stores["long documents"]).batch(0, 4000)
    share = (batch.real_BL.sum(1) < 64).double().mean().item()
    # Short pairs, and those chunks and random segments that a document's end cuts off.
    assert 0.08 < share < 0.3


def test_every_sentence_of_every_usable_document_is_in_a_chunk(stores: dict[str, TokenStore]) -> None:
    for store in stores.values():
        chunks = _pairs(store).chunks
        seen = set()
        for document, begin, end in map(chunks.bounds, range(chunks.count)):
            assert store.documents_E[document] <= begin < end - 1
            assert end <= store.documents_E[document + 1]
            seen.update(range(begin, end))
        sizes_E = np.diff(store.documents_E)
        usable = [
            sentence
            for document in np.flatnonzero(sizes_E >= 2)
            for sentence in range(store.documents_E[document], store.documents_E[document + 1])
        ]
        assert sorted(seen) == usable


def test_a_batch_depends_on_seed_first_and_count_only(stores: dict[str, TokenStore]) -> None:
    store = stores["few sentences"]
    one, again = _masked(store), _masked(store)
    again.batch(0, 5)
    for name in ("tokens_BL", "segments_BL", "real_BL", "originals_BL", "is_random_B"):
        assert torch.equal(getattr(one.batch(64, 32), name), getattr(again.batch(64, 32), name))
    other = _masked(store, seed=1).batch(64, 32)
    assert one.batch(64, 32).tokens_BL.tolist() != other.tokens_BL.tolist()


def test_pairs_and_masks_are_drawn_afresh_in_each_pass(stores: dict[str, TokenStore]) -> None:
    pairs = _masked(stores["two sentences"])
    size = pairs.source.chunks.count
    one, two = pairs.batch(0, size), pairs.batch(size, size)
    both = []
    for batch in (one, two):
        first_tokens = [
            tuple(row[1:4].tolist())
            for row in torch.where(batch.originals_BL >= 0, batch.originals_BL, batch.tokens_BL)
        ]
        guessed = [tuple(row.nonzero().flatten().tolist()) for row in batch.originals_BL >= 0]
        both.append(
            dict(zip(first_tokens, zip(guessed, batch.is_random_B.tolist(), strict=True), strict=True))
        )
    common = both[0].keys() & both[1].keys()
    assert len(common) > size / 2
    assert np.mean([both[0][key][0] != both[1][key][0] for key in common]) > 0.9
    assert 0.3 < np.mean([both[0][key][1] != both[1][key][1] for key in common]) < 0.7


def test_masks_keep_their_shares_and_spare_specials_and_padding(stores: dict[str, TokenStore]) -> None:
    batch = _masked(stores["few sentences"]).batch(0, 6000)
    is_guessed_BL = batch.originals_BL != IGNORE
    assert (batch.originals_BL[is_guessed_BL] > IDS.extract).all()
    lengths_B = batch.real_BL.sum(1).numpy()
    wanted_B = np.minimum(np.maximum(np.rint(0.15 * lengths_B), 1), lengths_B - 3)
    assert np.array_equal(is_guessed_BL.sum(1).numpy(), wanted_B)
    shown, originals = batch.tokens_BL[is_guessed_BL], batch.originals_BL[is_guessed_BL]
    masks, same = (shown == IDS.mask).sum().item(), (shown == originals).sum().item()
    counts = np.array([masks, same, len(shown) - masks - same])
    # Of 60,000 tokens a random one is the same too seldom to count.
    assert stats.chisquare(counts, np.array([0.8, 0.1, 0.1]) * len(shown)).pvalue > 1e-4
    assert ((shown == IDS.mask) | (shown > IDS.extract)).all()


def test_one_document_is_refused_with_advice(tmp_path: Path, write_numbers: Writer) -> None:
    store = write_numbers(tmp_path / "store", [[[8, 9], [10], [11, 12]]])
    with pytest.raises(DataError, match="one document") as caught:
        _pairs(store)
    assert 'pretrain.sentence_task = "none"' in caught.value.hint
    assert str(store.folder) in str(caught.value)


def test_documents_of_one_sentence_are_refused_with_advice_and_numbers(
    tmp_path: Path, write_numbers: Writer
) -> None:
    store = write_numbers(tmp_path / "store", [[[8] * 10]] * 6 + [[[9] * 4, [10] * 4]] * 5)
    with pytest.raises(DataError, match="only 40 % of the text") as caught:
        _pairs(store)
    assert "blank line between documents" in caught.value.hint


def test_a_corpus_with_half_of_its_text_in_longer_documents_is_taken(
    tmp_path: Path, write_numbers: Writer
) -> None:
    store = write_numbers(tmp_path / "store", [[[8] * 10]] * 5 + [[[9] * 5, [10] * 5]] * 5)
    assert _pairs(store).chunks.count == 5
    assert _masked(store).batch(0, 64).is_random_B.double().mean().item() == pytest.approx(0.5, abs=0.25)
