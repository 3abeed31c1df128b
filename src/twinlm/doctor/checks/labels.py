"""Labels that a task can't be learned or judged by: rare, missing, alike, contradictory, out of range."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from twinlm.data.labels.examples import Example
from twinlm.data.labels.tags import scheme_of, strays
from twinlm.doctor.checks.findings import MOST_EXAMPLES, Checked, Finding, excerpt, level_of, quantiles
from twinlm.doctor.checks.reading import digest_of

LEAST_OF_A_CLASS = 10
MOST_SHARE = 0.9
CONTRADICTED_SHARE = 0.01  # share of the texts from which different labels for one text are a warning

_FAR = 10.0  # interquartile ranges beyond the quartiles: no score of a scale is that far
_MOST_LISTED = 8
_NO_ENTITY = "O"  # most words have this tag, and entity F1 does not count it

Sets = Mapping[str, Sequence[Example]]


def check_labels(where: str, sets: Sets) -> Checked:
    """Check the gold answers of a task, given the examples of each split that has a file, "train" first."""
    golds = {split: [example.gold for example in examples] for split, examples in sets.items()}
    first = next((gold for some in golds.values() for gold in some), None)
    # The type of a gold answer tells the form: class, tags, score, index of a choice, else answers.
    match first:
        case str():
            checked = _check_classes(
                where, "labels", {split: Counter(some) for split, some in golds.items()}, strays=()
            )
        case [str(), *_]:
            counts = {split: Counter(tag for tags in some for tag in tags) for split, some in golds.items()}
            odd = strays(scheme_of(chain.from_iterable(golds.values())), set().union(*counts.values()))
            checked = _check_classes(where, "tags", counts, strays=odd)
        case float():
            checked = _check_numbers(where, golds)
        case int():
            checked = _check_choices(where, golds)
        case _:
            shares = {split: sum(not gold for gold in some) / len(some) for split, some in golds.items()}
            checked = Checked({"share without an answer": shares})
    contradicted = _check_contradictions(where, sets)
    lengths = [sum(len(text.split()) for text in one.texts) for some in sets.values() for one in some]
    facts = {
        "examples": {split: len(examples) for split, examples in sets.items()},
        "words an example": quantiles(lengths),
        **checked.facts,
        **contradicted.facts,
    }
    return Checked(facts, (*checked.findings, *contradicted.findings))


def alike_names(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return groups of names that may be one: equal except for case, spaces and hyphens, or as numbers."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[_key(name)].append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _key(name: str) -> str:
    plain = re.sub(r"[\s_-]+", "", name.casefold()).strip(".,;:!?\"'")
    try:
        return str(float(plain))
    except ValueError:
        return plain or name


def _check_classes(
    where: str, noun: str, counts: Mapping[str, Counter[str]], *, strays: Sequence[str]
) -> Checked:
    facts = {f"{noun} in {split}": dict(some.most_common()) for split, some in counts.items()}
    train = counts.get("train") or Counter[str]()
    findings: list[Finding] = []
    everything = sum(counts.values(), Counter[str]())
    for stray in strays:  # counts as O, and is named where files are read
        del everything[stray]

    def warn(message: str, why: str, hint: str) -> None:
        findings.append(Finding("warning", where, message, why, hint))

    for split, some in counts.items():
        missing = sorted(set(everything) - set(some))
        if missing:
            message = f"{split} has no example of {_listed(missing)}"
            hint = "give each split some of each, or leave valid and test empty: twinlm splits class by class"
            warn(message, "a class that is missing is not learned, or not judged", hint)
    rare = {
        label: number for label, number in train.items() if number < LEAST_OF_A_CLASS and label in everything
    }
    if rare:
        message = f"fewer than {LEAST_OF_A_CLASS} training {noun} of {_listed(rare, rare)}"
        why = "so few can't be learned, and macro F1 counts them as much as the others"
        warn(message, why, "label more of them, or merge them with another class")
    for split, some in counts.items():
        label, number = some.most_common(1)[0]
        if label != _NO_ENTITY and number > MOST_SHARE * some.total():
            message = f"{100 * number / some.total():.1f} % of the {noun} of {split} are {label!r}"
            why = "always predicting that is as accurate: look at macro F1 and MCC, not at accuracy"
            warn(message, why, "label more of the other classes")
    for group in alike_names(sorted(everything)):
        message = f"{_listed(group, everything)} may be one and the same"
        warn(message, "one class in two spellings is two classes to a model", "write them alike in all files")
    return Checked(facts, tuple(findings))


def _check_numbers(where: str, golds: Mapping[str, Sequence[float]]) -> Checked:
    import numpy as np

    train = np.array(golds.get("train") or [0.0])
    low, high = np.quantile(train, [0.25, 0.75]).tolist()
    reach = _FAR * max(high - low, 1e-9)
    facts = {f"scores in {split}": _spread(some) for split, some in golds.items()}
    why = "they may stand for a missing score, or be of another scale; a few spoil the fit"
    hint = "remove these rows, or bring all files to one scale"
    findings = []
    for split, some in golds.items():
        far = [value for value in some if not low - reach <= value <= high + reach] if high > low else []
        outside = [value for value in some if not train.min() <= value <= train.max()]
        judged = {
            f"far from the others (half are from {low:g} to {high:g})": far,
            "outside the range of train": outside,
        }
        for problem, values in judged.items():
            if values:
                shown = ", ".join(f"{value:g}" for value in sorted(set(values))[:_MOST_LISTED])
                message = f"{len(values):,} scores of {split} are {problem}: {shown}"
                findings.append(Finding("warning", where, message, why, hint))
    return Checked(facts, tuple(findings))


def _spread(values: Sequence[float]) -> dict[str, float]:
    middle = sorted(values)[len(values) // 2]
    return {"least": min(values), "median": middle, "most": max(values), "different": len(set(values))}


def _check_choices(where: str, golds: Mapping[str, Sequence[int]]) -> Checked:
    counts = {split: Counter(some) for split, some in golds.items()}
    facts = {
        f"right choices in {split}": {str(choice): some[choice] for choice in sorted(some)}
        for split, some in counts.items()
    }
    findings = []
    for split, some in counts.items():
        choice, number = some.most_common(1)[0]
        share = number / some.total()
        if share > MOST_SHARE:
            message = f"in {100 * share:.1f} % of the examples of {split} choice {choice} is the right one"
            why = "the position of the right choice should give nothing away"
            findings.append(Finding("warning", where, message, why, "shuffle the choices of each example"))
    return Checked(facts, tuple(findings))


def _check_contradictions(where: str, sets: Sets) -> Checked:
    golds: dict[int, dict[str, str]] = defaultdict(dict)
    texts: dict[int, str] = {}
    for example in chain.from_iterable(sets.values()):
        digest = digest_of(*example.texts)
        golds[digest].setdefault(json.dumps(example.gold, ensure_ascii=False), example.id)
        texts.setdefault(digest, "\n".join(example.texts))
    torn = {digest: answers for digest, answers in golds.items() if len(answers) > 1}
    facts = {"different texts": len(golds), "texts with different answers": len(torn)}
    if not torn:
        return Checked(facts)
    share = len(torn) / len(texts)
    message = f"{len(torn):,} of {len(texts):,} different texts have different answers ({100 * share:.2f} %)"
    why = "no model can be right about both; in the test they limit every score"
    examples = tuple(
        f"{excerpt(texts[digest])}: "
        + ", ".join(f"{answer[:40]} ({source})" for answer, source in list(answers.items())[:3])
        for digest, answers in list(torn.items())[:MOST_EXAMPLES]
    )
    level, hint = level_of(share, CONTRADICTED_SHARE), "decide each of them, or remove them"
    return Checked(facts, (Finding(level, where, message, why, hint, examples),))


def _listed(names: Sequence[str] | Mapping[str, Any], counts: Mapping[str, int] | None = None) -> str:
    shown = [repr(name) + (f" ({counts[name]:,})" if counts else "") for name in list(names)[:_MOST_LISTED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
