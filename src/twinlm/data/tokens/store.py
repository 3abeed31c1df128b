"""Tokens on disk, with the begin of each sentence and document: the source of both models' examples.

A store is a published folder:

    tokens.bin       uint16 or uint32; a <start> stands before each document
    sentences.bin    int64 pairs: begin and end of each sentence in tokens
    documents.bin    int64: first sentence of each document, then the number of sentences
    store.json       counts

It is read memory-mapped. A large store is a folder of many such stores (shards) under one index and is read
the same way. Read next: data/tokens/writing.py, and data/tokens/packed.py for large stores.
"""

from bisect import bisect_right
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from twinlm.errors import ModelError, as_model_error
from twinlm.system import storage
from twinlm.system.records import Record, as_record

INDEX = "index"
_WRITE_AGAIN = "delete the folder and run the same command again"
_NUMBERS_AT_ONCE = 1 << 20
_Some = Annotated[int, Meta(gt=0, lt=2**48)]
_Any = Annotated[int, Meta(ge=0, lt=2**48)]


class StoreFacts(Record):
    """The store.json of a plain store."""

    FORMAT: ClassVar[int] = 1
    dtype: Literal["<u2", "<u4"]
    """Type of a token."""
    tokenizer: str
    """Fingerprint of the tokenizer."""
    documents: _Some
    """Number of documents with a token."""
    sentences: _Some
    """Number of sentences."""
    tokens: _Some
    """Number of tokens, each document's <start> included."""
    text_bytes: _Some
    """Size of the documents in UTF-8."""
    unknown: _Any
    """Number of unknown tokens."""
    empty_documents: _Any
    """Number of documents without a token, which are left out."""


COUNTS = ("documents", "sentences", "tokens", "text_bytes", "unknown", "empty_documents")


class Shard(Record):
    """One shard of a joined store."""

    folder: str
    """Path within the store."""
    tokens: _Some
    """Number of tokens."""
    manifest: str
    """SHA-256 of its manifest."""


class JoinedFacts(StoreFacts):
    """The store.json of a joined store's index; its counts are sums over the shards."""

    FORMAT: ClassVar[int] = 2
    inputs: dict[str, Any]
    """Inputs that all parts were made from."""
    shards: list[Shard]
    """Shards in order."""


_Facts = TypeVar("_Facts", StoreFacts, JoinedFacts)


class Pieces:
    """Arrays in a row, none of them empty, that are sliced as if they were one."""

    def __init__(self, pieces: list[NDArray[Any]]) -> None:
        self.pieces = pieces
        self.bounds = np.cumsum([0, *map(len, pieces)]).tolist()

    def __len__(self) -> int:
        return int(self.bounds[-1])

    def __getitem__(self, index: slice) -> NDArray[Any]:
        begin, end, _ = index.indices(len(self))
        end = max(begin, end)
        first = bisect_right(self.bounds, begin, hi=len(self.pieces)) - 1
        parts = []
        for piece, bound in zip(self.pieces[first:], self.bounds[first:], strict=False):
            parts.append(piece[max(0, begin - bound) : max(0, end - bound)])
            if end <= bound + len(piece):
                break
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


class TokenStore:
    """An opened store, published by `write_store` or joined by `packed.join_parts`.

    With `verify`, every byte is checked against the manifest's hashes; else only sizes.
    """

    def __init__(self, folder: Path, *, verify: bool = False) -> None:
        self.folder = folder
        index = folder / INDEX if is_joined(folder) else folder
        if verify:
            storage.verify_folder(index)
        facts = store_facts(folder) if index == folder else joined_facts(folder)
        self.token_count = facts.tokens
        self.text_bytes = facts.text_bytes
        self.unknown_count = facts.unknown
        self.empty_count = facts.empty_documents
        self.tokenizer = facts.tokenizer
        self.tokens_T: NDArray[Any] | Pieces
        if isinstance(facts, JoinedFacts):
            self.tokens_T = _joined_tokens(folder, facts, verify=verify)
        else:
            self.tokens_T = _map(folder / "tokens.bin", facts.dtype, facts.tokens)
        self.sentences_S2 = _map(index / "sentences.bin", "<i8", 2 * facts.sentences).reshape(-1, 2)
        self.documents_E = _map(index / "documents.bin", "<i8", facts.documents + 1)
        if verify:
            # An untrusted folder can carry right hashes of wrong numbers.
            check_bounds(self.sentences_S2, self.documents_E, self.token_count, folder)

    @property
    def document_count(self) -> int:
        """Number of documents."""
        return len(self.documents_E) - 1

    @property
    def single_sentence_count(self) -> int:
        """Number of documents of one sentence, which give no sentence pair."""
        return int((np.diff(self.documents_E) == 1).sum())

    def sentence(self, number: int) -> NDArray[Any]:
        """Return the tokens of one sentence."""
        return self.tokens_T[slice(*self.sentences_S2[number])]

    def document(self, number: int) -> NDArray[Any]:
        """Return the tokens of one document, without its <start>."""
        first, after = self.documents_E[number : number + 2]
        return self.tokens_T[self.sentences_S2[first, 0] : self.sentences_S2[after - 1, 1]]


