"""Token stores whose every token a test knows."""

from collections.abc import Sequence
from pathlib import Path

from twinlm.data.tokens.store import TokenStore
from twinlm.data.tokens.writing import write_store
from twinlm.system.log import Silent
from twinlm.tokenizer import SpecialIds

Documents = Sequence[Sequence[Sequence[int]]]


class NumberTokenizer:
    """Reads "8 9 10" as the tokens 8, 9 and 10, so that a test knows every token it put into a store."""

    specials = SpecialIds()
    fingerprint = "numbers"

    def __init__(self, vocab_size: int = 1000) -> None:
        self.vocab_size = vocab_size

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        return [[int(word) for word in text.split()] for text in texts]

    def count_unknown(self, ids: Sequence[int]) -> int:
        return list(ids).count(self.specials.unknown)


def write(folder: Path, documents: Documents, vocab_size: int = 1000) -> TokenStore:
    texts = ["".join(" ".join(map(str, sentence)) + "\n" for sentence in document) for document in documents]
    return write_store(
        folder,
        texts,
        NumberTokenizer(vocab_size),
        lambda text: text.splitlines(keepends=True),
        total=len(texts),
        progress=Silent(),
    )
