"""Entities in rows of tags such as B-PER I-PER O, counted like the CoNLL-2003 script.

An entity starts with B- or S-, or with an I- or E- that does not continue one of its type. BILOU's L- and U-
are read as E- and S-, BMES's M- as I-. `data/labels/tags.py` says which tags mark entities.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

from twinlm.data.labels.tags import LIKE_OUTSIDE, NO_TYPE, OUTSIDE, PLACED
from twinlm.tasks.metrics import Measured, class_table, f1_of_classes, macro_f1, of_ratio

Tags = Sequence[str]
Entity = tuple[int, int, str]
_TYPED = re.compile(r"[BIESLU]-.+")


def has_entities(rows: Sequence[Tags]) -> bool:
    """Tell whether all tags are O or B-, I-, E-, S-, L-, U- with a type, and not all are O."""
    tags = {tag for row in rows for tag in row} - {OUTSIDE}
    return bool(tags) and all(_TYPED.fullmatch(tag) for tag in tags)


def placed(tag: str) -> str:
    """Return a tag as it is, or O if it marks no entity."""
    return tag if PLACED.fullmatch(tag) else OUTSIDE


def inside(tag: str) -> str:
    """Return a tag without a prefix, such as PER, as one inside an entity, and one like B-PER as it is."""
    if tag in (OUTSIDE, *LIKE_OUTSIDE):
        return OUTSIDE
    match = PLACED.fullmatch(tag)
    return tag if match and match[1] else f"I-{tag}"  # a letter alone is a type here


def entities(tags: Tags) -> set[Entity]:
    """Return each entity of a sentence: first word, last word + 1, type."""
    spans: list[Entity] = []
    before = OUTSIDE
    for word, tag in enumerate(tags):
        if tag[0] in "IELM" and before[0] in "BIM" and tag[2:] == before[2:]:
            begin, _, name = spans.pop()
            spans.append((begin, word + 1, name))
        elif tag != OUTSIDE:
            spans.append((word, word + 1, tag[2:] or NO_TYPE))
        before = tag
    return set(spans)


def entity_places(row: Tags, read: Callable[[str], str]) -> list[str]:
    """Return the tags of a sentence in BIO: U-LOC as B-LOC, L-LOC as I-LOC, an I-LOC that begins as B-LOC."""
    tags = [OUTSIDE] * len(row)
    for begin, end, name in entities([read(tag) for tag in row]):
        tags[begin:end] = [f"B-{name}", *[f"I-{name}"] * (end - begin - 1)]
    return tags


def of_words(golds: Sequence[Tags], predicted: Sequence[Tags]) -> Measured:
    """Measure tags word by word: accuracy and macro F1."""
    _, counts_CC = class_table(_flat(golds), _flat(predicted))
    rights, words = _right_words(golds, predicted), list(map(len, golds))
    return of_ratio("word accuracy", rights, words, **{"macro F1": macro_f1(counts_CC)})


def of_entities(golds: Sequence[Tags], predicted: Sequence[Tags], *, read: Callable[[str], str]) -> Measured:
    """Measure entities: F1, precision and recall. `read` makes a tag one with a place, or O."""
    gold_sets, predicted_sets = (_all_entities(rows, read) for rows in (golds, predicted))
    hits = [len(gold & said) for gold, said in zip(gold_sets, predicted_sets, strict=True)]
    gold_sizes, predicted_sizes = list(map(len, gold_sets)), list(map(len, predicted_sets))
    undefined = {} if any(predicted_sizes) else {"precision": "no entity is found"}
    undefined |= {} if any(gold_sizes) else {"recall": "the examples have no entity"}
    if len(undefined) == 2:
        undefined["entity F1"] = "the examples have no entity, and none is found"
    measured = of_ratio(
        "entity F1",
        [2 * number for number in hits],
        list(map(sum, zip(gold_sizes, predicted_sizes, strict=True))),
        precision=sum(hits) / max(1, sum(predicted_sizes)),
        recall=sum(hits) / max(1, sum(gold_sizes)),
        **{"word accuracy": _accuracy_of_meaning(golds, predicted, read)},
    )
    return replace(measured, undefined=undefined)


def f1_by_type(
    golds: Sequence[Tags], predicted: Sequence[Tags], *, read: Callable[[str], str]
) -> dict[str, float]:
    """Return the F1 of each entity type, by name."""
    gold_all, predicted_all = (
        {(number, *entity) for number, row in enumerate(_all_entities(rows, read)) for entity in row}
        for rows in (golds, predicted)
    )
    by_type = {}
    for name in sorted({entity[-1] for entity in gold_all}):
        gold, said = (
            {entity for entity in all_of_them if entity[-1] == name}
            for all_of_them in (gold_all, predicted_all)
        )
        by_type[name] = 2 * len(gold & said) / (len(gold) + len(said))
    return by_type


def f1_by_tag(golds: Sequence[Tags], predicted: Sequence[Tags]) -> dict[str, float]:
    """Return the F1 of each tag, by name."""
    return f1_of_classes(_flat(golds), _flat(predicted))


def _all_entities(rows: Sequence[Tags], read: Callable[[str], str]) -> list[set[Entity]]:
    return [entities([read(tag) for tag in row]) for row in rows]


def _accuracy_of_meaning(
    golds: Sequence[Tags], predicted: Sequence[Tags], read: Callable[[str], str]
) -> float:
    """Return the share of words that have the same place in the same entity, however their tags spell it."""
    rights = _right_words(*([entity_places(row, read) for row in rows] for rows in (golds, predicted)))
    return sum(rights) / max(1, sum(map(len, golds)))


def _right_words(golds: Sequence[Tags], predicted: Sequence[Tags]) -> list[int]:
    pairs = zip(golds, predicted, strict=True)
    return [sum(a == b for a, b in zip(gold, said, strict=True)) for gold, said in pairs]


def _flat(rows: Sequence[Tags]) -> list[str]:
    return list(chain.from_iterable(rows))
