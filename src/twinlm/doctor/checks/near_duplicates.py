"""Near duplicates: MinHash of runs of three words finds candidates, the sets of runs decide.

Broder 1997 ("On the resemblance and containment of documents"); `rensa` makes signatures and index.
"""

from collections.abc import Sequence
from typing import NamedTuple

from twinlm.doctor.checks.findings import MOST_EXAMPLES, Checked, Finding, excerpt, level_of, words_of
from twinlm.system.log import Progress

LEAST_SIMILARITY = 0.8  # Jaccard similarity of two texts' runs of words from which they are near duplicates
RUN_WORDS = 3
LEAST_WORDS = 8  # words of the shortest text to compare; shorter ones are left to the search for copies
MOST_WORDS = 20_000  # words of a text that are compared, from its beginning
MOST_TEXTS = 100_000
WARNING_SHARE = 0.01

_HASHES = 128
_BANDS = 16  # bands of 8 hashes: 95 % of the pairs at 0.8 become candidates, 99.8 % at 0.9, 6 % at 0.5
_MOST_CANDIDATES = 20
_AT_ONCE = 256


class Text(NamedTuple):
    """A text to compare."""

    split: str  # name of its split
    source: str  # file and row, for people
    text: str  # text to compare


class NearDuplicate(NamedTuple):
    """A text that is almost equal to an earlier one."""

    first: int  # index of the earlier text
    second: int  # index of the later text
    similarity: float  # exact Jaccard similarity of their runs of words


def find_near_duplicates(texts: Sequence[Text], progress: Progress) -> list[NearDuplicate]:
    """Return each text that is almost equal to an earlier one, with the most similar of a few such ones.

    Copies of one text are grouped around the first, which alone is kept in the index: so a thousand almost
    equal texts take a thousand comparisons. Memory: about 1 KB a text. An ImportError without rensa.
    """
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=LEAST_SIMILARITY, num_perm=_HASHES, num_bands=_BANDS)
    duplicates = []
    progress.start("looking for near duplicates", len(texts), "texts")
    for begin in range(0, len(texts), _AT_ONCE):
        runs = [_runs(text.text) for text in texts[begin : begin + _AT_ONCE]]
        signatures = RMinHash.from_token_sets([list(some) for some in runs], num_perm=_HASHES, seed=0)
        for number, (some, signature) in enumerate(zip(runs, signatures, strict=True), begin):
            if not some:
                continue
            candidates = sorted(index.query(signature))[:_MOST_CANDIDATES]
            alike = [(_similarity(some, _runs(texts[other].text)), -other) for other in candidates]
            similarity, other = max(alike, default=(0.0, 0))
            if similarity >= LEAST_SIMILARITY:
                duplicates.append(NearDuplicate(-other, number, similarity))
            else:
                index.insert(number, signature)
        progress.advance(min(len(texts), begin + _AT_ONCE), found=len(duplicates))
    progress.finish()
    return duplicates


def check_near_duplicates(
    where: str, texts: Sequence[Text], progress: Progress, *, is_all: bool = True
) -> Checked:
    """Check for texts that are almost copies, within a split and across splits.

    `texts` holds no exact copies, the test split first so that its texts stay; `is_all` if it is no sample.
    """
    compared = texts[:MOST_TEXTS]
    try:
        pairs = find_near_duplicates(compared, progress)
    except ImportError:
        message = "near duplicates were not looked for: the package rensa is not installed"
        finding = Finding("note", where, message, hint="pip install 'twinlm[data]'")
        return Checked({"looked at": 0}, (finding,))
    is_all = is_all and len(compared) == len(texts)
    of = f"{len(compared):,} texts" if is_all else f"a sample of {len(compared):,} texts"
    crossing = [pair for pair in pairs if compared[pair.first].split != compared[pair.second].split]
    inside = [pair for pair in pairs if compared[pair.first].split == compared[pair.second].split]
    facts = {
        "looked at": len(compared),
        "is all": is_all,
        "least similarity": LEAST_SIMILARITY,
        "within a split": len(inside),
        "across splits": len(crossing),
    }
    why = "scores on held-out texts look better, most for the model that memorizes"
    effects = {
        "within one split": (inside, "models memorize what they read several times"),
        "across splits": (crossing, why),
    }
    hint = "remove them from the training data; the run leaves out exact copies only"
    similar = f"(Jaccard similarity of {LEAST_SIMILARITY} or more)"
    findings = []
    for kind, (some, why) in effects.items():
        if some:
            message = f"{len(some):,} of {of} are near duplicates of others {kind} {similar}"
            level = level_of(len(some) / len(compared), WARNING_SHARE)
            findings.append(Finding(level, where, message, why, hint, _examples(compared, some)))
    return Checked(facts, tuple(findings))


def _examples(texts: Sequence[Text], pairs: Sequence[NearDuplicate]) -> tuple[str, ...]:
    shown = sorted(pairs, key=lambda pair: (-pair.similarity, pair.second))[:MOST_EXAMPLES]
    return tuple(
        f"{texts[pair.second].source} is {100 * pair.similarity:.0f} % like {texts[pair.first].source} "
        f"{excerpt(texts[pair.second].text)}"
        for pair in shown
    )


def _runs(text: str) -> set[str]:
    # 16 characters a word are plenty, and a huge text is not split whole.
    words = words_of(text[: MOST_WORDS * 16])[:MOST_WORDS]
    if len(words) < LEAST_WORDS:
        return set()
    return {" ".join(words[begin : begin + RUN_WORDS]) for begin in range(len(words) - RUN_WORDS + 1)}


def _similarity(first: set[str], second: set[str]) -> float:
    both = len(first & second)
    return both / (len(first) + len(second) - both)
