"""Documents that stay in their files: read again for each pass, never held all together.

While splits are decided (`data/text/splits.py`), a hash of 16 bytes is kept of each; then one byte per split.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import compress

from twinlm.data.text.corpus import Document, read_documents
from twinlm.data.text.splits import HASH_BYTES, Splits, distinct_flags, split_flags, text_hash
from twinlm.errors import DataError
from twinlm.settings import CorpusSettings


def read_splits(
    corpus: CorpusSettings, *, seed: int, held_out: AbstractSet[bytes], counts: Counter[str]
) -> Splits:
    """Read a corpus once and split it by hashes; splits without files of their own come from training."""
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
    for number, reader in ((1, valid), (2, test)):
        # Without hashes no files were named: then the split is taken from the training text.
        if reader.hashes:
            readers[number], chosen[number] = reader, _all_of(reader)
    distinct = distinct_flags(
        [reader.digests() for reader in readers], chosen, held_out=held_out, counts=counts
    )
    for reader in (train, valid, test):
        reader.hashes.clear()
    return Splits(*map(Selected, readers, distinct))


def read_held_out(corpus: CorpusSettings, *, held_out: AbstractSet[bytes], counts: Counter[str]) -> Splits:
    """Read only the validation and test texts, for a training text that is already tokenized."""
    valid, test = (_first_reading(corpus, paths, counts) for paths in (corpus.valid, corpus.test))
    digests = [iter(()), valid.digests(), test.digests()]
    flags = [bytearray(), _all_of(valid), _all_of(test)]
    distinct = distinct_flags(digests, flags, held_out=held_out, counts=counts, has_train=False)
    return Splits((), Selected(valid, distinct[1]), Selected(test, distinct[2]))


def characters(documents: Collection[Document]) -> int:
    """Return the number of characters in the files these documents come from; 0 if they are in memory."""
    return documents.reader.characters if isinstance(documents, Selected) else 0


@dataclass(slots=True)
class CorpusReader:
    """Reads the same documents again and notices if they changed."""

    read: Callable[[], Iterator[Document]]
    """Function that opens the files and yields their documents."""
    hashes: bytearray = field(default_factory=bytearray)
    """Concatenated `text_hash` of all documents; cleared once the splits are decided."""
    characters: int = 0
    """Number of characters of all documents."""
    checksum: int = 0
    """CRC-32 of all texts."""

    def digests(self) -> Iterator[bytes]:
        """Yield the hash of each document."""
        for begin in range(0, len(self.hashes), HASH_BYTES):
            yield bytes(self.hashes[begin : begin + HASH_BYTES])

    def again(self) -> Iterator[Document]:
        """Yield all documents; a `DataError` at the end if they differ from those of the first reading."""
        total = 0
        for document in self.read():
            total = _crc(total, document)
            yield document
        if total != self.checksum:
            message = "the text of the corpus is not what it was a moment ago"
            raise DataError(message, hint="leave the files alone and run the same command again")


@dataclass(frozen=True, slots=True)
class Selected(Collection[Document]):
    """Some of a reader's documents, in their order; each iteration reads the files."""

    reader: CorpusReader
    """Reader of all documents."""
    flags: bytearray
    """One byte a document: 1 if it is selected, else 0."""

    def __len__(self) -> int:
        return self.flags.count(1)

    def __iter__(self) -> Iterator[Document]:
        return compress(self.reader.again(), self.flags)

    def __contains__(self, document: object) -> bool:
        return any(document == other for other in self)


@dataclass(frozen=True, slots=True)
class Texts(Collection[str]):
    """The texts of documents."""

    documents: Collection[Document]
    """Documents, in memory or read again."""

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[str]:
        return (document.text for document in self.documents)

    def __contains__(self, text: object) -> bool:
        return any(text == other for other in self)


def _crc(total: int, document: Document) -> int:
    return zlib.crc32(document.text.encode("utf-8", "surrogatepass"), total)


def _first_reading(corpus: CorpusSettings, paths: tuple[str, ...], counts: Counter[str]) -> CorpusReader:
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
    for document in read(counts) if paths else ():
        reader.hashes += text_hash(document.text)
        reader.characters += len(document.text)
        reader.checksum = _crc(reader.checksum, document)
    return reader


def _all_of(reader: CorpusReader) -> bytearray:
    return bytearray(b"\1" * (len(reader.hashes) // HASH_BYTES))
