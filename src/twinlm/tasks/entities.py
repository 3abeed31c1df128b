"""Entities in rows of tags such as B-PER I-PER O, counted like the CoNLL-2003 script.

An entity starts with B- or S-, or with an I- or E- that does not continue one of its type. BILOU's L- and U-
are read as E- and S-.
"""

import re
from collections.abc import Sequence

from twinlm.tasks.metrics import Measured, confusion, macro_f1, of_ratio

Tags = Sequence[str]
_PLACED = re.compile(r"[BIESLU]-.+")


def has_entities(rows: Sequence[Tags]) -> bool:
    """Tell whether tags mark entities: all are O or B-, I-, E-, S-, L-, U- with a type, and not all are O."""
    tags = {tag for row in rows for tag in row} - {"O"}
    return bool(tags) and all(_PLACED.fullmatch(tag) for tag in tags)


def entities(tags: Tags) -> set[tuple[int, int, str]]:
    """Return each entity of a sentence: first word, last word + 1, type."""
    spans: list[tuple[int, int, str]] = []
    before = "O"
    for word, tag in enumerate(tags):
        if tag[0] in "IEL" and before[0] in "BI" and tag[2:] == before[2:]:
            begin, _, name = spans.pop()
            spans.append((begin, word + 1, name))
        elif tag != "O":
            spans.append((word, word + 1, tag[2:]))
        before = tag
    return set(spans)


def of_tags(golds: Sequence[Tags], predicted: Sequence[Tags]) -> Measured:
    """Measure tags: F1, precision and recall of entities; without entities, word accuracy and macro F1."""
    right = [
        sum(a == b for a, b in zip(gold, found, strict=True))
        for gold, found in zip(golds, predicted, strict=True)
    ]
    words = [len(gold) for gold in golds]
    if not has_entities(golds):
        return of_ratio("word accuracy", right, words, **{"macro F1": _macro(golds, predicted)})
    gold_sets, found_sets = (
        [entities(row) for row in golds],
        [entities(_entity_tags(row)) for row in predicted],
    )
    hits = [len(gold & found) for gold, found in zip(gold_sets, found_sets, strict=True)]
    gold_sizes, found_sizes = [len(row) for row in gold_sets], [len(row) for row in found_sets]
    return of_ratio(
        "entity F1",
        [2 * number for number in hits],
        [gold + found for gold, found in zip(gold_sizes, found_sizes, strict=True)],
        precision=sum(hits) / max(1, sum(found_sizes)),
        recall=sum(hits) / max(1, sum(gold_sizes)),
        **{"word accuracy": sum(right) / max(1, sum(words))},
    )


def f1_by_type(golds: Sequence[Tags], predicted: Sequence[Tags]) -> dict[str, float]:
    """Return the F1 of each entity type, or of each tag if tags mark no entities, by name."""
    if has_entities(golds):
        sets = [[entities(row) for row in rows] for rows in (golds, [_entity_tags(row) for row in predicted])]
    else:
        sets = [
            [{(i, i + 1, tag) for i, tag in enumerate(row)} for row in rows] for rows in (golds, predicted)
        ]
    gold_all, found_all = [
        {(number, *item) for number, row in enumerate(rows) for item in row} for rows in sets
    ]
    found_by_type = {}
    for name in sorted({item[-1] for item in gold_all}):
        gold, found = ({item for item in items if item[-1] == name} for items in (gold_all, found_all))
        found_by_type[name] = 2 * len(gold & found) / (len(gold) + len(found))
    return found_by_type


def _entity_tags(row: Tags) -> list[str]:
    return [tag if _PLACED.fullmatch(tag) else "O" for tag in row]


def _macro(golds: Sequence[Tags], predicted: Sequence[Tags]) -> float:
    flat = [[tag for row in rows for tag in row] for rows in (golds, predicted)]
    names = {name: number for number, name in enumerate(sorted({*flat[0], *flat[1]}))}
    true_E, predicted_E = ([names[tag] for tag in tags] for tags in flat)
    return macro_f1(confusion(true_E, predicted_E, len(names)))
