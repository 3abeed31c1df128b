"""Tiny tokenizers of both algorithms, and the readers of both kinds of model over them."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from twinlm.families import FAMILIES
from twinlm.system.log import Silent
from twinlm.tasks.kind import Reader, TaskConfig
from twinlm.tokenizer import Tokenizer, train_tokenizer

_TEXTS = [
    "The red cat sat on the mat, and a big dog ran to the old house.",
    "She drinks tea with café milk; naïve people say it's 🙂 or 1,234 of them.",
    "Ada moved to London in May.",
] * 6
_SIZES = {"byte-bpe": 340, "wordpiece": 160}
_READERS = [(name, algorithm) for name in FAMILIES for algorithm in _SIZES]


@pytest.fixture(scope="session")
def tokenizers() -> Mapping[str, Tokenizer]:
    """Return a tokenizer by algorithm."""
    return {
        algorithm: train_tokenizer(
            _TEXTS, algorithm=algorithm, vocab_size=size, lowercase=False, progress=Silent()
        )
        for algorithm, size in _SIZES.items()
    }


@pytest.fixture(scope="session", params=_READERS, ids="-".join)
def reader(request: pytest.FixtureRequest, tokenizers: Mapping[str, Tokenizer]) -> Reader:
    """Return the reader of each kind of model over each tokenizer."""
    name, algorithm = request.param
    return FAMILIES[name].reader(tokenizers[algorithm])


@pytest.fixture(scope="session")
def config_for() -> Callable[..., TaskConfig]:
    """Return a function that makes what a fine-tuned model knows of its task."""

    def make(kind: str, *, max_length: int = 64, **more: Any) -> TaskConfig:
        return TaskConfig(kind=kind, max_length=max_length, dropout=0.1, **more)

    return make


@pytest.fixture(scope="session")
def enclosed() -> Callable[..., list[int]]:
    """Return a function that puts special tokens around texts, as both papers draw it."""

    def make(reader: Reader, *texts: list[int]) -> list[int]:
        ids = reader.tokenizer.specials
        begin, between, end = (
            (ids.start, ids.delimiter, ids.extract)
            if reader.reads_both_orders
            else (ids.cls, ids.sep, ids.sep)
        )
        found = [begin, *texts[0]]
        for text in texts[1:]:
            found += [between, *text]
        return [*found, end]

    return make
