"""Minimal pairs made from any held-out text, without labels and in any language.

    word_order       "Then the dog slept."          two near words of a sentence are swapped
    number_swap      "It opened in 1931."           another number of the same form
    name_swap        "... met Ada in Paris."        another name, of another document
    sentence_order   "It rained. They left."        two neighbouring sentences are swapped

The right text is in the documents; the wrong one is nowhere in them. That makes it unlikely rather than
wrong: no model, and no reader, gets all of them right. Read next: data/probes/gaps_from_text.py.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np

from twinlm import rng
from twinlm.data.probes.minimal_pairs import MinimalPair
from twinlm.data.probes.words import (
    Span,
    casing,
    find_names,
    find_numbers,
    find_words,
    number_form,
    replaced,
    swapped,
)
from twinlm.data.text.sentences import split_sentences
from twinlm.system.arguments import checked
from twinlm.system.log import Progress, Silent

LEAST_WORDS = 4
MOST_CHARACTERS = 200  # of a sentence: two are about 100 tokens, which small models can read
_Item = TypeVar("_Item")
_NEAR = 2
_TRIES = 20


class OwnPairs(NamedTuple):
    """Pairs in the order of the phenomena, and notes on phenomena with fewer than were requested."""

    pairs: tuple[MinimalPair, ...]
    notes: tuple[str, ...]


class Site(NamedTuple):
    """Number of a document, and of a sentence within it."""

    document: int
    sentence: int


class Source:
    """Held-out documents and their sentences, split when first needed."""

    def __init__(self, documents: Sequence[str]) -> None:
        self.documents = documents
        self._sentences: dict[int, list[str]] = {}

    @cached_property
    def whole(self) -> str:
        """All text, to search for what must be nowhere in it."""
        return "\n\n".join(self.documents)

    @cached_property
    def small_words(self) -> frozenset[str]:
        """Words that are in small letters somewhere: "The", as in a title, is no name."""
        return frozenset(span.text for span in find_words(self.whole) if span.text == span.text.lower())

    @cached_property
    def numbers(self) -> dict[str, list[str]]:
        """Numbers by form, repeated as in the text, so that usual ones are drawn more often."""
        numbers: dict[str, list[str]] = defaultdict(list)
        for span in find_numbers(self.whole):
            numbers[number_form(span.text)].append(span.text)
        return dict(numbers)

    @cached_property
    def names(self) -> dict[tuple[str, int], list[str]]:
        """Names by casing and by frequency in powers of two."""
        # A name of like frequency takes its place, so that frequency does not tell.
        words = (span.text for span in find_names(self.whole))
        counts = Counter(word for word in words if word.lower() not in self.small_words)
        names: dict[tuple[str, int], list[str]] = defaultdict(list)
        for name, times in sorted(counts.items()):
            names[casing(name), times.bit_length()].append(name)
        return dict(names)

    @cached_property
    def name_keys(self) -> dict[str, tuple[str, int]]:
        """Key of each name in `names`."""
        return {name: key for key, names in self.names.items() for name in names}

    def sentences(self, document: int) -> list[str]:
        """Return the sentences of a document, each with the white space before it."""
        if document not in self._sentences:
            self._sentences[document] = split_sentences(self.documents[document])
        return self._sentences[document]

    def usable(self, site: Site) -> str:
        """Return a sentence without white space around it; "" if it is too short, too long or absent."""
        sentences = self.sentences(site.document)
        text = sentences[site.sentence].strip() if 0 <= site.sentence < len(sentences) else ""
        is_fit = len(text) <= MOST_CHARACTERS and len(find_words(text)) >= LEAST_WORDS
        return text if is_fit else ""

    def before(self, site: Site) -> str:
        """Return the sentence before, as context, with the white space after it; "" if it is not usable."""
        previous = self.usable(Site(site.document, site.sentence - 1))
        return previous + self.gap(site) if previous else ""

    def gap(self, site: Site) -> str:
        """Return the white space between a sentence and the one before."""
        before, sentence = self.sentences(site.document)[site.sentence - 1 : site.sentence + 1]
        return before[len(before.rstrip()) :] + sentence[: len(sentence) - len(sentence.lstrip())]

    def sites(self, seed: int, purpose: str) -> Iterator[Site]:
        """Yield every sentence once in a random order: one of each document before the second of any."""
        order = rng.stream(seed, purpose, "documents").permutation(len(self.documents)).tolist()
        waiting = {number: self._shuffled(number, seed, purpose) for number in order}
        while waiting:
            for number in list(waiting):
                site = next(waiting[number], None)
                if site is None:
                    del waiting[number]
                else:
                    yield site

    def _shuffled(self, document: int, seed: int, purpose: str) -> Iterator[Site]:
        count = len(self.sentences(document))
        for sentence in rng.stream(seed, purpose, "sentences", document).permutation(count).tolist():
            yield Site(document, sentence)


@dataclass(frozen=True, slots=True)
class _Candidate:
    good: str
    bad: str
    changed: str  # the part of the wrong text that must be nowhere in the documents


_Maker = Callable[[Source, Site, np.random.Generator], Iterator[_Candidate]]
"""Function that yields the pairs that can be made of a sentence, the first choice first."""


@checked
def make_pairs(
    documents: Sequence[str], *, count: int, seed: int, progress: Progress | None = None
) -> OwnPairs:
    """Make pairs of each phenomenon, at most one from each sentence.

    The same documents and seed give the same pairs, whatever model they are for.

    Args:
        documents: held-out texts.
        count: number of pairs of each phenomenon; a note says if the documents give fewer.
        seed: another seed takes other sentences.
        progress: where to report.
    """
    source, progress = Source(documents), progress or Silent()
    pairs: list[MinimalPair] = []
    notes = []
    progress.start("making pairs", count * len(_MAKERS), "pairs")
    for number, phenomenon in enumerate(_MAKERS):
        made = 0
        for good, bad in _pairs_of(source, phenomenon, count, seed):
            made += 1
            pairs.append(MinimalPair(f"{phenomenon}-{made}", good, bad, phenomenon))
            progress.advance(number * count + made)
        if made < count:
            share = f"{made:,} of {count:,} pairs could be made of {len(documents):,} documents"
            notes.append(f"{phenomenon}: {share}")
    progress.finish()
    return OwnPairs(tuple(pairs), tuple(notes))


def _pairs_of(source: Source, phenomenon: str, count: int, seed: int) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for site in source.sites(seed, phenomenon):
        if len(seen) == count:
            return
        if not source.usable(site):
            continue
        chance = rng.stream(seed, phenomenon, site.document, site.sentence)
        for candidate in _MAKERS[phenomenon](source, site, chance):
            if candidate.bad not in seen and candidate.changed not in source.whole:
                seen.add(candidate.bad)
                yield candidate.good, candidate.bad
                break


def _word_order(source: Source, site: Site, chance: np.random.Generator) -> Iterator[_Candidate]:
    """Swap words that adjoin or have one word between; never the first, whose capital would tell."""
    text = source.usable(site)
    words = find_words(text)
    swaps = [
        (words[first], words[second])
        for first in range(1, len(words))
        for second in range(first + 1, min(first + _NEAR + 1, len(words)))
        if _is_unbroken(text, words[first : second + 1])
        and words[first].text.lower() != words[second].text.lower()
    ]
    for first, second in _shuffled(swaps, chance):
        bad = swapped(text, first, second)
        yield _Candidate(text, bad, bad)


def _shuffled(items: Sequence[_Item], chance: np.random.Generator) -> Iterator[_Item]:
    for index in chance.permutation(len(items))[:_TRIES].tolist():
        yield items[index]


def _is_unbroken(text: str, words: Sequence[Span]) -> bool:
    return not any(text[a.end : b.begin].strip() for a, b in pairwise(words))


def _number_swap(source: Source, site: Site, chance: np.random.Generator) -> Iterator[_Candidate]:
    with_context = source.before(site) + source.usable(site)
    numbers = find_numbers(source.usable(site))
    for span in _shuffled(numbers, chance):
        others = source.numbers.get(number_form(span.text), [])
        yield from _with_another(source, site, span, _shuffled(others, chance), absent_from=with_context)


def _name_swap(source: Source, site: Site, chance: np.random.Generator) -> Iterator[_Candidate]:
    names = [span for span in find_names(source.usable(site)) if span.text in source.name_keys]
    for span in _shuffled(names, chance):
        others = _shuffled(source.names[source.name_keys[span.text]], chance)
        document = source.documents[site.document]
        yield from _with_another(source, site, span, others, absent_from=document)


def _with_another(
    source: Source, site: Site, span: Span, others: Iterator[str], *, absent_from: str
) -> Iterator[_Candidate]:
    """Replace a span by something that `absent_from` does not have; the sentence before is context."""
    text, before = source.usable(site), source.before(site)
    for other in others:
        if other not in absent_from:
            changed = replaced(text, span, other)
            yield _Candidate(before + text, before + changed, changed)


def _sentence_order(source: Source, site: Site, chance: np.random.Generator) -> Iterator[_Candidate]:
    following = Site(site.document, site.sentence + 1)
    first, second = source.usable(site), source.usable(following)
    if second:
        gap = source.gap(following)
        yield _Candidate(first + gap + second, second + gap + first, second + gap + first)


_MAKERS: dict[str, _Maker] = {
    "word_order": _word_order,
    "number_swap": _number_swap,
    "name_swap": _name_swap,
    "sentence_order": _sentence_order,
}
PHENOMENA = tuple(_MAKERS)  # names of what the pairs test
