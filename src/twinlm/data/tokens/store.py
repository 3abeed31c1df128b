"""Tokens on disk, with where each sentence and document begins: what both models' examples are cut from.

A store is a published folder: `tokens.bin` (uint16 or uint32, each document behind a <start>),
`sentences.bin` (int64 pairs: begin and end in tokens), `documents.bin` (int64: each one's first sentence,
and the number of sentences at the end), `store.json` (counts). It is read memory-mapped. A large one is a
folder of many such stores under one index, which is read just so: see `data/tokens/packed.py`, which writes
it.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from twinlm.data.tokens.pieces import Pieces
from twinlm.data.tokens.store_checks import check_places
from twinlm.errors import DataError, ModelError
from twinlm.system import storage
from twinlm.system.log import Progress
from twinlm.tokenizer import Tokenizer

FORMAT = 1
JOINED_FORMAT = 2
INDEX = "index"
"""The folder of a joined store that holds where everything lies."""
_DOCUMENTS_AT_ONCE = 512
_CHARACTERS_AT_ONCE = 1 << 19
_Item = TypeVar("_Item")
_CODES = {"<u2": "H", "<u4": "I"}


class TokenStore:
    """An opened store.

    Args:
        folder: as `write_store` published it, or as `packed.join_parts` joined it.
        verify: check every byte against the hashes of the manifest, not only the sizes, and that what it
            says of sentences and documents fits.

    Raises:
        ModelError: something is missing or damaged, or was written by a newer version.
    """

    def __init__(self, folder: Path, *, verify: bool = False) -> None:
        self.folder = folder
        index = folder / INDEX if is_joined(folder) else folder
        if verify:
            storage.verify_folder(index)
        facts = store_facts(index)
        self.token_count: int = facts["tokens"]
        self.text_bytes: int = facts["text_bytes"]
        self.unknown_count: int = facts["unknown"]
        self.empty_count: int = facts["empty_documents"]
        self.tokenizer: str = facts["tokenizer"]
        if index == folder:
            self.tokens_T: NDArray[Any] | Pieces = _map(
                folder / "tokens.bin", facts["dtype"], facts["tokens"]
            )
        else:
            self.tokens_T = _joined_tokens(folder, facts, verify=verify)
        self.sentences_S2 = _map(index / "sentences.bin", "<i8", 2 * facts["sentences"]).reshape(-1, 2)
        self.documents_E = _map(index / "documents.bin", "<i8", facts["documents"] + 1)
        if verify:
            check_places(self.sentences_S2, self.documents_E, self.token_count, folder)

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
        begin, end = self.sentences_S2[number]
        tokens: NDArray[Any] = self.tokens_T[begin:end]
        return tokens

    def document(self, number: int) -> NDArray[Any]:
        """Return the tokens of one document, without its <start>."""
        first, after = self.documents_E[number], self.documents_E[number + 1]
        tokens: NDArray[Any] = self.tokens_T[self.sentences_S2[first, 0] : self.sentences_S2[after - 1, 1]]
        return tokens


def is_joined(folder: Path) -> bool:
    """Tell whether a folder is a store of many parts that were joined."""
    return storage.is_published(folder / INDEX)


def is_store(folder: Path) -> bool:
    """Tell whether a folder is a whole store, of one part or of many."""
    return storage.is_published(folder) or is_joined(folder)


def write_store(
    folder: Path,
    texts: Iterable[str],
    tokenizer: Tokenizer,
    split_sentences: Callable[[str], list[str]],
    *,
    total: int,
    progress: Progress,
) -> TokenStore:
    """Tokenize documents into a new store and open it.

    Args:
        folder: where to publish.
        texts: one text a document.
        tokenizer: its vocabulary decides between 2 and 4 bytes a token.
        split_sentences: cuts a text into pieces whose concatenation is the text.
        total: number of documents, for the progress bar.
        progress: where to report.

    Raises:
        DataError: no document has a token.
    """
    writer = _Writer(tokenizer)
    split = ((some, [split_sentences(text) for text in some]) for some in blocks(texts))

    def tokens() -> Iterator[bytes]:
        progress.start(f"tokenizing into {folder.name}", total, "documents")
        for some, pieces in _ahead(split):
            yield writer.tokenize(some, pieces)
            progress.advance(min(total, len(writer.documents)), tokens=writer.counts["tokens"])
        progress.finish()
        if not writer.documents:
            raise DataError("there is no text to tokenize", file=folder)

    def indexes(name: str) -> Iterator[bytes]:
        yield writer.index(name)

    # Written in this order: the indexes are whole once all tokens are.
    names = ("sentences.bin", "documents.bin", "store.json")
    storage.publish_folder(folder, {"tokens.bin": tokens(), **{name: indexes(name) for name in names}})
    return TokenStore(folder)


def store_facts(folder: Path) -> dict[str, Any]:
    """Return the counts of a plain store, or of the index of a joined one.

    Raises:
        ModelError: they are missing, of a newer version, or can't be true.
    """
    facts: dict[str, Any] = storage.read_json(folder / "store.json")
    newest = facts.get("format") if isinstance(facts, dict) else None
    own = JOINED_FORMAT if folder.name == INDEX else FORMAT
    if type(newest) is int and newest > own:
        message = f"the store has format {newest}, this version reads up to {own}"
        raise ModelError(message, file=folder, hint="update twinlm")
    counts = ("tokens", "sentences", "documents", "text_bytes")
    others = ("unknown", "empty_documents")
    if newest != own or not (
        all(type(facts.get(name)) is int and 0 < facts[name] < 2**48 for name in counts)
        and all(type(facts.get(name)) is int and 0 <= facts[name] < 2**48 for name in others)
        and facts.get("dtype") in ("<u2", "<u4")
        and isinstance(facts.get("tokenizer"), str)
    ):
        hint = "delete the folder and run the same command again"
        raise ModelError("this does not describe a token store", file=folder / "store.json", hint=hint)
    return facts


def blocks(texts: Iterable[str], most: int = _DOCUMENTS_AT_ONCE) -> Iterator[list[str]]:
    """Yield texts in lists of so many, or of about half a million characters if that is less."""
    some: list[str] = []
    characters = 0
    for text in texts:
        some.append(text)
        characters += len(text)
        if len(some) == most or characters >= _CHARACTERS_AT_ONCE:
            yield some
            some, characters = [], 0
    if some:
        yield some


def _ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """Yield items, the next of which is made in a thread while one is worked on."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = pool.submit(next, items, None)
            yield item


