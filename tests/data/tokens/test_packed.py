"""Stores of many parts: read as one, equal whatever the parts, gone on with after a kill, and never mixed."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.text.sentences import split_sentences
from twinlm.data.text.splits import text_hash
from twinlm.data.tokens import packed
from twinlm.data.tokens.packed import join_parts, of_part, part_name, write_part
from twinlm.data.tokens.store import Pieces, TokenStore, is_store
from twinlm.data.tokens.writing import write_store
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.tokenizer import Tokenizer, train_tokenizer

TEXTS = [f"Text {number} has words. It has a second sentence, {number * 7}." for number in range(60)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent())


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "SHARD_CHARACTERS", 400)


def pack(folder: Path, part: int, parts: int, tokenizer: Tokenizer, texts=TEXTS, **more: object) -> bool:
    counts: Counter[str] = Counter()
    return write_part(
        folder / part_name(part, parts),
        of_part(texts, part, parts, held_out=frozenset(), counts=counts),
        tokenizer,
        inputs={"part": part, "parts": parts, "corpus": "t", **more},
        counts=counts,
        progress=Silent(),
    )


def documents(store: TokenStore) -> list[list[int]]:
    return [store.document(number).tolist() for number in range(store.document_count)]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 60), st.integers(0, 60))
def test_pieces_are_cut_as_one(lengths: list[int], begin: int, end: int) -> None:
    whole = np.arange(sum(lengths))
    pieces = Pieces(np.split(whole, np.cumsum(lengths)[:-1]))
    assert len(pieces) == len(whole)
    assert pieces[begin:end].tolist() == whole[begin:end].tolist()


def test_one_part_in_shards_reads_as_the_store_of_the_same_texts(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    whole = write_store(
        tmp_path / "whole", TEXTS, tokenizer, split_sentences, total=len(TEXTS), progress=Silent()
    )
    assert pack(tmp_path / "packed", 1, 1, tokenizer)
    store = join_parts(tmp_path / "packed")
    assert len(storage.read_json(tmp_path / "packed" / "index" / "store.json")["shards"]) > 5
    assert np.array_equal(store.tokens_T[0 : store.token_count], whole.tokens_T)
    assert np.array_equal(store.sentences_S2, whole.sentences_S2)
    assert np.array_equal(store.documents_E, whole.documents_E)
    for name in ("token_count", "text_bytes", "unknown_count", "empty_count", "tokenizer", "document_count"):
        assert getattr(store, name) == getattr(whole, name)
    assert store.sentence(70).tolist() == whole.sentence(70).tolist()


def test_parts_in_any_order_have_each_text_once(tmp_path: Path, tokenizer: Tokenizer) -> None:
    for part in (3, 1, 4, 2):
        pack(tmp_path, part, 4, tokenizer, [*TEXTS, *TEXTS[:20]])
    store = join_parts(tmp_path)
    found = [tokenizer.decode(document) for document in documents(store)]
    assert sorted(found) == sorted(TEXTS)
    duplicates = [
        storage.read_json(tmp_path / part_name(part, 4) / "done.json")["counts"]["duplicate documents"]
        for part in range(1, 5)
    ]
    assert sum(duplicates) == 20


def test_held_out_texts_are_left_out(tokenizer: Tokenizer) -> None:
    counts: Counter[str] = Counter()
    held_out = frozenset(map(text_hash, TEXTS[:5]))
    found = list(of_part(TEXTS, 1, 1, held_out=held_out, counts=counts))
    assert found == TEXTS[5:]
    assert counts["held-out documents"] == 5


@pytest.mark.parametrize("killed_at", [3, 25, 59])
def test_a_part_that_was_killed_goes_on_behind_its_last_whole_shard(
    killed_at: int, tmp_path: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking() -> Iterator[str]:
        yield from TEXTS[:killed_at]
        raise KeyboardInterrupt

    pack(tmp_path / "straight", 1, 1, tokenizer)
    with pytest.raises(KeyboardInterrupt):
        pack(tmp_path / "killed", 1, 1, tokenizer, breaking())
    part = tmp_path / "killed" / part_name(1, 1)
    before = {path: path.stat().st_mtime_ns for path in part.glob("0*/tokens.bin")}
    with pytest.raises(ModelError, match="part-00001-of-00001: this part is incomplete"):
        join_parts(tmp_path / "killed")
    assert pack(tmp_path / "killed", 1, 1, tokenizer)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    files = [
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "straight", tmp_path / "killed")
    ]
    assert files[0] == files[1]
    assert not pack(tmp_path / "killed", 1, 1, tokenizer)


def test_a_missing_part_is_named(tmp_path: Path, tokenizer: Tokenizer) -> None:
    with pytest.raises(ModelError, match="no parts of a store"):
        join_parts(tmp_path)
    for part in (1, 3):
        pack(tmp_path, part, 3, tokenizer)
    with pytest.raises(ModelError, match=r"part-00002-of-00003: this part is missing.*--part 2/3"):
        join_parts(tmp_path)
    assert not is_store(tmp_path)


@pytest.mark.parametrize(("parts", "more", "what"), [(3, {}, "parts"), (2, {"corpus": "others"}, "corpus")])
def test_a_foreign_part_is_named(
    parts: int, more: dict[str, str], what: str, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    pack(tmp_path, 1, 2, tokenizer)
    pack(tmp_path, 2, parts, tokenizer, **more)
    said = rf"part-00002-of-0000{parts}: this part does not belong.*another {what}"
    with pytest.raises(ModelError, match=said):
        join_parts(tmp_path)


def test_a_part_is_not_gone_on_with_from_other_inputs(tmp_path: Path, tokenizer: Tokenizer) -> None:
    pack(tmp_path, 1, 1, tokenizer)
    with pytest.raises(UsageError, match="started with another corpus"):
        pack(tmp_path, 1, 1, tokenizer, corpus="others")


def test_a_part_without_text_is_refused(tmp_path: Path, tokenizer: Tokenizer) -> None:
    with pytest.raises(DataError, match="there is no text for this part"):
        pack(tmp_path, 1, 1, tokenizer, [])


@pytest.mark.parametrize("name", ["tokens.bin", "manifest.json", "store.json"])
def test_a_shard_that_was_damaged_or_exchanged_is_named(
    name: str, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    pack(tmp_path, 1, 1, tokenizer)
    join_parts(tmp_path)
    path = tmp_path / part_name(1, 1) / "0003" / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + b"?" + whole[-8:])
    with pytest.raises(ModelError, match="0003"):
        TokenStore(tmp_path, verify=True)
    path.write_bytes(whole[:-1])
    with pytest.raises(ModelError, match="0003"):
        TokenStore(tmp_path, verify=name == "store.json")
    shutil.rmtree(path.parent)
    with pytest.raises(ModelError, match="0003"):
        TokenStore(tmp_path)
