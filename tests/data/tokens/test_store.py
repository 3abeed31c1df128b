"""Token stores: what is written is read, and damage is found."""

import json
import os
import shutil
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twinlm import rng
from twinlm.data.tokens import store as tokens_store
from twinlm.data.tokens.store import Pieces, TokenStore, check_bounds, check_ids
from twinlm.data.tokens.writing import write_store
from twinlm.errors import DataError, ModelError
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.tokenizer import SpecialIds

Writer = Callable[..., TokenStore]
SENTENCES = st.lists(st.lists(st.integers(8, 99), max_size=6), max_size=4)


class WordTokenizer:
    """Gives each new word the next number, and can say which word a number was."""

    specials = SpecialIds()
    fingerprint = "words"
    vocab_size = 5000

    def __init__(self) -> None:
        self.words: list[str] = []

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        self.words += [word for text in texts for word in text.split() if word not in self.words]
        return [[8 + self.words.index(word) for word in text.split()] for text in texts]

    def count_unknown(self, ids: list[int]) -> int:
        return ids.count(self.specials.unknown)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SENTENCES, min_size=1, max_size=5))
def test_documents_and_sentences_come_back(
    tmp_path: Path, write_numbers: Writer, documents: list[list[list[int]]]
) -> None:
    full = [[sentence for sentence in document if sentence] for document in documents]
    full = [document for document in full if document]
    if not full:
        with pytest.raises(DataError, match="no text"):
            write_numbers(tmp_path / "store", documents)
        return
    store = write_numbers(tmp_path / "store", documents)
    sentences = [sentence for document in full for sentence in document]
    assert store.document_count == len(full)
    assert store.token_count == len(store.tokens_T) == len(full) + sum(map(len, sentences))
    assert [store.sentence(number).tolist() for number in range(len(sentences))] == sentences
    for number, document in enumerate(full):
        assert store.document(number).tolist() == list(chain.from_iterable(document))
        first = store.sentences_S2[store.documents_E[number], 0]
        assert store.tokens_T[first - 1] == SpecialIds().start


def test_a_text_comes_back_over_more_documents_than_are_read_at_once(tmp_path: Path) -> None:
    tokenizer, chance = WordTokenizer(), rng.stream(0, "texts")
    texts = [" ".join(f"w{word}" for word in chance.integers(0, 90, size=5)) + ". end" for _ in range(1100)]
    store = write_store(
        tmp_path / "store",
        iter(texts),
        tokenizer,
        lambda text: text.partition(". ")[::2],
        total=len(texts),
        progress=Silent(),
    )
    assert store.document_count == 1100
    for number in [0, 511, 512, 1023, 1024, 1099]:
        words = [tokenizer.words[token - 8] for token in store.document(number)]
        assert words == texts[number].replace(". ", " ").split()
    assert store.text_bytes == sum(len(text.encode()) for text in texts)
    assert store.tokenizer == "words"


def test_big_vocabularies_take_four_bytes_a_token(tmp_path: Path, write_numbers: Writer) -> None:
    small = write_numbers(tmp_path / "small", [[[8, 65_535]]], 65_536)
    large = write_numbers(tmp_path / "large", [[[8, 65_536]]], 65_537)
    assert small.tokens_T.dtype == np.dtype("<u2")
    assert large.tokens_T.dtype == np.dtype("<u4")
    assert small.tokens_T.tolist() == [5, 8, 65_535]
    assert large.tokens_T.tolist() == [5, 8, 65_536]


def test_counts_are_written_down(tmp_path: Path, write_numbers: Writer) -> None:
    write_numbers(tmp_path / "store", [[[8, 1], [1]], [], [[9]]])
    facts = storage.read_json(tmp_path / "store" / "store.json")
    assert facts == {
        "format": 1,
        "dtype": "<u2",
        "tokenizer": "numbers",
        "documents": 2,
        "sentences": 3,
        "tokens": 6,
        "text_bytes": 8,
        "unknown": 2,
        "empty_documents": 1,
    }


