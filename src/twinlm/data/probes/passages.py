"""A sample of held-out text in short passages, the same for all models."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from twinlm import rng
from twinlm.data.text.sentences import split_sentences
from twinlm.errors import DataError
from twinlm.system.arguments import checked

SAMPLE_BYTES = 1 << 14
"""Size of a sample: about 4,000 tokens of English. An encoder reads a passage once for each of its tokens."""
PASSAGE_BYTES = 384
"""Size of a passage: about 100 tokens, so that a model of 128 positions reads most passages at once."""
_FEWEST = 2  # with one passage nothing can be said of how much chance there is in a figure


@dataclass(frozen=True)
class Sample:
    """Passages that were drawn."""

    texts: tuple[str, ...]
    """Runs of whole sentences, each read by itself."""
    documents: int
    """Number of documents to draw from."""

    @property
    def text_bytes(self) -> int:
        """Size of all passages in UTF-8."""
        return sum(len(text.encode()) for text in self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the passages in their order."""
        return hashlib.sha256("\0".join(self.texts).encode()).hexdigest()[:8]


@checked
def draw_passages(
    documents: Sequence[str], *, seed: int, most_bytes: int = SAMPLE_BYTES, passage_bytes: int = PASSAGE_BYTES
) -> Sample:
    """Draw at least two passages, up to `most_bytes`: each document's first before any document's second.

    Args:
        documents: held-out texts; a `DataError` if they give fewer than two passages.
        seed: another seed draws from other documents.
        most_bytes: size of all passages; the last one may exceed it.
        passage_bytes: most bytes of a passage; a longer sentence is a passage of its own.
    """
    order = rng.stream(seed, "passages").permutation(len(documents)).tolist()
    waiting = [_passages(documents[number], passage_bytes) for number in order]
    texts: list[str] = []
    drawn_bytes = 0
    while waiting and (drawn_bytes < most_bytes or len(texts) < _FEWEST):
        remaining = []
        for passages in waiting:
            text = next(passages, "")
            if not text:
                continue
            texts.append(text)
            remaining.append(passages)
            drawn_bytes += len(text.encode())
            if drawn_bytes >= most_bytes and len(texts) >= _FEWEST:
                break
        waiting = remaining
    if len(texts) < _FEWEST:
        count = f"{len(documents):,} documents give {len(texts)} passages"
        raise DataError(f"{count}, but at least {_FEWEST} are needed", hint="give more held-out text")
    return Sample(tuple(texts), len(documents))


def _passages(text: str, passage_bytes: int) -> Iterator[str]:
    """Yield runs of sentences, none of them blank, of at most `passage_bytes` together."""
    held, held_bytes = "", 0
    for sentence in split_sentences(text):
        size_bytes = len(sentence.encode())
        if held.strip() and held_bytes + size_bytes > passage_bytes:
            yield held.strip()
            held, held_bytes = "", 0
        held, held_bytes = held + sentence, held_bytes + size_bytes
    if held.strip():
        yield held.strip()
