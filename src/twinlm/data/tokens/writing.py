"""Writing a token store: documents are split into sentences and tokenized, a block at a time."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from twinlm.data.tokens.store import StoreFacts, TokenStore
from twinlm.errors import DataError
from twinlm.system import storage
from twinlm.system.log import Progress
from twinlm.system.records import to_json
from twinlm.tokenizer import Tokenizer

_DOCUMENTS_AT_ONCE = 512
_CHARACTERS_AT_ONCE = 1 << 19
_CODES: dict[Literal["<u2", "<u4"], Literal["H", "I"]] = {"<u2": "H", "<u4": "I"}
_Item = TypeVar("_Item")


def write_store(
    folder: Path,
    texts: Iterable[str],
    tokenizer: Tokenizer,
    split_sentences: Callable[[str], list[str]],
    *,
    total: int,
    progress: Progress,
) -> TokenStore:
    """Tokenize documents, one text each, `total` of them, into a new store and open it.

    `split_sentences` cuts a text into pieces whose concatenation is the text.
    """
    writer = _Writer(tokenizer)
    split = ((block, [split_sentences(text) for text in block]) for block in blocks(texts))

    def tokens() -> Iterator[bytes]:
        progress.start(f"tokenizing into {folder.name}", total, "documents")
        for block, pieces in _ahead(split):
            yield writer.tokenize(block, pieces)
            progress.advance(min(total, len(writer.documents)), tokens=writer.counts["tokens"])
        progress.finish()
        if not writer.documents:
            raise DataError("there is no text to tokenize", file=folder)

    def later(contents: Callable[[], bytes]) -> Iterator[bytes]:
        yield contents()

    # Files are written in this order: what stands in the others is known only after all tokens.
    files = {
        "tokens.bin": tokens(),
        "sentences.bin": later(writer.sentence_bounds),
        "documents.bin": later(writer.document_bounds),
        "store.json": later(writer.facts),
    }
    storage.publish_folder(folder, files)
    return TokenStore(folder)


def blocks(texts: Iterable[str], most: int = _DOCUMENTS_AT_ONCE) -> Iterator[list[str]]:
    """Yield texts in lists of at most `most`; a list ends early at about half a million characters."""
    block: list[str] = []
    characters = 0
    for text in texts:
        block.append(text)
        characters += len(text)
        if len(block) == most or characters >= _CHARACTERS_AT_ONCE:
            yield block
            block, characters = [], 0
    if block:
        yield block


def _ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """Yield items while a thread makes the next one."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = pool.submit(next, items, None)
            yield item


class _Writer:
    """Tokenizes documents and records the bounds of their sentences."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.dtype: Literal["<u2", "<u4"] = "<u2" if tokenizer.vocab_size <= 2**16 else "<u4"
        self.sentences = array("q")
        self.documents = array("q")
        self.counts = {"tokens": 0, "text_bytes": 0, "unknown": 0, "empty_documents": 0}

    def tokenize(self, texts: list[str], pieces: list[list[str]]) -> bytes:
        """Return the tokens of some documents, each after a <start>, as bytes of the file."""
        encoded = self._encoded([piece for parts in pieces for piece in parts])
        ids = array(_CODES[self.dtype])
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
        # Few pieces at once: the library takes much memory for each.
        for block in blocks(pieces, _CHARACTERS_AT_ONCE):
            yield from [array(_CODES[self.dtype], row) for row in self.tokenizer.encode_batch(block)]

    def sentence_bounds(self) -> bytes:
        return np.asarray(self.sentences, "<i8").tobytes()

    def document_bounds(self) -> bytes:
        return np.append(self.documents, len(self.sentences) // 2).astype("<i8").tobytes()

    def facts(self) -> bytes:
        facts = StoreFacts(
            dtype=self.dtype,
            tokenizer=self.tokenizer.fingerprint,
            documents=len(self.documents),
            sentences=len(self.sentences) // 2,
            **self.counts,
        )
        return storage.json_bytes(to_json(facts))
