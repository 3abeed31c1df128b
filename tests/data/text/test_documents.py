"""Documents that are read again: the splits of documents held in memory, in memory that has a bound."""

import tracemalloc
from collections import Counter
from itertools import compress
from pathlib import Path

import pytest

from twinlm.data.text.corpus import Document, read_documents
from twinlm.data.text.documents import Texts, read_splits
from twinlm.data.text.splits import SPLITS, Splits, distinct_flags, split_documents, text_hash
from twinlm.errors import DataError
from twinlm.settings import CorpusSettings


def write(name: str, texts: list[str]) -> str:
    Path(name).write_text("\n\n".join(texts))
    return name


def held_splits(corpus: CorpusSettings, held_out: frozenset[bytes], counts: Counter[str]) -> Splits:
    """Return the splits as they are made of documents that are all in memory."""
    read = {
        name: list(read_documents(getattr(corpus, name), counts=counts)) if getattr(corpus, name) else []
        for name in ("valid", "test", "train")
    }
    split = split_documents(
        read["train"],
        valid_share=0 if corpus.valid else corpus.valid_share,
        test_share=0 if corpus.test else corpus.test_share,
        seed=3,
        held_out=held_out,
        counts=counts,
    )
    parts = [split.train, read["valid"] or split.valid, read["test"] or split.test]
    flags = distinct_flags(
        [[text_hash(document.text) for document in part] for part in parts],
        [bytearray(b"\1" * len(part)) for part in parts],
        held_out=held_out,
        counts=counts,
    )
    return Splits(*(tuple(compress(part, chosen)) for part, chosen in zip(parts, flags, strict=True)))


@pytest.mark.parametrize("given", [(), ("valid",), ("test",), ("valid", "test")])
def test_splits_and_counts_are_those_of_documents_held_in_memory(
    given: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = [f"text {number % 190}" for number in range(200)]
    files = {"valid": write("v.txt", [*texts[3:60], "v", "v"]), "test": write("t.txt", [*texts[40:80], "t"])}
    corpus = CorpusSettings(
        train=(write("a.txt", texts[:150]), write("b.txt", texts[120:])),
        valid_share=0.2,
        test_share=0.2,
        **{name: (files[name],) for name in given},
    )
    held_out = frozenset({text_hash("text 5"), text_hash("text 70")})
    wanted_counts, counts = Counter(), Counter()
    wanted = held_splits(corpus, held_out, wanted_counts)
    splits = read_splits(corpus, seed=3, held_out=held_out, counts=counts)
    for name in SPLITS:
        for _ in range(2):
            assert list(getattr(splits, name)) == list(getattr(wanted, name))
        assert len(getattr(splits, name)) == len(getattr(wanted, name)) > 0
    assert counts == wanted_counts
    assert list(Texts(splits.train)) == [document.text for document in wanted.train]
    first = wanted.train[0]
    assert first in splits.train and Document("x", "y") not in splits.train
    assert first.text in Texts(splits.train) and "x" not in Texts(splits.train)


@pytest.mark.parametrize("change", ["other words", "one less"])
def test_files_that_change_between_two_readings_are_noticed(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = [f"text {number}" for number in range(100)]
    corpus = CorpusSettings(train=(write("a.txt", texts),), valid_share=0.2, test_share=0.2)
    splits = read_splits(corpus, seed=0, held_out=frozenset(), counts=Counter())
    write("a.txt", [*texts[:-1], "text AB"] if change == "other words" else texts[:-1])
    with pytest.raises(DataError, match="not what it was a moment ago"):
        list(splits.train)


def test_memory_does_not_grow_with_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    peaks = []
    for documents in (200, 2000):
        name = write("a.txt", [f"{number} " + "word " * 1000 for number in range(documents)])
        corpus = CorpusSettings(train=(name,), valid_share=0.2, test_share=0.2)
        tracemalloc.start()
        splits = read_splits(corpus, seed=0, held_out=frozenset(), counts=Counter())
        assert sum(len(document.text) for document in splits.test) > 5000 * 0.1 * documents
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (
        peaks[1] - peaks[0] < 1800 * 400
    )  # ten megabytes of text more; a hash and its place for each document
