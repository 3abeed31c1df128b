"""Minimal pairs made of somebody's own held-out text, without labels and in any language.

    word_order       "Then the dog slept."          two near words of a sentence change places
    number_swap      "It opened in 1931."           another number of the same form
    name_swap        "... met Ada in Paris."        another name, of another document
    sentence_order   "It rained. They left."        two neighbouring sentences change places

The right text is what stands in the documents; the wrong one stands nowhere in them. That makes it unlikely
rather than wrong: no model, and no reader, gets all of them right. Next: data/probes/gaps_from_text.py.
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
from twinlm.system.log import Progress, Silent

LEAST_WORDS = 4
"""Of a sentence that is taken."""
MOST_CHARACTERS = 200
"""Of a sentence that is taken: two of them are about 100 tokens, which small models can read."""
_Thing = TypeVar("_Thing")
_NEAR = 2
_TRIES = 20


class OwnPairs(NamedTuple):
    """What could be made."""

    pairs: tuple[MinimalPair, ...]
    """In the order of the phenomena."""
    notes: tuple[str, ...]
    """Which phenomenon has fewer pairs than were asked for, in plain words."""


class Site(NamedTuple):
    """A sentence and where it stands."""

    document: int
    """Number of its document."""
    sentence: int
    """Number within it."""


class Source:
    """Documents and their sentences; cut when they are first asked for.

    Args:
        documents: held-out texts.
    """

    def __init__(self, documents: Sequence[str]) -> None:
        self.documents = documents
        self._sentences: dict[int, list[str]] = {}

    @cached_property
    def whole(self) -> str:
        """All text, to look for what stands somewhere."""
        return "\n\n".join(self.documents)

    @cached_property
    def small_words(self) -> frozenset[str]:
        """Words that stand somewhere in small letters: "The", as in a title, is no name."""
        return frozenset(span.text for span in find_words(self.whole) if span.text == span.text.lower())

    @cached_property
    def numbers(self) -> dict[str, list[str]]:
        """Numbers by form, as often as they stand there: so the usual ones are drawn more often."""
        found: dict[str, list[str]] = defaultdict(list)
        for span in find_numbers(self.whole):
            found[number_form(span.text)].append(span.text)
        return dict(found)

    @cached_property
    def names(self) -> dict[tuple[str, int], list[str]]:
        """Names by casing and by how often they stand there, in powers of two."""
        counts = Counter(span.text for span in find_names(self.whole) if self.is_name(span.text))
        found: dict[tuple[str, int], list[str]] = defaultdict(list)
        for name, times in sorted(counts.items()):
            found[casing(name), times.bit_length()].append(name)
        return dict(found)

    @cached_property
    def name_keys(self) -> dict[str, tuple[str, int]]:
        """For each name its key in `names`."""
        return {name: key for key, names in self.names.items() for name in names}

    def is_name(self, word: str) -> bool:
        """Tell whether a word with a capital never stands there in small letters."""
        return word.lower() not in self.small_words

    def sentences(self, document: int) -> list[str]:
        """Return the sentences of a document, white space at the front of each."""
        if document not in self._sentences:
            self._sentences[document] = split_sentences(self.documents[document])
        return self._sentences[document]

    def usable(self, site: Site) -> str:
        """Return a sentence without white space around it; "" if it is too short, too long or not there."""
        sentences = self.sentences(site.document)
        text = sentences[site.sentence].strip() if 0 <= site.sentence < len(sentences) else ""
        is_fit = len(text) <= MOST_CHARACTERS and len(find_words(text)) >= LEAST_WORDS
        return text if is_fit else ""

    def before(self, site: Site) -> str:
        """Return the sentence before, to read along, with the white space after it; "" if none fits."""
        previous = self.usable(Site(site.document, site.sentence - 1))
        return previous + self.gap(site) if previous else ""

    def gap(self, site: Site) -> str:
        """Return the white space between a sentence and the one before."""
        before, sentence = self.sentences(site.document)[site.sentence - 1 : site.sentence + 1]
        return before[len(before.rstrip()) :] + sentence[: len(sentence) - len(sentence.lstrip())]

    def sites(self, seed: int, purpose: str) -> Iterator[Site]:
        """Yield every sentence once, one of each document before the second of any, ordered by the seed."""
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
        for place in rng.stream(seed, purpose, "sentences", document).permutation(count).tolist():
            yield Site(document, place)


@dataclass(frozen=True, slots=True)
class _Made:
    good: str
    bad: str
    changed: str  # the part of the wrong text that must stand nowhere in the documents


_Maker = Callable[[Source, Site, np.random.Generator], Iterator[_Made]]
"""Yields what can be made of a sentence, the first choice first."""


def make_pairs(
    documents: Sequence[str], *, count: int, seed: int, progress: Progress | None = None
) -> OwnPairs:
    """Make pairs of each phenomenon; each sentence serves each phenomenon once at most.

    The same documents and seed give the same pairs, whatever model they are for.

    Args:
        documents: held-out texts.
        count: of pairs for each phenomenon; where the documents give fewer, a note says so.
        seed: another one takes other sentences.
        progress: where to report.
    """
    source, progress = Source(documents), progress or Silent()
    pairs: list[MinimalPair] = []
    notes = []
    progress.start("making pairs", count * len(_MAKERS), "pairs")
    for number, phenomenon in enumerate(_MAKERS):
        found: list[MinimalPair] = []
        for good, bad in _made(source, phenomenon, count, seed):
            found.append(MinimalPair(f"{phenomenon}-{len(found) + 1}", good, bad, phenomenon))
            progress.advance(number * count + len(found))
        pairs += found
        if len(found) < count:
            made = f"{len(found):,} of {count:,} pairs could be made of {len(documents):,} documents"
            notes.append(f"{phenomenon}: {made}")
    progress.finish()
    return OwnPairs(tuple(pairs), tuple(notes))


def _made(source: Source, phenomenon: str, count: int, seed: int) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for site in source.sites(seed, phenomenon):
        if len(seen) == count:
            return
        if not source.usable(site):
            continue
        chance = rng.stream(seed, phenomenon, site.document, site.sentence)
        for made in _MAKERS[phenomenon](source, site, chance):
            if made.bad not in seen and made.changed not in source.whole:
                seen.add(made.bad)
                yield made.good, made.bad
                break


def _word_order(source: Source, site: Site, chance: np.random.Generator) -> Iterator[_Made]:
    """Swap words with nothing but white space, or one word, between; never the first, whose capital tells."""
    text = source.usable(site)
    words = find_words(text)
    places = [
        (words[first], words[second])
        for first in range(1, len(words))
        for second in range(first + 1, min(first + _NEAR + 1, len(words)))
        if _is_unbroken(text, words[first : second + 1])
        and words[first].text.lower() != words[second].text.lower()
    ]
    for first, second in _shuffled(places, chance):
        bad = swapped(text, first, second)
        yield _Made(text, bad, bad)


def _shuffled(things: Sequence[_Thing], chance: np.random.Generator) -> Iterator[_Thing]:
    """Yield some of the things in a random order; who finds nothing among them gives up."""
    for place in chance.permutation(len(things))[:_TRIES].tolist():
        yield things[place]


def _is_unbroken(text: str, words: Sequence[Span]) -> bool:
    return not any(text[a.end : b.begin].strip() for a, b in pairwise(words))


def _number_swap(source: Source, site: Site, chance: np.random.Generator) -> Iterator[_Made]:
    read = source.before(site) + source.usable(site)
    numbers = find_numbers(source.usable(site))
    for span in _shuffled(numbers, chance):
        others = source.numbers.get(number_form(span.text), [])
        yield from _with_another(source, site, span, _shuffled(others, chance), absent_from=read)


def _name_swap(source: Source, site: Site, chance: np.random.Generator) -> Iterator[_Made]:
    names = [span for span in find_names(source.usable(site)) if span.text in source.name_keys]
    for span in _shuffled(names, chance):
        others = _shuffled(source.names[source.name_keys[span.text]], chance)
        document = source.documents[site.document]
        yield from _with_another(source, site, span, others, absent_from=document)


def _with_another(
    source: Source, site: Site, span: Span, others: Iterator[str], *, absent_from: str
) -> Iterator[_Made]:
    """Put something that a text doesn't have in the place of a stretch; the sentence before is read along."""
    text, before = source.usable(site), source.before(site)
    for other in others:
        if other not in absent_from:
            changed = replaced(text, span, other)
            yield _Made(before + text, before + changed, changed)


def _sentence_order(source: Source, site: Site, chance: np.random.Generator) -> Iterator[_Made]:
    following = Site(site.document, site.sentence + 1)
    first, second = source.usable(site), source.usable(following)
    if second:
        gap = source.gap(following)
        yield _Made(first + gap + second, second + gap + first, second + gap + first)


_MAKERS: dict[str, _Maker] = {
    "word_order": _word_order,
    "number_swap": _number_swap,
    "name_swap": _name_swap,
    "sentence_order": _sentence_order,
}
PHENOMENA = tuple(_MAKERS)
"""What own pairs test."""
