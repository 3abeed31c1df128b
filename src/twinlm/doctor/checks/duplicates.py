"""Texts and lines that stand in the corpus more than once, but for case and white space.

Near duplicates are looked for in doctor/checks/near_duplicates.py; Lee et al. 2022 ("Deduplicating training
data makes language models better") measured what both kinds do.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twinlm.data.text.splits import SPLITS
from twinlm.doctor.checks.findings import MOST_EXAMPLES, Checked, Finding, excerpt, folded, level_of
from twinlm.doctor.checks.reading import Seen

COPIED_SHARE = 0.01
"""Of the text, from which on copies are worth a warning: headings are copies, and short."""
BOILERPLATE_SHARE = 0.01
"""Of the characters, from which on repeated lines are worth a warning."""
LEAST_DOCUMENTS = 10
"""A line must stand in so many documents, and in `LEAST_DOCUMENT_SHARE` of them, to be boilerplate."""
LEAST_DOCUMENT_SHARE = 0.005

_WHY = "GPT and BERT learn by heart what they read several times, and the budget for the rest is smaller"
_WHY_ACROSS = "the loss on held-out text looks better than it is, because some of it was learned"


class Copies:
    """Notes hash, length and place of every document of the corpus: 29 bytes for each."""

    def __init__(self) -> None:
        self._digests = array("Q")
        self._splits = array("B")
        self._characters = array("q")
        self._lines = array("q")
        self._files = array("i")
        self._numbers: dict[str, int] = {}

    def see(self, document: Seen) -> None:
        """Note one document."""
        file, _, line = document.source.rpartition(":")
        self._digests.append(document.digest)
        self._splits.append(SPLITS.index(document.split))
        self._characters.append(len(document.text))
        self._files.append(self._numbers.setdefault(file, len(self._numbers)))
        self._lines.append(int(line))

    def checked(self, kept: Sequence[Seen]) -> Checked:
        """Return which documents are copies.

        Args:
            kept: documents whose text is still there, to show pieces of it.
        """
        texts = {document.digest: document.text for document in reversed(kept)}
        digests_N = np.frombuffer(self._digests, np.uint64)
        splits_N = np.frombuffer(self._splits, np.uint8)
        order_N = np.argsort(digests_N, kind="stable")
        bounds = [0, *(np.flatnonzero(np.diff(digests_N[order_N])) + 1).tolist(), len(order_N)]
        groups = [order_N[begin:end] for begin, end in pairwise(bounds) if end - begin > 1]
        groups.sort(key=len, reverse=True)
        facts: dict[str, int] = {}
        findings = []
        for number, split in enumerate(SPLITS):
            within = [group[splits_N[group] == number] for group in groups]
            within = [group for group in within if len(group) > 1]
            if within:
                copies_N = np.concatenate([group[1:] for group in within])
                facts[f"copies in {split}"] = len(copies_N)
                findings.append(self._finding(split, "", copies_N, self._examples(within, texts)))
        for held_out, other in ((2, 0), (1, 0), (2, 1)):
            across = [group for group in groups if {held_out, other} <= {*splits_N[group].tolist()}]
            if across:
                copies_N = np.concatenate([group[splits_N[group] == held_out] for group in across])
                facts[f"documents of {SPLITS[held_out]} that stand in {SPLITS[other]}"] = len(copies_N)
                examples = self._examples(across, texts)
                findings.append(self._finding(SPLITS[held_out], SPLITS[other], copies_N, examples))
        return Checked(facts, tuple(findings))

    def _finding(
        self, split: str, other: str, copies_N: NDArray[np.int64], examples: tuple[str, ...]
    ) -> Finding:
        """Return what to say of copies within a split, or of those that stand in another one."""
        is_here_N = np.frombuffer(self._splits, np.uint8) == SPLITS.index(split)
        characters_N = np.frombuffer(self._characters, np.int64)
        share = float(characters_N[copies_N].sum() / characters_N[is_here_N].sum())
        does = f"also stand in corpus.{other}" if other else "are copies of others there"
        does_run = f"takes them out of {other}" if other else "leaves them out"
        return Finding(
            level=level_of(share, COPIED_SHARE),
            where=f"corpus.{split}",
            message=f"{len(copies_N):,} of {is_here_N.sum():,} documents {does}, {share:.1%} of its text",
            why=_WHY_ACROSS if other else _WHY,
            hint=f"nothing, if they are equal but for white space: the run {does_run}; in other case it "
            "keeps both",
            examples=examples,
        )

    def _examples(self, groups: Sequence[NDArray[np.int64]], texts: Mapping[int, str]) -> tuple[str, ...]:
        files = list(self._numbers)
        shown = []
        for group in groups[:MOST_EXAMPLES]:
            places = [f"{files[self._files[place]]}:{self._lines[place]}" for place in group.tolist()]
            more = f" and {len(places) - 3:,} more" if len(places) > 3 else ""
            text = texts.get(self._digests[int(group[0])], "")
            shown.append(", ".join(places[:3]) + more + (f" {excerpt(text)}" if text else ""))
        return tuple(shown)


def repeated_lines(documents: Sequence[Seen]) -> Checked:
    """Return which lines stand in many documents: headers, menus, licences.

    Args:
        documents: to look at. Those of one line are left to `Copies`.
    """
    digests, owners = array("q"), array("q")
    for number, document in enumerate(documents):
        for line in set(_lines(document.text)):
            digests.append(hash(line))
            owners.append(number)
    least = max(LEAST_DOCUMENTS, LEAST_DOCUMENT_SHARE * len(documents))
    found_N, times_N = np.unique(np.frombuffer(digests, np.int64), return_counts=True)
    frequent = set(found_N[times_N >= least].tolist())
    characters = sum(len(document.text) for document in documents)
    if not frequent:
        return Checked({"repeated lines": 0, "share of the text": 0.0})
    counts: dict[str, list[int]] = {}
    for number, document in enumerate(documents):
        for line in _lines(document.text):
            if hash(line) in frequent:
                counts.setdefault(line, []).append(number)
    share = sum(len(line) * len(numbers) for line, numbers in counts.items()) / characters
    worst = sorted(counts.items(), key=lambda item: -len(item[0]) * len(item[1]))[:MOST_EXAMPLES]
    finding = Finding(
        level=level_of(share, BOILERPLATE_SHARE),
        where="corpus",
        message=f"{len(counts):,} lines stand in {least:,.0f} documents or more each, {share:.1%} of the "
        "text",
        why="such lines are easy to guess: losses look better, and a random pair of BERT's is given away "
        "by them",
        hint="remove headers, menus and licences, or whatever is no text of its own",
        examples=tuple(
            f"{len(set(numbers)):,} documents, such as {documents[numbers[0]].source} {excerpt(line)}"
            for line, numbers in worst
        ),
    )
    return Checked({"repeated lines": len(counts), "share of the text": round(share, 6)}, (finding,))


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a document of several lines, folded, without short ones such as "}" or "***"."""
    lines: Iterable[str] = text.split("\n") if "\n" in text else ()
    return (line for line in map(folded, lines) if sum(map(str.isalnum, line[:40])) >= 4)