class _Writer:
    """Tokenizes documents and gathers where their sentences lie."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.dtype = np.dtype("<u2") if tokenizer.vocab_size <= 2**16 else np.dtype("<u4")
        self.sentences = array("q")
        self.documents = array("q")
        self.counts = {"tokens": 0, "text_bytes": 0, "unknown": 0, "empty_documents": 0}

    def tokenize(self, texts: list[str], pieces: list[list[str]]) -> bytes:
        """Return the tokens of some documents, each behind a <start>, as they stand in the file.

        Args:
            texts: of the documents.
            pieces: of each text.
        """
        encoded = self._encoded([piece for parts in pieces for piece in parts])
        ids = array(_CODES[self.dtype.str])
        for text, parts in zip(texts, pieces, strict=True):
            rows = [row for row in islice(encoded, len(parts)) if len(row)]
            if not rows:
                self.counts["empty_documents"] += 1
                continue
            self.documents.append(len(self.sentences) // 2)
            ids.append(self.tokenizer.specials.start)
            for row in rows:
                begin = self.counts["tokens"] + len(ids)
                self.sentences.extend((begin, begin + len(row)))
                ids.extend(row)
            self.counts["text_bytes"] += len(text.encode())
        tokens_T = np.asarray(ids, self.dtype)
        self.counts["unknown"] += int((tokens_T == self.tokenizer.specials.unknown).sum())
        self.counts["tokens"] += len(ids)
        return tokens_T.tobytes()

    def _encoded(self, pieces: list[str]) -> Iterator["array[int]"]:
        """Yield the tokens of each piece. Few are encoded at once: the library takes much memory for each."""
        code = _CODES[self.dtype.str]
        for some in blocks(pieces, _CHARACTERS_AT_ONCE):
            yield from [array(code, row) for row in self.tokenizer.encode_batch(some)]

    def index(self, name: str) -> bytes:
        """Return the contents of one of the other files."""
        sentences = len(self.sentences) // 2
        if name == "sentences.bin":
            return np.asarray(self.sentences, "<i8").tobytes()
        if name == "documents.bin":
            return np.append(self.documents, sentences).astype("<i8").tobytes()
        facts = {
            "format": FORMAT,
            "dtype": self.dtype.str,
            "tokenizer": self.tokenizer.fingerprint,
            "documents": len(self.documents),
            "sentences": sentences,
        }
        return storage.json_bytes({**facts, **self.counts})


def _joined_tokens(folder: Path, facts: dict[str, Any], *, verify: bool) -> Pieces:
    """Map the tokens of all shards of a joined store.

    Raises:
        ModelError: a shard is missing, damaged or not the one that was joined.
    """
    pieces = []
    try:
        for shard in facts["shards"]:
            place = folder / shard["folder"]
            if not place.resolve().is_relative_to(folder.resolve()):
                raise ModelError("this shard lies outside of its store", file=place)
            if storage.file_sha256(place / storage.MANIFEST) != shard["manifest"]:
                hint = "join the parts again: twinlm data join"
                raise ModelError("this shard is not the one that was joined", file=place, hint=hint)
            if verify:
                storage.verify_folder(place)
            pieces.append(_map(place / "tokens.bin", facts["dtype"], shard["tokens"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError("this does not describe shards", file=folder / INDEX / "store.json") from error
    tokens = Pieces(pieces)
    if len(tokens) != facts["tokens"]:
        message = f"the shards have {len(tokens)} tokens, but {facts['tokens']} were joined"
        raise ModelError(message, file=folder)
    return tokens


def _map(path: Path, type_name: str, count: int) -> NDArray[Any]:
    """Map a file read-only, once its size is what it must be."""
    dtype = np.dtype(type_name)
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise ModelError(f"can't read the file: {error.strerror}", file=path) from error
    if size_bytes != count * dtype.itemsize:
        message = f"the file has {size_bytes} bytes, but {count * dtype.itemsize} were written"
        raise ModelError(message, file=path, hint="delete the folder and run the same command again")
    return np.asarray(
        np.memmap(path, dtype, mode="r", shape=(count,))
    )  # a plain array: slices 10 times faster
