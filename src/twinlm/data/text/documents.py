"""Documents that stay in their files: read again each time they are gone through, never held all together.

What is kept of each is 16 bytes of hash while splits are decided (`data/text/splits.py`), then one byte for
each split.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import compress

from twinlm.data.text.corpus import Document, read_documents
from twinlm.data.text.splits import Splits, distinct_flags, split_flags, text_hash
from twinlm.errors import DataError
from twinlm.settings import CorpusSettings

HASH_BYTES = 16
"""Of `text_hash`."""


def read_splits(
    corpus: CorpusSettings, *, seed: int, held_out: AbstractSet[bytes], counts: Counter[str]
) -> Splits:
    """Read a corpus once and decide by hashes what goes where; the documents stay in their files.

    Args:
        corpus: names the files of one, two or all three splits; the others are split off the training text.
        seed: of the split.
        held_out: `text_hash` of the tasks' validation and test texts.
        counts: gathers what was read and what was left out.

    Raises:
        DataError, ResourceError, UsageError: as `read_documents`, `split_flags` and `distinct_flags`.
    """
    valid, test, train = (
        _first_reading(corpus, paths, counts) for paths in (corpus.valid, corpus.test, corpus.train)
    )
    flags = split_flags(
        train.digests(),
        valid_share=0 if corpus.valid else corpus.valid_share,
        test_share=0 if corpus.test else corpus.test_share,
        seed=seed,
        held_out=held_out,
        counts=counts,
    )
    readers, chosen = [train, train, train], list(flags)
    for place, reader in ((1, valid), (2, test)):
        if reader.hashes:
            readers[place], chosen[place] = reader, _all_of(reader)
    distinct = distinct_flags(
        [reader.digests() for reader in readers], chosen, held_out=held_out, counts=counts
    )
    for reader in (train, valid, test):
        reader.hashes.clear()
    return Splits(*map(Selected, readers, distinct))


def read_held_out(corpus: CorpusSettings, *, held_out: AbstractSet[bytes], counts: Counter[str]) -> Splits:
    """Read the validation and test texts alone, where the training text lies in tokens already.

    Args:
        corpus: names the files of both.
        held_out: `text_hash` of the tasks' validation and test texts.
        counts: gathers what was read and what was left out.

    Raises:
        DataError, ResourceError, UsageError: as `read_documents` and `distinct_flags`.
    """
    valid, test = (_first_reading(corpus, paths, counts) for paths in (corpus.valid, corpus.test))
    digests = [iter(()), valid.digests(), test.digests()]
    flags = [bytearray(), _all_of(valid), _all_of(test)]
    distinct = distinct_flags(digests, flags, held_out=held_out, counts=counts, has_train=False)
    return Splits((), Selected(valid, distinct[1]), Selected(test, distinct[2]))


def characters(documents: Collection[Document]) -> int:
    """Return how many characters all documents of the files have that some are read from; 0 if held."""
    return documents.reader.characters if isinstance(documents, Selected) else 0


@dataclass(slots=True)
class CorpusReader:
    """What reads some documents again, and notices if they are others than before."""

    read: Callable[[], Iterator[Document]]
    """Opens the files anew."""
    hashes: bytearray = field(default_factory=bytearray)
    """`text_hash` of each document, one behind the other; cleared once the splits are decided."""
    characters: int = 0
    """Of all documents."""
    checksum: int = 0
    """Over all texts."""

    def go_through(self, documents: Iterator[Document]) -> None:
        """Note the hashes of all documents, read for the first time."""
        for document in documents:
            self.hashes += text_hash(document.text)
            self.characters += len(document.text)
            self.checksum = _added(self.checksum, document)

    def digests(self) -> Iterator[bytes]:
        """Yield the hash of each document."""
        for begin in range(0, len(self.hashes), HASH_BYTES):
            yield bytes(self.hashes[begin : begin + HASH_BYTES])

    def again(self) -> Iterator[Document]:
        """Yield all documents.

        Raises:
            DataError: at the end, if they were others the first time.
        """
        total = 0
        for document in self.read():
            total = _added(total, document)
            yield document
        if total != self.checksum:
            message = "the text of the corpus is not what it was a moment ago"
            raise DataError(message, hint="leave the files alone and run the same command again")


@dataclass(frozen=True, slots=True)
class Selected(Collection[Document]):
    """Some of the documents of a reader, in their order."""

    reader: CorpusReader
    """Of all of them."""
    flags: bytearray
    """For each document 1 if it belongs to these."""

    def __len__(self) -> int:
        """Return how many there are."""
        return self.flags.count(1)

    def __iter__(self) -> Iterator[Document]:
        """Read the files and yield those that belong to these."""
        return compress(self.reader.again(), self.flags)

    def __contains__(self, document: object) -> bool:
        """Read the files and tell whether a document is among these."""
        return any(document == other for other in self)


@dataclass(frozen=True, slots=True)
class Texts(Collection[str]):
    """The texts of documents."""

    documents: Collection[Document]
    """In any form, held or read again."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.documents)

    def __iter__(self) -> Iterator[str]:
        """Yield each text."""
        return (document.text for document in self.documents)

    def __contains__(self, text: object) -> bool:
        """Tell whether a text is among these."""
        return any(text == other for other in self)


def _added(total: int, document: Document) -> int:
    return zlib.crc32(document.text.encode("utf-8", "surrogatepass"), total)


def _first_reading(corpus: CorpusSettings, paths: tuple[str, ...], counts: Counter[str]) -> CorpusReader:
    """Return a reader of some paths that has gone through them once."""

    def read(counts: Counter[str]) -> Iterator[Document]:
        return read_documents(
            paths,
            text_field=corpus.text_field,
            encoding=corpus.encoding,
            errors=corpus.errors,
            max_bad_share=corpus.max_bad_share,
            counts=counts,
        )

    reader = CorpusReader(lambda: read(Counter()))
    reader.go_through(read(counts) if paths else iter(()))
    return reader


def _all_of(reader: CorpusReader) -> bytearray:
    """Return flags that choose every document."""
    return bytearray(b"\1" * (len(reader.hashes) // HASH_BYTES))
