"""A cloze test made from any held-out text, without labels: gaps, and words to choose among for each.

    "The ____ of the lake is fresh."    water   street   party   letter   music

The other choices come from the training text, are about as frequent there, written alike and have as many
tokens, so none of these gives the right one away.
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
from twinlm.system.arguments import check_many, checked
from twinlm.system.log import Progress, Silent
from twinlm.tokenizer import Tokenizer

DISTRACTORS = 4
LEAST_TIMES = 5  # in the training text, so that a model could learn the word
MOST_SHARE = 1 / 2000  # of the running words; more frequent ones are grammar rather than content
READ_CHARACTERS = 1 << 24  # of the training text
_FACTOR = 2.0
_LEAST_BEFORE = 3
_PURPOSE = "cloze"


@dataclass(frozen=True, slots=True)
class ClozeItem:
    """A text with a gap."""

    id: str
    """Unique name among the items."""
    before: str
    """Text before the gap, with its white space."""
    word: str
    """Word that was removed."""
    after: str
    """Text after the gap."""
    distractors: tuple[str, ...]
    """Other words to choose among."""

    @property
    def choices(self) -> tuple[str, ...]:
        """All words to choose among, the right one first."""
        return (self.word, *self.distractors)

    @property
    def texts(self) -> tuple[str, ...]:
        """The whole text with each choice in the gap."""
        return tuple(self.before + choice + self.after for choice in self.choices)


class OwnCloze(NamedTuple):
    """Items that were made, and a note for people if they are fewer than were requested."""

    items: tuple[ClozeItem, ...]
    notes: tuple[str, ...]


class _Words:
    """Words of the training text that can be asked for, by casing and numbers of tokens, by frequency."""

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
        # After a space, as within a sentence: byte-level BPE has other tokens at the start of a text.
        rows = [tokenizer.encode_batch([f" {word}" for word in words]) for tokenizer in tokenizers]
        self.keys: dict[str, tuple[object, ...]] = {
            word: (casing(word), *map(len, tokens)) for word, *tokens in zip(words, *rows, strict=True)
        }
        self.alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
        for word in words:
            self.alike[self.keys[word]].append(word)

    def near(self, word: str) -> list[str]:
        """Return similar words that are at most twice and at least half as frequent."""
        group, times = self.alike[self.keys[word]], self.times[word]
        first = bisect_left(group, times / _FACTOR, key=self.times.__getitem__)
        after = bisect_left(group, times * _FACTOR + 1, key=self.times.__getitem__)
        return group[first:after]


@checked
def make_cloze(
    documents: Sequence[str],
    training_texts: Iterable[str],
    tokenizers: Sequence[Tokenizer],
    *,
    count: int,
    seed: int,
    progress: Progress | None = None,
) -> OwnCloze:
    """Remove words from held-out sentences, at most one from each, and add distractors.

    Args:
        documents: held-out texts.
        training_texts: texts that the models were trained on; the first 16 million characters are counted.
        tokenizers: tokenizers of all models that will answer; choices have equally many tokens in each.
        count: number of items; a note says if the documents give fewer.
        seed: another seed takes other sentences and words.
        progress: where to report.
    """
    check_many(training_texts, "training_texts")
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
    note = f"{_PURPOSE}: {len(items):,} of {count:,} items could be made of {len(documents):,} documents"
    return OwnCloze(tuple(items), (note,) if len(items) < count else ())


def _gaps(source: Source, site: Site, words: _Words, seed: int) -> Iterator[tuple[str, Span, str]]:
    """Yield words that can be removed from a sentence, with the text around, the sentence before included."""
    text, context = source.usable(site), source.before(site)
    spans = find_words(text)
    times = Counter(span.text.lower() for span in find_words(context + text))
    for index in rng.stream(seed, _PURPOSE, "gaps", *site).permutation(len(spans)).tolist():
        span = spans[index]
        if index >= _LEAST_BEFORE and span.text in words.times and times[span.text.lower()] == 1:
            yield context + text[: span.begin], span, text[span.end :]


def _distractors(words: _Words, word: str, around: str, chance: np.random.Generator) -> tuple[str, ...]:
    present = {span.text.lower() for span in find_words(around)} | {word.lower()}
    near = [other for other in words.near(word) if other.lower() not in present]
    return tuple(near[index] for index in chance.permutation(len(near))[:DISTRACTORS].tolist())
