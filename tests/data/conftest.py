"""A small store of tokens for the tests of what is cut from one, and labelled files as tests write them."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from twinlm.data.forms import Form
from twinlm.data.labelled import LabelledSet, read_labelled
from twinlm.data.token_store import TokenStore, write_store
from twinlm.errors import DataError
from twinlm.log import Silent
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


def _write(folder: Path, documents: Documents, vocab_size: int = 1000) -> TokenStore:
    texts = ["".join(" ".join(map(str, sentence)) + "\n" for sentence in document) for document in documents]
    return write_store(
        folder,
        texts,
        NumberTokenizer(vocab_size),
        lambda text: text.splitlines(keepends=True),
        total=len(texts),
        progress=Silent(),
    )


@pytest.fixture(scope="session")
def write_numbers() -> Callable[..., TokenStore]:
    """Return a function (folder, documents, vocab_size) that publishes a store of documents of sentences."""
    return _write


def _read(name: str, data: bytes | str, form: Form, **settings: object) -> tuple[LabelledSet, Counter[str]]:
    Path(name).write_bytes(data if isinstance(data, bytes) else data.encode())
    counts: Counter[str] = Counter()
    return read_labelled(name, form=form, counts=counts, **settings), +counts  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def read_file() -> Callable[..., tuple[LabelledSet, Counter[str]]]:
    """Return a function (name, data, form) that writes a labelled file and reads it: examples, counts."""
    return _read


@pytest.fixture(scope="session")
def check_refused() -> Callable[..., None]:
    """Return a function (name, data, form, message): the file is refused so; "<...>" is for any words."""

    def check(name: str, data: bytes | str, form: Form, message: str) -> None:
        with pytest.raises(DataError) as caught:
            _read(name, data, form)
        assert caught.value.exit_code == 3
        pattern = ".*".join(map(re.escape, message.split("<...>")))
        assert re.fullmatch(pattern, str(caught.value)), str(caught.value)

    return check
