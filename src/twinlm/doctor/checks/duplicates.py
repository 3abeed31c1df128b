"""Texts and lines that come more than once in the corpus, ignoring case and white space (Lee et al. 2022)."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twinlm.data.text.splits import SPLITS
from twinlm.doctor.checks.findings import MOST_EXAMPLES, Checked, Finding, excerpt, folded, level_of
from twinlm.doctor.checks.reading import Seen

COPIED_SHARE = 0.01  # share of the text from which copies are a warning: headings are copies too, but short
BOILERPLATE_SHARE = 0.01  # share of the characters from which repeated lines are a warning
LEAST_DOCUMENTS, LEAST_DOCUMENT_SHARE = 10, 0.005  # a line in at least so many of them is boilerplate

_WHY = "GPT and BERT memorize what they read several times, and the budget for the rest is smaller"
_WHY_ACROSS = "the loss on held-out text looks better than it is, because some of it was memorized"


class Copies:
    """Notes hash, length, file and line of every document of the corpus, 29 bytes for each."""

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
        """Return the copies; `kept` are documents whose texts can be shown."""
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
        is_here_N = np.frombuffer(self._splits, np.uint8) == SPLITS.index(split)
        characters_N = np.frombuffer(self._characters, np.int64)
        share = float(characters_N[copies_N].sum() / characters_N[is_here_N].sum())
        relation = f"are also in corpus.{other}" if other else "are copies of others there"
        action = f"takes them out of {other}" if other else "leaves them out"
        message = (
            f"{len(copies_N):,} of {is_here_N.sum():,} documents {relation}, {100 * share:.1f} % of its text"
        )
        hint = f"none needed if they differ only in white space: the run {action}; if they differ in case, "
        hint += "the run keeps both"
        why = _WHY_ACROSS if other else _WHY
        return Finding(level_of(share, COPIED_SHARE), f"corpus.{split}", message, why, hint, examples)

    def _examples(self, groups: Sequence[NDArray[np.int64]], texts: Mapping[int, str]) -> tuple[str, ...]:
        files = list(self._numbers)
        shown = []
        for group in groups[:MOST_EXAMPLES]:
            sources = [f"{files[self._files[number]]}:{self._lines[number]}" for number in group.tolist()]
            more = f" and {len(sources) - 3:,} more" if len(sources) > 3 else ""
            text = texts.get(self._digests[int(group[0])], "")
            shown.append(", ".join(sources[:3]) + more + (f" {excerpt(text)}" if text else ""))
        return tuple(shown)


def repeated_lines(documents: Sequence[Seen]) -> Checked:
    """Return the lines of many documents: headers, menus, licences. Documents of one line do not count."""
    # hash() differs from process to process, but these values never leave this one.
    digests = array("q", (hash(line) for document in documents for line in set(_lines(document.text))))
    least = max(LEAST_DOCUMENTS, LEAST_DOCUMENT_SHARE * len(documents))
    hashes_N, times_N = np.unique(np.frombuffer(digests, np.int64), return_counts=True)
    frequent = set(hashes_N[times_N >= least].tolist())
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
    message = (
        f"{len(counts):,} lines are in {least:,.0f} documents or more each, {100 * share:.1f} % of the text"
    )
    why = "such lines are easy to predict: losses look better, and they give away BERT's random pairs"
    hint = "remove headers, menus, licences and other text that is repeated"
    examples = tuple(
        f"{len(set(numbers)):,} documents, such as {documents[numbers[0]].source} {excerpt(line)}"
        for line, numbers in worst
    )
    finding = Finding(level_of(share, BOILERPLATE_SHARE), "corpus", message, why, hint, examples)
    return Checked({"repeated lines": len(counts), "share of the text": round(share, 6)}, (finding,))


def _lines(text: str) -> Iterator[str]:
    """Yield the folded lines of a document of several lines, except short ones such as "}" or "***"."""
    lines: Iterable[str] = text.split("\n") if "\n" in text else ()
    return (line for line in map(folded, lines) if sum(map(str.isalnum, line[:40])) >= 4)
