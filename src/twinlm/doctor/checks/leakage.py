"""Held-out texts of the tasks that stand in the corpus, whole or by a run of 13 words.

13 words in a row are what Brown et al. 2020 (GPT-3, appendix C) call contamination.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlm.data.text.splits import SPLITS
from twinlm.doctor.checks.findings import MOST_EXAMPLES, Checked, Finding, excerpt, level_of, words_of
from twinlm.doctor.checks.reading import Seen

RUN_WORDS = 13
LEAST_WORDS = 6
"""Shorter texts are not looked for: they stand in much that has nothing to do with the task."""
PROBLEM_SHARE = 0.05
"""Of a task's held-out texts that stand in the corpus whole, from which on it is a problem."""
WARNING_SHARE = 0.005

_WORDS_AT_ONCE = 1 << 17
_FACTOR = 6364136223846793005


@dataclass(frozen=True, slots=True)
class Target:
    """A held-out text to look for."""

    task: str
    """The task it is of."""
    source: str
    """Where it stands."""
    text: str
    """What it says."""


class TaskSearch:
    """Looks for held-out texts in every document that pre-training reads.

    The hash of six words in a row is looked up among those that a text's runs of 13 words begin with (or a
    shorter text); words decide. Memory: 20 bytes and a word for each word of the targets.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = targets
        self._words = [words_of(target.text) for target in targets]
        hashes, owners, offsets = [np.empty(0, np.uint64)], [np.empty(0, np.int32)], [np.empty(0, np.int32)]
        for number, words in enumerate(self._words):
            if len(words) >= LEAST_WORDS:
                runs = max(1, len(words) - RUN_WORDS + 1)
                hashes.append(_run_hashes(words)[:runs])
                owners.append(np.full(runs, number, np.int32))
                offsets.append(np.arange(runs, dtype=np.int32))
        joined_N = np.concatenate(hashes)
        order_N = np.argsort(joined_N, kind="stable")
        self._hashes_N = joined_N[order_N]
        self._owners_N = np.concatenate(owners)[order_N]
        self._offsets_N = np.concatenate(offsets)[order_N]
        self._runs: dict[int, str] = {}
        self._wholes: dict[int, str] = {}
        self._waiting: list[tuple[Seen, list[str]]] = []
        self._waiting_words = 0

    def see(self, document: Seen) -> None:
        """Look through one document to train on, or put it by to look through several at once."""
        if document.split != SPLITS[0]:
            return
        words = words_of(document.text)
        self._waiting.append((document, words))
        self._waiting_words += len(words)
        if self._waiting_words >= _WORDS_AT_ONCE:
            self._search()

    def checked(self) -> Mapping[str, Checked]:
        """Return what was found, by task."""
        self._search()
        return {name: self._of_task(name) for name in dict.fromkeys(target.task for target in self.targets)}

    def _search(self) -> None:
        """Look through the documents that were put by."""
        words = [word for _, some in self._waiting for word in [*some, ""]]
        starts_E = np.cumsum([0, *(len(some) + 1 for _, some in self._waiting)])
        if len(words) >= LEAST_WORDS and len(self._hashes_N):
            hashes_N = _run_hashes(words)
            lows_N = np.searchsorted(self._hashes_N, hashes_N)
            hits = np.flatnonzero(self._hashes_N[np.minimum(lows_N, len(self._hashes_N) - 1)] == hashes_N)
            for place in hits.tolist():
                document = self._waiting[int(np.searchsorted(starts_E, place, side="right")) - 1][0]
                self._look(words, place, int(lows_N[place]), document.source)
        self._waiting, self._waiting_words = [], 0

    def _look(self, words: list[str], place: int, low: int, source: str) -> None:
        """Compare the words at a place of the corpus with all targets that begin with the same hash."""
        last = int(np.searchsorted(self._hashes_N, self._hashes_N[low], side="right"))
        for owner, offset in zip(
            self._owners_N[low:last].tolist(), self._offsets_N[low:last].tolist(), strict=True
        ):
            wanted = self._words[owner]
            run = wanted[offset : offset + RUN_WORDS]
            if owner not in self._runs and words[place : place + len(run)] == run:
                self._runs[owner] = source
            if not offset and owner not in self._wholes and words[place : place + len(wanted)] == wanted:
                self._wholes[owner] = source

    def _of_task(self, name: str) -> Checked:
        owners = [number for number, target in enumerate(self.targets) if target.task == name]
        long_enough = [number for number in owners if len(self._words[number]) >= LEAST_WORDS]
        wholes = [number for number in long_enough if number in self._wholes]
        runs = [number for number in long_enough if number in self._runs and number not in self._wholes]
        facts = {
            "held-out texts": len(owners),
            "too short to look for": len(owners) - len(long_enough),
            "whole in the corpus": len(wholes),
            f"only a run of {RUN_WORDS} words in the corpus": len(runs),
        }
        findings = []
        if wholes:
            share = len(wholes) / len(owners)
            findings.append(
                Finding(
                    level="problem" if share >= PROBLEM_SHARE else level_of(share, WARNING_SHARE),
                    where=f"task {name}",
                    message=f"{len(wholes):,} of {len(owners):,} validation and test texts stand in the "
                    "corpus, "
                    f"word for word ({share:.1%})",
                    why="both models have read what they are tested on, and BERT may remember other parts "
                    "than GPT",
                    hint="take these texts out of the corpus; the run leaves out documents that are such a "
                    "text and "
                    "nothing else",
                    examples=self._examples(wholes, self._wholes),
                )
            )
        if runs:
            share = len(runs) / len(owners)
            findings.append(
                Finding(
                    level=level_of(share, WARNING_SHARE),
                    where=f"task {name}",
                    message=f"{len(runs):,} of {len(owners):,} validation and test texts share {RUN_WORDS} "
                    "words in a "
                    f"row with the corpus ({share:.1%})",
                    why="parts of what is tested were read before; quotations and formulas do that, and "
                    "sources in "
                    "common",
                    hint="look at a few; take the texts out of the corpus if it is their source",
                    examples=self._examples(runs, self._runs),
                )
            )
        return Checked(facts, tuple(findings))

    def _examples(self, owners: Sequence[int], sources: Mapping[int, str]) -> tuple[str, ...]:
        return tuple(
            f"{self.targets[owner].source} in {sources[owner]} {excerpt(self.targets[owner].text)}"
            for owner in owners[:MOST_EXAMPLES]
        )


def _run_hashes(words: Sequence[str]) -> NDArray[np.uint64]:
    """Return the hash of each six words in a row."""
    each_N = np.fromiter(map(hash, words), np.int64, len(words)).astype(np.uint64)
    count = len(words) - LEAST_WORDS + 1
    hashes_N = np.zeros(count, np.uint64)
    for place in range(LEAST_WORDS):
        hashes_N = hashes_N * np.uint64(_FACTOR) + each_N[place : place + count]
    return hashes_N
