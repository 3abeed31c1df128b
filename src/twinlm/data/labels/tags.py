"""What the tags of words mean, decided once for a task, from the tags of all its splits.

entities   B-PER I-PER O      also BIOES, BILOU, BMES, and B I O without a type
runs       PER PER O          no prefix; most words are O
words      DET NOUN VERB
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

ENTITIES, RUNS, WORDS = "entities", "runs", "words"
OUTSIDE = "O"
LIKE_OUTSIDE = ("0", "o")
NO_TYPE = "entity"
PLACED = re.compile(r"[BIESLUM](-.+)?")
_LIKE_PLACED = re.compile(r"[BIESLUM][-_:/|].+|.+[-_:/|][BIESLUM]", re.IGNORECASE)


def scheme_of(rows: Iterable[Sequence[str]]) -> str:
    """Return what most words with a tag other than O have: the tag of an entity, or one of their own."""
    words = Counter(chain.from_iterable(rows))
    others = words.total() - words[OUTSIDE]
    marked = others - sum(words[tag] for tag in LIKE_OUTSIDE)
    if 2 * sum(count for tag, count in words.items() if PLACED.fullmatch(tag)) > marked:
        return ENTITIES
    return RUNS if words[OUTSIDE] > others else WORDS


def strays(scheme: str, tags: Iterable[str]) -> list[str]:
    """Return the tags that mean nothing in a scheme, and count as O."""
    if scheme == ENTITIES:
        return [tag for tag in tags if tag != OUTSIDE and not PLACED.fullmatch(tag)]
    return [tag for tag in tags if scheme == RUNS and tag in LIKE_OUTSIDE]


def lookalikes(scheme: str, tags: Iterable[str]) -> list[str]:
    """Return tags such as B_PER, PER-B and b-per, which only look like entities, where they are most."""
    others = [tag for tag in tags if tag not in (OUTSIDE, *LIKE_OUTSIDE)]
    alike = [tag for tag in others if _LIKE_PLACED.fullmatch(tag) and not PLACED.fullmatch(tag)]
    return alike if scheme != ENTITIES and 2 * len(alike) > len(others) else []


def meaning(scheme: str, tag: str) -> str:
    """Return the type of entity that a tag marks, "" for none; of words with tags of their own the tag."""
    if tag == OUTSIDE or strays(scheme, [tag]):
        return ""
    match = PLACED.fullmatch(tag)
    if scheme == WORDS or not match:
        return tag
    return (match[1] or "")[1:] or (NO_TYPE if scheme == ENTITIES else tag)


def has_entity(scheme: str, rows: Iterable[Sequence[str]]) -> bool:
    """Tell whether a word of the rows is part of an entity."""
    tags = set(chain.from_iterable(rows)) - {OUTSIDE}
    return bool(tags - set(strays(scheme, tags)))
