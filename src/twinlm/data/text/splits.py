"""Documents into train, validation and test, such that no text is in two of them.

A document's split depends only on the seed and its own text: files may be reordered, added or removed, and
every other document keeps its split.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import compress
from typing import NamedTuple

from twinlm import rng
from twinlm.data.text.corpus import Document
from twinlm.errors import DataError, UsageError

SPLITS = ("train", "valid", "test")
HASH_BYTES = 16
_HELD_OUT = "documents that equal a held-out task text"
_DUPLICATES = "duplicate documents"


class Splits(NamedTuple):
    """Three sets of documents without a common text; those with a share of 0 are empty."""

    train: Collection[Document]
    valid: Collection[Document]
    test: Collection[Document]


def text_hash(*texts: str) -> bytes:
    """Return a hash that texts share only if each is equal except for white space."""
    # Single spaces leave no line end in a text, so that joined texts are equal only if each of them is.
    joined = "\n".join(" ".join(text.split()) for text in texts)
    return hashlib.blake2b(joined.encode(), digest_size=HASH_BYTES).digest()


def uniform(seed: int, purpose: str, value: bytes) -> float:
    """Return a number from 0 to below 1 that depends on seed, purpose and value only."""
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
    """Split documents in memory; arguments and errors as for `split_flags`."""
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
    """Return for each document whether it belongs to training, validation and test; none of them stays empty.

    The first of equal documents is kept, and none that is in `held_out`, the hashes of the tasks' validation
    and test texts.
    """
    check_shares(valid_share, test_share)
    kept = bytearray(), bytearray(), bytearray()
    seen: set[bytes] = set()
    for digest in digests:
        # One byte for each document and split, whatever becomes of it.
        for flags in kept:
            flags.append(0)
        if digest in held_out:
            counts[_HELD_OUT] += 1
        elif digest in seen:
            counts[_DUPLICATES] += 1
        else:
            seen.add(digest)
            draw = uniform(seed, "document-split", digest)
            kept[2 if draw < test_share else 1 if draw < test_share + valid_share else 0][-1] = 1
    sizes = [flags.count(1) for flags in kept]
    names = ("training", "validation", "test")
    for name, share, size in zip(names, (1, valid_share, test_share), sizes, strict=True):
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
    """Make three sets disjoint: test keeps common texts, validation keeps those in common with training.

    `digests` are those of each document of the files of training, validation and test, and `flags` say which
    belong to the set; the first of equal texts is kept. Documents that equal a held-out task text leave
    training and validation, which train and select models; test keeps them. Counts what left. A `DataError`
    if nothing is left of a set that held documents, or (`has_train`) to train on.
    """
    nothing: AbstractSet[bytes] = frozenset()
    test_kept, in_test = _first_of_each("test", digests[2], flags[2], {}, nothing, counts)
    elsewhere = dict.fromkeys(in_test, "validation documents that stand in test")
    valid_kept, in_valid = _first_of_each("validation", digests[1], flags[1], elsewhere, held_out, counts)
    elsewhere = dict.fromkeys(in_test | in_valid, "training documents that stand in validation or test")
    train_kept, _ = _first_of_each(
        "training", digests[0], flags[0], elsewhere, held_out, counts, is_needed=has_train
    )
    return train_kept, valid_kept, test_kept


def check_shares(valid_share: float, test_share: float) -> None:
    """Raise a `UsageError` for shares that leave nothing to train on."""
    if not (0 <= valid_share < 1 and 0 <= test_share < 1 and valid_share + test_share < 1):
        shares = f"valid_share = {valid_share} and test_share = {test_share}"
        raise UsageError(f"{shares} must be 0 or more and below 1 in all", hint="5 % each is usual: 0.05")


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
    """Return which of the flagged documents are nowhere else, and the hashes of all flagged ones."""
    kept, seen, left_out = bytearray(len(flags)), set(), Counter[str]()
    for number, digest in compress(enumerate(digests), flags):
        if digest in held_out:
            left_out[_HELD_OUT] += 1
        elif digest in elsewhere:
            left_out[elsewhere[digest]] += 1
        elif digest in seen:
            left_out[_DUPLICATES] += 1
        else:
            kept[number] = 1
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
    hint = "give more documents (in .txt files blank lines separate them), other shares, or a file per split"
    return DataError(message, hint=hint)
