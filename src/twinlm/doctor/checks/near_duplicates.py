"""Texts that are almost copies: MinHash of their runs of three words finds candidates, sets of runs decide.

Broder 1997 ("On the resemblance and containment of documents"). The library `rensa` makes signatures and
index; it is in the extra [data].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from twinlm.doctor.checks.findings import MOST_EXAMPLES, Checked, Finding, excerpt, level_of, words_of
from twinlm.system.log import Progress

LEAST_SIMILARITY = 0.8
"""Jaccard similarity of two texts' runs of words, from which on they are near duplicates."""
RUN_WORDS = 3
LEAST_WORDS = 8
"""Shorter texts are left to the search for copies."""
MOST_WORDS = 20_000
"""A longer text is compared by its beginning."""
MOST_TEXTS = 100_000
WARNING_SHARE = 0.01

_HASHES = 128
_BANDS = 16  # bands of 8 hashes: 95 % of the pairs at 0.8 become candidates, 99.8 % at 0.9, 6 % at 0.5
_MOST_CANDIDATES = 20
_AT_ONCE = 256


class Text(NamedTuple):
    """A text to compare."""

    split: str
    """The part of the data that it is of."""
    source: str
    """Where it stands."""
    text: str
    """What it says."""


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """A text that an earlier one is almost equal to."""

    first: int
    """The place of the earlier text among those that were given."""
    second: int
    """The place of the other."""
    similarity: float
    """Jaccard similarity of their runs of words, exactly."""


def find_near_duplicates(texts: Sequence[Text], progress: Progress) -> list[NearDuplicate]:
    """Return for each text that an earlier one is almost equal to the most similar of a few such ones.

    Copies of one text are grouped around the first, which alone is kept in the index: so a thousand almost
    equal texts take a thousand comparisons. Memory: the index, about 1 KB a text.

    Args:
        texts: in the order of who stays; equal ones are found too.
        progress: where to report.

    Raises:
        ImportError: rensa is not installed.
    """
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=LEAST_SIMILARITY, num_perm=_HASHES, num_bands=_BANDS)
    found = []
    progress.start("looking for near duplicates", len(texts), "texts")
    for begin in range(0, len(texts), _AT_ONCE):
        runs = [_runs(text.text) for text in texts[begin : begin + _AT_ONCE]]
        signatures = RMinHash.from_token_sets([list(some) for some in runs], num_perm=_HASHES, seed=0)
        for place, (some, signature) in enumerate(zip(runs, signatures, strict=True), begin):
            if not some:
                continue
            candidates = sorted(index.query(signature))[:_MOST_CANDIDATES]
            alike = [(_similarity(some, _runs(texts[other].text)), -other) for other in candidates]
            similarity, other = max(alike, default=(0.0, 0))
            if similarity >= LEAST_SIMILARITY:
                found.append(NearDuplicate(-other, place, similarity))
            else:
                index.insert(place, signature)
        progress.advance(min(len(texts), begin + _AT_ONCE), found=len(found))
    progress.finish()
    return found


def check_near_duplicates(
    where: str, texts: Sequence[Text], progress: Progress, *, is_all: bool = True
) -> Checked:
    """Say which texts are almost copies, within a split and across splits.

    Args:
        where: the corpus or a task.
        texts: those that stay first, the test split before the others; no exact copies.
        progress: where to report.
        is_all: whether these are all texts, not a sample.
    """
    given = texts[:MOST_TEXTS]
    try:
        pairs = find_near_duplicates(given, progress)
    except ImportError:
        return Checked({"looked at": 0}, (_missing(where),))
    is_all = is_all and len(given) == len(texts)
    of = f"{len(given):,} texts" if is_all else f"a sample of {len(given):,} texts"
    crossing = [pair for pair in pairs if given[pair.first].split != given[pair.second].split]
    inside = [pair for pair in pairs if given[pair.first].split == given[pair.second].split]
    facts = {
        "looked at": len(given),
        "is all": is_all,
        "least similarity": LEAST_SIMILARITY,
        "within a split": len(inside),
        "across splits": len(crossing),
    }
    found = {
        "within one split": (
            inside,
            "models learn by heart what they read several times; remove all but one",
        ),
        "across splits": (
            crossing,
            "scores on held-out texts look better than they are, for the model that remembers more",
        ),
    }
    findings = []
    for kind, (some, why) in found.items():
        if some:
            findings.append(
                Finding(
                    level=level_of(len(some) / len(given), WARNING_SHARE),
                    where=where,
                    message=f"{len(some):,} of {of} are near duplicates of others {kind} "
                    f"(Jaccard similarity of {LEAST_SIMILARITY} or more)",
                    why=why,
                    hint="remove them from what is trained on; the run leaves out exact copies only",
                    examples=_examples(given, some),
                )
            )
    return Checked(facts, tuple(findings))


def _examples(texts: Sequence[Text], pairs: Sequence[NearDuplicate]) -> tuple[str, ...]:
    shown = sorted(pairs, key=lambda pair: (-pair.similarity, pair.second))[:MOST_EXAMPLES]
    return tuple(
        f"{texts[pair.second].source} is {pair.similarity:.0%} like {texts[pair.first].source} "
        f"{excerpt(texts[pair.second].text)}"
        for pair in shown
    )


def _runs(text: str) -> set[str]:
    """Return the runs of three words of a text, none of a short one."""
    words = words_of(text[: MOST_WORDS * 16])[:MOST_WORDS]
    if len(words) < LEAST_WORDS:
        return set()
    return {" ".join(words[place : place + RUN_WORDS]) for place in range(len(words) - RUN_WORDS + 1)}


def _similarity(first: set[str], second: set[str]) -> float:
    both = len(first & second)
    return both / (len(first) + len(second) - both)


def _missing(where: str) -> Finding:
    return Finding(
        level="note",
        where=where,
        message="near duplicates were not looked for: the package rensa is not installed",
        hint="pip install 'twinlm[data]'",
    )
