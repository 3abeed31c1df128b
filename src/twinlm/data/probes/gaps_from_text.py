"""Gaps in somebody's own held-out text, and words to choose among for each: a cloze test without labels.

    "The ____ of the lake is fresh."    water   street   party   letter   music

The words that are offered beside the right one come from the training text, are about as frequent there, are
written alike and have as many tokens: none of these tells which one was taken out.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from twinlm import rng
from twinlm.data.probes.pairs_from_text import Site, Source
from twinlm.data.probes.words import Span, casing, find_words
from twinlm.system.log import Progress, Silent
from twinlm.tokenizer import Tokenizer

DISTRACTORS = 4
LEAST_TIMES = 5
"""That a word stands in the training text: a model had a chance to learn it."""
MOST_SHARE = 1 / 2000
"""Of the running words: what is more frequent is grammar rather than the text's subject."""
READ_CHARACTERS = 1 << 24
"""Of the training text that are counted."""
_FACTOR = 2.0
_LEAST_BEFORE = 3
_PURPOSE = "cloze"


@dataclass(frozen=True, slots=True)
class ClozeItem:
    """A text with a gap."""

    id: str
    """Unique among the items."""
    before: str
    """What stands before the gap, with its white space."""
    word: str
    """What was taken out."""
    after: str
    """What stands after it."""
    distractors: tuple[str, ...]
    """What else could stand there."""

    @property
    def choices(self) -> tuple[str, ...]:
        """All words to choose among, the right one first."""
        return (self.word, *self.distractors)

    @property
    def texts(self) -> tuple[str, ...]:
        """The whole text with each choice in the gap."""
        return tuple(self.before + choice + self.after for choice in self.choices)


class OwnCloze(NamedTuple):
    """What could be made."""

    items: tuple[ClozeItem, ...]
    """At most as many as were asked for."""
    notes: tuple[str, ...]
    """Whether they are fewer, in plain words."""


class _Words:
    """Words of the training text that may be asked for: by how they are written and cut, by frequency."""

    def __init__(self, texts: Iterable[str], tokenizers: Sequence[Tokenizer]) -> None:
        counts: Counter[str] = Counter()
        left = READ_CHARACTERS
        for text in texts:
            counts.update(span.text for span in find_words(text[:left]))
            left -= len(text)
            if left <= 0:
                break
        most = max(LEAST_TIMES, counts.total() * MOST_SHARE)
        self.times = {word: times for word, times in counts.items() if LEAST_TIMES <= times <= most}
        words = sorted(self.times, key=lambda word: (self.times[word], word))
        rows = [tokenizer.encode_batch([f" {word}" for word in words]) for tokenizer in tokenizers]
        self.keys: dict[str, tuple[object, ...]] = {
            word: (casing(word), *map(len, tokens)) for word, *tokens in zip(words, *rows, strict=True)
        }
        self.alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
        for word in words:
            self.alike[self.keys[word]].append(word)

    def near(self, word: str) -> list[str]:
        """Return words of the same kind that are at most twice, and at least half, as frequent."""
        group, times = self.alike[self.keys[word]], self.times[word]
        first = bisect_left(group, times / _FACTOR, key=self.times.__getitem__)
        after = bisect_left(group, times * _FACTOR + 1, key=self.times.__getitem__)
        return group[first:after]


def make_cloze(
    documents: Sequence[str],
    training_texts: Iterable[str],
    tokenizers: Sequence[Tokenizer],
    *,
    count: int,
    seed: int,
    progress: Progress | None = None,
) -> OwnCloze:
    """Take words out of held-out sentences, at most one of each, and offer others beside each.

    Args:
        documents: held-out texts.
        training_texts: what the models learned from; the first 16 million characters are counted.
        tokenizers: of all the models that will answer: the choices have as many tokens in each of them.
        count: of items; where the documents give fewer, a note says so.
        seed: another one takes other sentences and words.
        progress: where to report.
    """
    source, progress = Source(documents), progress or Silent()
    progress.start("making cloze items", count, "items")
    words = _Words(training_texts, tokenizers)
    items: list[ClozeItem] = []
    for site in source.sites(seed, _PURPOSE):
        if len(items) == count:
            break
        for before, span, after in _gaps(source, site, words, seed):
            chance = rng.stream(seed, _PURPOSE, "choices", site.document, site.sentence)
            others = _distractors(words, span.text, before + after, chance)
            if len(others) == DISTRACTORS:
                items.append(ClozeItem(f"{_PURPOSE}-{len(items) + 1}", before, span.text, after, others))
                progress.advance(len(items))
                break
    progress.finish()
    made = f"{_PURPOSE}: {len(items):,} of {count:,} items could be made of {len(documents):,} documents"
    return OwnCloze(tuple(items), (made,) if len(items) < count else ())


def _gaps(source: Source, site: Site, words: _Words, seed: int) -> Iterator[tuple[str, Span, str]]:
    """Yield words that may be taken out of a sentence, with what is around: the sentence before, too."""
    text, context = source.usable(site), source.before(site)
    found = find_words(text)
    standing = Counter(span.text.lower() for span in find_words(context + text))
    for place in rng.stream(seed, _PURPOSE, "gaps", *site).permutation(len(found)).tolist():
        span = found[place]
        if place >= _LEAST_BEFORE and span.text in words.times and standing[span.text.lower()] == 1:
            yield context + text[: span.begin], span, text[span.end :]


def _distractors(words: _Words, word: str, around: str, chance: np.random.Generator) -> tuple[str, ...]:
    """Return words to offer, fewer than wanted if there are no more; none stands in the text already."""
    standing = {span.text.lower() for span in find_words(around)} | {word.lower()}
    near = [other for other in words.near(word) if other.lower() not in standing]
    return tuple(near[place] for place in chance.permutation(len(near))[:DISTRACTORS].tolist())
