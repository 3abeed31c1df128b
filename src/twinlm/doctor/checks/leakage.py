"""Held-out texts of tasks in the corpus, whole or by 13 words in a row (Brown et al. 2020, appendix C)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlm.data.text.splits import SPLITS
from twinlm.doctor.checks.findings import MOST_EXAMPLES, Checked, Finding, excerpt, level_of, words_of
from twinlm.doctor.checks.reading import Seen

RUN_WORDS = 13
LEAST_WORDS = 6  # words of the shortest text to search for; shorter ones are common in unrelated text
PROBLEM_SHARE = 0.05  # share of a task's held-out texts whole in the corpus from which it is a problem
WARNING_SHARE = 0.005

_WORDS_AT_ONCE = 1 << 17
_FACTOR = 6364136223846793005


@dataclass(frozen=True, slots=True)
class Target:
    """A held-out text to search for."""

    task: str  # name of its task
    source: str  # file and row, for people
    text: str  # text to search for


class TaskSearch:
    """Searches every document that pre-training reads for held-out texts.

    The hash of six words in a row finds candidates; then the words decide. Memory: 20 bytes a target's word.
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
        """Take one training document; several are searched at once."""
        if document.split != SPLITS[0]:
            return
        words = words_of(document.text)
        self._waiting.append((document, words))
        self._waiting_words += len(words)
        if self._waiting_words >= _WORDS_AT_ONCE:
            self._search()

    def checked(self) -> Mapping[str, Checked]:
        """Return the results by task."""
        self._search()
        return {name: self._of_task(name) for name in dict.fromkeys(target.task for target in self.targets)}

    def _search(self) -> None:
        # The empty word keeps a run of words from crossing into the next document.
        words = [word for _, some in self._waiting for word in [*some, ""]]
        starts_E = np.cumsum([0, *(len(some) + 1 for _, some in self._waiting)])
        if len(words) >= LEAST_WORDS and len(self._hashes_N):
            hashes_N = _run_hashes(words)
            lows_N = np.searchsorted(self._hashes_N, hashes_N)
            hits_N = np.flatnonzero(self._hashes_N[np.minimum(lows_N, len(self._hashes_N) - 1)] == hashes_N)
            for index in hits_N.tolist():
                document = self._waiting[int(np.searchsorted(starts_E, index, side="right")) - 1][0]
                self._compare(words, index, int(lows_N[index]), document.source)
        self._waiting, self._waiting_words = [], 0

    def _compare(self, words: list[str], index: int, low: int, source: str) -> None:
        last = int(np.searchsorted(self._hashes_N, self._hashes_N[low], side="right"))
        owners, offsets = (values_N[low:last].tolist() for values_N in (self._owners_N, self._offsets_N))
        for owner, offset in zip(owners, offsets, strict=True):
            wanted = self._words[owner]
            run = wanted[offset : offset + RUN_WORDS]
            if owner not in self._runs and words[index : index + len(run)] == run:
                self._runs[owner] = source
            if not offset and owner not in self._wholes and words[index : index + len(wanted)] == wanted:
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
        of = f"of {len(owners):,} validation and test texts"
        if wholes:
            share = len(wholes) / len(owners)
            message = f"{len(wholes):,} {of} are in the corpus, word for word ({100 * share:.1f} %)"
            why = "both models have read what they are tested on, and each may remember other parts of it"
            hint = (
                "remove these texts from the corpus; the run leaves out only documents that are nothing else"
            )
            level = "problem" if share >= PROBLEM_SHARE else level_of(share, WARNING_SHARE)
            examples = self._examples(wholes, self._wholes)
            findings.append(Finding(level, f"task {name}", message, why, hint, examples))
        if runs:
            share = len(runs) / len(owners)
            message = (
                f"{len(runs):,} {of} share {RUN_WORDS} words in a row with the corpus ({100 * share:.1f} %)"
            )
            why = "parts of the test were read before: quotations, formulas and common sources do that"
            hint = "look at a few; remove the texts from the corpus if it is their source"
            level, examples = level_of(share, WARNING_SHARE), self._examples(runs, self._runs)
            findings.append(Finding(level, f"task {name}", message, why, hint, examples))
        return Checked(facts, tuple(findings))

    def _examples(self, owners: Sequence[int], sources: Mapping[int, str]) -> tuple[str, ...]:
        return tuple(
            f"{self.targets[owner].source} in {sources[owner]} {excerpt(self.targets[owner].text)}"
            for owner in owners[:MOST_EXAMPLES]
        )


def _run_hashes(words: Sequence[str]) -> NDArray[np.uint64]:
    each_N = np.fromiter(map(hash, words), np.int64, len(words)).astype(np.uint64)
    count = len(words) - LEAST_WORDS + 1
    hashes_N = np.zeros(count, np.uint64)
    for offset in range(LEAST_WORDS):
        hashes_N = hashes_N * np.uint64(_FACTOR) + each_N[offset : offset + count]
    return hashes_N