def is_joined(folder: Path) -> bool:
    """Tell whether a folder is a joined store."""
    return storage.is_published(folder / INDEX)


def is_store(folder: Path) -> bool:
    """Tell whether a folder is a complete store, plain or joined."""
    return storage.is_published(folder) or is_joined(folder)


def store_facts(folder: Path) -> StoreFacts:
    """Return what the store.json of a plain store says; a `ModelError` if it is missing or impossible."""
    return _facts(StoreFacts, folder)


def joined_facts(folder: Path) -> JoinedFacts:
    """Return what the store.json of a joined store says."""
    return _facts(JoinedFacts, folder / INDEX)


def _facts(kind: type[_Facts], folder: Path) -> _Facts:
    path = folder / "store.json"
    value = storage.read_json(path)
    newest = value.get("format") if isinstance(value, dict) else None
    if type(newest) is int and newest > kind.FORMAT:
        message = f"the store has format {newest}, this version reads up to {kind.FORMAT}"
        raise ModelError(message, file=folder, hint="update twinlm")
    try:
        return as_record(kind, value, path)
    except ModelError as error:
        message = f"this does not describe a token store: {error.message}"
        raise ModelError(message, file=path, hint=_WRITE_AGAIN) from None


def check_bounds(
    sentences_S2: NDArray[Any], documents_E: NDArray[Any], token_count: int, folder: Path
) -> None:
    """Raise a `ModelError` unless sentences rise within the tokens, and documents within the sentences."""
    ends = (int(documents_E[0]), int(documents_E[-1]))
    if not _rises(documents_E, is_strict=True) or ends != (0, len(sentences_S2)):
        raise ModelError("its documents are not made of its sentences", file=folder)
    flat_N = sentences_S2.reshape(-1)
    if not (_rises(flat_N, is_strict=False) and flat_N[0] >= 0 and flat_N[-1] <= token_count):
        raise ModelError("its sentences are not made of its tokens", file=folder)


def check_ids(tokens_T: NDArray[Any] | Pieces, vocab_size: int, folder: Path) -> None:
    """Raise a `ModelError` if a token is not below the size of the vocabulary."""
    for begin in range(0, len(tokens_T), _NUMBERS_AT_ONCE):
        if (largest := int(tokens_T[begin : begin + _NUMBERS_AT_ONCE].max())) >= vocab_size:
            message = f"a token has the id {largest:,}, but the vocabulary has {vocab_size:,}"
            raise ModelError(message, file=folder)


def _rises(values_N: NDArray[Any], *, is_strict: bool) -> bool:
    is_wrong = np.less_equal if is_strict else np.less
    for begin in range(0, len(values_N) - 1, _NUMBERS_AT_ONCE):
        block_N = values_N[begin : begin + _NUMBERS_AT_ONCE + 1]
        if is_wrong(block_N[1:], block_N[:-1]).any():
            return False
    return True


def _joined_tokens(folder: Path, facts: JoinedFacts, *, verify: bool) -> Pieces:
    pieces = []
    for shard in facts.shards:
        path = folder / shard.folder
        with as_model_error(folder / INDEX / "store.json"):  # a path can hold a NUL character
            is_inside = path.resolve().is_relative_to(folder.resolve())
        if not is_inside:
            raise ModelError("this shard lies outside of its store", file=path)
        if storage.file_sha256(path / storage.MANIFEST) != shard.manifest:
            hint = "join the parts again: twinlm data join"
            raise ModelError("this shard is not the one that was joined", file=path, hint=hint)
        if verify:
            storage.verify_folder(path)
        pieces.append(_map(path / "tokens.bin", facts.dtype, shard.tokens))
    tokens = Pieces(pieces)
    if len(tokens) != facts.tokens:
        message = f"the shards have {len(tokens)} tokens, but {facts.tokens} were joined"
        raise ModelError(message, file=folder)
    return tokens


def _map(path: Path, type_name: str, count: int) -> NDArray[Any]:
    """Map a file read-only after checking its size."""
    dtype = np.dtype(type_name)
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise ModelError(f"can't read the file: {error.strerror}", file=path) from error
    if size_bytes != count * dtype.itemsize:
        message = f"the file has {size_bytes} bytes, but {count * dtype.itemsize} were written"
        raise ModelError(message, file=path, hint=_WRITE_AGAIN)
    # A plain array over the map: it slices ten times faster than np.memmap.
    return np.asarray(np.memmap(path, dtype, mode="r", shape=(count,)))