def test_a_store_can_not_be_written_to(tmp_path: Path, write_numbers: Writer) -> None:
    store = write_numbers(tmp_path / "store", [[[8, 9]]])
    for array in (store.tokens_T, store.sentences_S2, store.documents_E):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.fixture
def store(tmp_path: Path, write_numbers: Writer) -> Path:
    """The folder of a small store."""
    chance = rng.stream(0, "store")
    documents = [[chance.integers(8, 99, size=6).tolist() for _ in range(4)] for _ in range(5)]
    write_numbers(tmp_path / "store", documents)
    return tmp_path / "store"


def test_every_flipped_byte_is_found(store: Path) -> None:
    files = sorted(store.iterdir())
    assert {path.name for path in files} == {
        "tokens.bin",
        "sentences.bin",
        "documents.bin",
        "store.json",
        "manifest.json",
    }
    places = [(path, place) for path in files for place in range(path.stat().st_size)]
    chance = rng.stream(0, "flips")
    flips = 0
    for path, place in places * (4096 // len(places) + 1):
        with path.open("r+b", buffering=0) as file:
            before = os.pread(file.fileno(), 1, place)
            after = bytes([before[0] ^ int(chance.integers(1, 256))])
            if path.name == "manifest.json" and before.isspace() and after.isspace():
                continue  # the same JSON
            os.pwrite(file.fileno(), after, place)
            with pytest.raises(ModelError):
                TokenStore(store, verify=True)
            flips += 1
            os.pwrite(file.fileno(), before, place)
    assert flips >= 4096
    TokenStore(store, verify=True)


@pytest.mark.parametrize("name", ["tokens.bin", "sentences.bin", "documents.bin", "store.json"])
def test_a_file_that_is_cut_or_gone_is_found_at_opening(store: Path, name: str) -> None:
    data = (store / name).read_bytes()
    for end in [*range(0, len(data) - 2, 7), len(data) - 2]:
        (store / name).write_bytes(data[:end])
        with pytest.raises(ModelError, match=name):
            TokenStore(store)
    (store / name).write_bytes(data + b"\0\0")
    with pytest.raises(ModelError, match=name):
        TokenStore(store)
    (store / name).unlink()
    with pytest.raises(ModelError, match=name):
        TokenStore(store)


def test_swapped_files_are_found(store: Path) -> None:
    shutil.copy(store / "sentences.bin", store / "documents.bin")
    with pytest.raises(ModelError, match=r"documents.bin: the file has \d+ bytes, but \d+ were written"):
        TokenStore(store)


@pytest.mark.parametrize(
    "change",
    [
        {"format": None},
        {"format": 0},
        {"dtype": "<f4"},
        {"dtype": ["<u2"]},
        {"dtype": ">u2"},
        {"tokens": -1},
        {"tokens": "3"},
        {"tokens": 1e400},
        {"tokens": True},
        {"sentences": 10**30},
        {"documents": 0},
        {"tokenizer": 5},
    ],
)
def test_facts_that_can_not_be_true_are_a_model_error(store: Path, change: dict[str, object]) -> None:
    facts = storage.read_json(store / "store.json")
    (store / "store.json").write_text(json.dumps({**facts, **change}))
    with pytest.raises(ModelError, match=r"store\.json|not a token store"):
        TokenStore(store)


@pytest.mark.parametrize("text", ["[]", "5", "null", "{}", "", "[" * 100_000])
def test_another_json_is_a_model_error(store: Path, text: str) -> None:
    (store / "store.json").write_text(text)
    with pytest.raises(ModelError, match=r"store\.json"):
        TokenStore(store)


def test_a_newer_format_is_refused_with_advice(store: Path) -> None:
    storage.write_json(store / "store.json", {"format": 2})
    with pytest.raises(ModelError, match="format 2, this version reads up to 1") as caught:
        TokenStore(store)
    assert caught.value.hint == "update twinlm"


def test_a_folder_that_is_absent_or_a_file_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ["absent", "file"]:
        for verify in (False, True):
            with pytest.raises(ModelError):
                TokenStore(tmp_path / name, verify=verify)


def test_leftovers_of_a_crash_are_no_store_and_hinder_none(store: Path, write_numbers: Writer) -> None:
    leftover = store.with_name(".tmp-1-store")
    shutil.copytree(store, leftover)
    (leftover / "tokens.bin").write_bytes(b"half")
    TokenStore(store, verify=True)
    write_numbers(store, [[[8]]])
    assert TokenStore(store, verify=True).token_count == 2
    storage.clean(store.parent)
    assert [path.name for path in store.parent.iterdir()] == ["store"]


def test_a_store_that_fails_half_way_leaves_the_old_one(store: Path) -> None:
    class BrokenTokenizer(WordTokenizer):
        def encode_batch(self, texts: list[str]) -> list[list[int]]:
            raise DataError("broken")

    before = (store / "tokens.bin").read_bytes()
    with pytest.raises(DataError, match="broken"):
        write_store(store, ["a"], BrokenTokenizer(), str.splitlines, total=1, progress=Silent())
    assert (store / "tokens.bin").read_bytes() == before
    assert [path.name for path in store.parent.iterdir()] == ["store"]
    TokenStore(store, verify=True)


def test_a_store_of_the_real_tokenizer_decodes_to_its_texts(tmp_path: Path) -> None:
    from twinlm.tokenizer import train_tokenizer

    texts = ["A cat sat. It was a cat.", "Zwei Wörter 😀. End."] * 3
    tokenizer = train_tokenizer(
        texts, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    store = write_store(
        tmp_path / "store",
        texts,
        tokenizer,
        lambda text: [part + "." for part in text.split(".") if part],
        total=len(texts),
        progress=Silent(),
    )
    assert [tokenizer.decode(store.document(number).tolist()) for number in range(6)] == texts


# The hashes of an untrusted store may be right and its numbers wrong.
THREE_SENTENCES = [[1, 4], [4, 6], [7, 9]]


@pytest.fixture(params=[1, 2, 1 << 20])
def _at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_store, "_NUMBERS_AT_ONCE", request.param)


@pytest.mark.usefixtures("_at_once")
def test_what_fits_passes() -> None:
    check_bounds(np.array(THREE_SENTENCES), np.array([0, 2, 3]), 9, Path())
    check_ids(np.array([3, 0, 8]), 9, Path())
    check_ids(Pieces([np.array([3, 0]), np.array([8])]), 9, Path())


@pytest.mark.parametrize(
    ("sentences", "documents", "words"),
    [
        (THREE_SENTENCES, [0, 3, 2], "documents"),
        (THREE_SENTENCES, [0, 2, 2, 3], "documents"),
        (THREE_SENTENCES, [1, 2, 3], "documents"),
        (THREE_SENTENCES, [0, 2, 4], "documents"),
        (THREE_SENTENCES, [0, 2], "documents"),
        ([[1, 4], [4, 6], [7, 10]], [0, 2, 3], "sentences"),
        ([[-1, 4], [4, 6], [7, 9]], [0, 2, 3], "sentences"),
        ([[1, 4], [3, 6], [7, 9]], [0, 2, 3], "sentences"),
        ([[1, 4], [6, 4], [7, 9]], [0, 2, 3], "sentences"),
        ([[1, 2**63 - 1], [-(2**63), 6], [7, 9]], [0, 2, 3], "sentences"),
    ],
)
@pytest.mark.usefixtures("_at_once")
def test_bounds_that_lead_elsewhere_are_refused(
    sentences: list[list[int]], documents: list[int], words: str
) -> None:
    with pytest.raises(ModelError, match=f"its {words} are not made of"):
        check_bounds(np.array(sentences), np.array(documents), 9, Path())


@pytest.mark.parametrize("place", range(3))
@pytest.mark.usefixtures("_at_once")
def test_tokens_that_the_vocabulary_has_not_are_refused(place: int) -> None:
    tokens_T = np.zeros(3, np.uint16)
    tokens_T[place] = 9
    with pytest.raises(ModelError, match="a token has the id 9, but the vocabulary has 9"):
        check_ids(tokens_T, 9, Path())
