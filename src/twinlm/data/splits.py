"""Documents into train, validation and test, such that no text stands in two of them.

Where a document goes depends on the seed and its own text only: files may be reordered, added or removed, and
every other document stays where it was.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from twinlm import rng
from twinlm.data.corpus import Document
from twinlm.errors import DataError, UsageError

SPLITS = ("train", "valid", "test")
"""The names of the three, as fields, folders and settings have them."""


@dataclass(frozen=True, slots=True)
class Splits:
    """Three sets of documents without a common text."""

    train: tuple[Document, ...]
    """What models and tokenizers learn from."""
    valid: tuple[Document, ...]
    """What chooses among checkpoints; empty if a share of 0 was asked for."""
    test: tuple[Document, ...]
    """What scores are reported on; empty if a share of 0 was asked for."""


def text_hash(text: str) -> bytes:
    """Return 16 bytes that two texts share only if they are equal but for white space."""
    return hashlib.blake2b(" ".join(text.split()).encode(), digest_size=16).digest()


def uniform(seed: int, purpose: str, value: bytes) -> float:
    """Return a number from 0 up to 1 that only this seed, purpose and value give."""
    return rng.key(seed, purpose, value.hex()) / 2**128


def split_documents(
    documents: Iterable[Document],
    *,
    valid_share: float,
    test_share: float,
    seed: int,
    held_out: AbstractSet[bytes] = frozenset(),
    counts: Counter[str],
) -> Splits:
    """Send every document to one of three splits by its text, and leave out what was there before.

    Adds to `counts`: "duplicate documents", "documents that equal a held-out task text".

    Args:
        documents: in any order; of equal texts the first is kept.
        valid_share: the share of documents for validation, from 0 to below 1.
        test_share: the share for testing.
        seed: another seed gives another split.
        held_out: `text_hash` of the texts of the tasks' validation and test examples; equal documents are
            left out of all three splits.
        counts: gathers what was left out.

    Raises:
        DataError: a split that was asked for stays empty.
        UsageError: the shares leave nothing to train on.
    """
    check_shares(valid_share, test_share)
    kept: tuple[list[Document], list[Document], list[Document]] = ([], [], [])
    seen: set[bytes] = set()
    for document in documents:
        digest = text_hash(document.text)
        if digest in held_out:
            counts["documents that equal a held-out task text"] += 1
        elif digest in seen:
            counts["duplicate documents"] += 1
        else:
            seen.add(digest)
            place = uniform(seed, "document-split", digest)
            kept[2 if place < test_share else 1 if place < test_share + valid_share else 0].append(document)
    for name, share, chosen in zip(
        ("training", "validation", "test"), (1, valid_share, test_share), kept, strict=True
    ):
        if share and not chosen:
            raise _empty(name, kept, valid_share, test_share)
    return Splits(*map(tuple, kept))


def remove_duplicates(
    train: Iterable[Document],
    valid: Iterable[Document],
    test: Iterable[Document],
    *,
    held_out: AbstractSet[bytes] = frozenset(),
    counts: Counter[str],
) -> Splits:
    """Make three sets that the user split apart disjoint: test stays, valid gives way to it, train to both.

    Within each set of equal texts the first is kept. Documents that equal a held-out task text leave train
    and valid, by which models are learned and chosen; test keeps them. Adds to `counts`: "duplicate
    documents", "training documents that stand in validation or test", "validation documents that stand in
    test", "documents that equal a held-out task text".

    Raises:
        DataError: nothing is left of a set that held documents, or there is nothing to train on.
    """
    test_kept, test_seen = _first_of_each("test", test, {}, frozenset(), counts)
    stands_in_test = dict.fromkeys(test_seen, "validation documents that stand in test")
    valid_kept, valid_seen = _first_of_each("validation", valid, stands_in_test, held_out, counts)
    stands_outside = dict.fromkeys(
        test_seen | valid_seen, "training documents that stand in validation or test"
    )
    train_kept, _ = _first_of_each("training", train, stands_outside, held_out, counts)
    return Splits(train_kept, valid_kept, test_kept)


def check_shares(valid_share: float, test_share: float) -> None:
    """Refuse shares that leave nothing to train on.

    Raises:
        UsageError: they do, or are no shares.
    """
    if not (0 <= valid_share < 1 and 0 <= test_share < 1 and valid_share + test_share < 1):
        message = (
            f"valid_share = {valid_share} and test_share = {test_share} must be 0 or more and below 1 in all"
        )
        raise UsageError(message, hint="5 % each is usual: 0.05")


def _first_of_each(
    name: str,
    documents: Iterable[Document],
    elsewhere: dict[bytes, str],
    held_out: AbstractSet[bytes],
    counts: Counter[str],
) -> tuple[tuple[Document, ...], set[bytes]]:
    """Return the documents that stand nowhere else, and the hashes of all that were given.

    Raises:
        DataError: nothing is left of them, or there is nothing to train on.
    """
    kept, seen, left_out = [], set(), Counter[str]()
    for document in documents:
        digest = text_hash(document.text)
        if digest in held_out:
            left_out["documents that equal a held-out task text"] += 1
        elif digest in elsewhere:
            left_out[elsewhere[digest]] += 1
        elif digest in seen:
            left_out["duplicate documents"] += 1
        else:
            kept.append(document)
        seen.add(digest)
    counts.update(left_out)
    if not kept and (seen or name == "training"):
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in left_out.items())
        message = f"no {name} document is left of {left_out.total():,}" + (f" ({reasons})" if reasons else "")
        raise DataError(message, hint="name files with different texts")
    return tuple(kept), seen


def _empty(name: str, kept: Sequence[Sequence[Document]], valid_share: float, test_share: float) -> DataError:
    train, valid, test = map(len, kept)
    message = (
        f"no {name} document: {train + valid + test:,} different documents gave {train:,} for training, "
        f"{valid:,} for validation (valid_share = {valid_share}) and {test:,} for test "
        f"(test_share = {test_share})"
    )
    hint = "give more documents (in .txt files blank lines part them), other shares, or a file for each split"
    return DataError(message, hint=hint)
