"""Documents into train, validation and test, such that no text stands in two of them.

Where a document goes depends on the seed and its own text only: files may be reordered, added or removed, and
every other document stays where it was.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import compress

from twinlm import rng
from twinlm.data.text.corpus import Document
from twinlm.errors import DataError, UsageError

SPLITS = ("train", "valid", "test")
"""The names of the three, as fields, folders and settings have them."""


@dataclass(frozen=True, slots=True)
class Splits:
    """Three sets of documents without a common text."""

    train: Collection[Document]
    """What models and tokenizers learn from."""
    valid: Collection[Document]
    """What chooses among checkpoints; empty if a share of 0 was asked for."""
    test: Collection[Document]
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
    held = list(documents)
    flags = split_flags(
        (text_hash(document.text) for document in held),
        valid_share=valid_share,
        test_share=test_share,
        seed=seed,
        held_out=held_out,
        counts=counts,
    )
    return Splits(*(tuple(compress(held, chosen)) for chosen in flags))


def split_flags(
    digests: Iterable[bytes],
    *,
    valid_share: float,
    test_share: float,
    seed: int,
    held_out: AbstractSet[bytes],
    counts: Counter[str],
) -> tuple[bytearray, bytearray, bytearray]:
    """Return for each document whether it belongs to training, validation and test, as `split_documents`.

    Args:
        digests: `text_hash` of each document.
        valid_share: as of `split_documents`, like the others.
        test_share: the share for testing.
        seed: of the split.
        held_out: `text_hash` of what is left out.
        counts: gathers what was left out.

    Raises:
        DataError, UsageError: as `split_documents`.
    """
    check_shares(valid_share, test_share)
    kept = bytearray(), bytearray(), bytearray()
    seen: set[bytes] = set()
    for digest in digests:
        for flags in kept:
            flags.append(0)
        if digest in held_out:
            counts["documents that equal a held-out task text"] += 1
        elif digest in seen:
            counts["duplicate documents"] += 1
        else:
            seen.add(digest)
            place = uniform(seed, "document-split", digest)
            kept[2 if place < test_share else 1 if place < test_share + valid_share else 0][-1] = 1
    sizes = [flags.count(1) for flags in kept]
    for name, share, size in zip(
        ("training", "validation", "test"), (1, valid_share, test_share), sizes, strict=True
    ):
        if share and not size:
            raise _empty(name, sizes, valid_share, test_share)
    return kept


def distinct_flags(
    digests: Sequence[Iterable[bytes]],
    flags: Sequence[bytearray],
    *,
    held_out: AbstractSet[bytes],
    counts: Counter[str],
    has_train: bool = True,
) -> tuple[bytearray, bytearray, bytearray]:
    """Make three sets that the user split apart disjoint: test stays, valid gives way to it, train to both.

    Within each set of equal texts the first is kept. Documents that equal a held-out task text leave train
    and valid, by which models are learned and chosen; test keeps them. Adds to `counts`: "duplicate
    documents", "training documents that stand in validation or test", "validation documents that stand in
    test", "documents that equal a held-out task text".

    Args:
        digests: `text_hash` of each document of the files that hold training, validation and test.
        flags: of those documents, 1 for each that belongs to the set.
        held_out: `text_hash` of the texts of the tasks' validation and test examples.
        counts: gathers what was left out.
        has_train: whether there must be something to train on.

    Returns:
        The flags of what is left of each.

    Raises:
        DataError: nothing is left of a set that held documents, or there is nothing to train on.
    """
    nothing: AbstractSet[bytes] = frozenset()
    test_kept, test_seen = _first_of_each("test", digests[2], flags[2], {}, nothing, counts)
    stands_in_test = dict.fromkeys(test_seen, "validation documents that stand in test")
    valid_kept, valid_seen = _first_of_each(
        "validation", digests[1], flags[1], stands_in_test, held_out, counts
    )
    stands_outside = dict.fromkeys(
        test_seen | valid_seen, "training documents that stand in validation or test"
    )
    train_kept, _ = _first_of_each(
        "training", digests[0], flags[0], stands_outside, held_out, counts, is_needed=has_train
    )
    return train_kept, valid_kept, test_kept


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
    digests: Iterable[bytes],
    flags: bytearray,
    elsewhere: Mapping[bytes, str],
    held_out: AbstractSet[bytes],
    counts: Counter[str],
    *,
    is_needed: bool = False,
) -> tuple[bytearray, set[bytes]]:
    """Return which of the flagged documents stand nowhere else, and the hashes of all flagged ones.

    Raises:
        DataError: nothing is left of them, or there is nothing to train on.
    """
    kept, seen, left_out = bytearray(len(flags)), set(), Counter[str]()
    for place, digest in compress(enumerate(digests), flags):
        if digest in held_out:
            left_out["documents that equal a held-out task text"] += 1
        elif digest in elsewhere:
            left_out[elsewhere[digest]] += 1
        elif digest in seen:
            left_out["duplicate documents"] += 1
        else:
            kept[place] = 1
        seen.add(digest)
    counts.update(left_out)
    if not any(kept) and (seen or is_needed):
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in left_out.items())
        message = f"no {name} document is left of {left_out.total():,}" + (f" ({reasons})" if reasons else "")
        raise DataError(message, hint="name files with different texts")
    return kept, seen


def _empty(name: str, sizes: Sequence[int], valid_share: float, test_share: float) -> DataError:
    train, valid, test = sizes
    message = (
        f"no {name} document: {train + valid + test:,} different documents gave {train:,} for training, "
        f"{valid:,} for validation (valid_share = {valid_share}) and {test:,} for test "
        f"(test_share = {test_share})"
    )
    hint = "give more documents (in .txt files blank lines part them), other shares, or a file for each split"
    return DataError(message, hint=hint)
