"""Texts as inputs outside of a task: enclosed in the special tokens of pre-training."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from twinlm.batch import Batch
from twinlm.checkpoint import Trained
from twinlm.data.sequences.packing import by_length, pad
from twinlm.errors import DataError
from twinlm.system import hardware
from twinlm.system.arguments import check_list
from twinlm.system.log import Progress


class Inputs(NamedTuple):
    """Texts as tokens."""

    rows: list[list[int]]
    """Tokens of each text, with special tokens."""
    cut: int
    """Number of texts that lost their end, because the model reads no more."""


def read_texts(
    trained: Trained, texts: Sequence[str], *, prompt: str = "", max_length: int | None = None
) -> Inputs:
    """Return texts as inputs, each after a prompt; a text that is too long loses its end, and is counted.

    `max_length` may be less than what the model reads, in tokens with special ones.
    """
    check_list(texts, "texts")
    encoded = trained.tokenizer.encode_batch([prompt + text for text in texts])
    most = room(trained)
    if max_length is not None:
        most = min(most, max_length - len(trained.enclose([])))
    for number, (text, tokens) in enumerate(zip(texts, encoded, strict=True), 1):
        if not tokens or (prompt and not text.strip()):
            raise DataError(f"text {number} of {len(encoded):,} is empty: {text!r}")
    rows = [trained.enclose(tokens[:most]) for tokens in encoded]
    return Inputs(rows, sum(len(tokens) > most for tokens in encoded))


def room(trained: Trained) -> int:
    """Return how many tokens of a text the model can read, without special tokens."""
    sizes: Any = trained.model.config
    most: int = sizes.max_length - len(trained.enclose([]))
    return most


def batches(
    trained: Trained, rows: Sequence[Sequence[int]], progress: Progress
) -> Iterator[tuple[list[int], Batch]]:
    """Yield batches of rows on the model's device, each with the numbers of its rows; report progress."""
    done = 0
    for group in by_length([len(row) for row in rows]):
        batch = pad([rows[number] for number in group], trained.tokenizer.specials.pad)
        yield group, batch.to(hardware.device())
        done += len(group)
        progress.advance(done)
