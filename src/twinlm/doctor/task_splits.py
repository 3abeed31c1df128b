"""Examples of a task that stand in two of its files, with the same answer or another."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import Form
from twinlm.doctor.checks.findings import MOST_EXAMPLES, Checked, Finding, excerpt, level_of
from twinlm.doctor.checks.near_duplicates import Text, check_near_duplicates
from twinlm.doctor.checks.reading import digest_of
from twinlm.system.log import Progress

SHARED_SHARE = 0.01
"""Of a held-out file's examples, from which on those that stand in another file are a warning."""


def check_task_splits(
    where: str, sets: Mapping[str, Sequence[Example]], form: Form, progress: Progress
) -> Checked:
    """Say which examples are copies, or almost, within a split and across splits.

    Args:
        where: the task.
        sets: the examples of each split that has a file.
        form: says by which text an example is known.
        progress: where to report.
    """
    facts: dict[str, object] = {}
    findings: list[Finding] = []
    by_text = {split: _first_of_each(examples, form) for split, examples in sets.items()}
    for split, examples in sets.items():
        facts[f"{split} examples with a text of another"] = len(examples) - len(by_text[split])
    for first, second in combinations(sets, 2):
        both = [digest for digest in by_text[second] if digest in by_text[first]]
        facts[f"{second} texts that stand in {first}"] = len(both)
        if both:
            pairs = [(by_text[first][digest], by_text[second][digest]) for digest in both]
            findings.append(_shared(where, first, second, pairs, len(by_text[second])))
    near = check_near_duplicates(where, _different(by_text, form), progress)
    return Checked({**facts, "near duplicates": near.facts}, (*findings, *near.findings))


def _first_of_each(examples: Sequence[Example], form: Form) -> dict[int, Example]:
    found: dict[int, Example] = {}
    for example in examples:
        found.setdefault(digest_of(form.split_by(example)), example)
    return found


def _shared(
    where: str, first: str, second: str, pairs: Sequence[tuple[Example, Example]], total: int
) -> Finding:
    other = sum(mine.texts == theirs.texts and mine.gold != theirs.gold for mine, theirs in pairs)
    share = len(pairs) / total
    return Finding(
        level=level_of(share, SHARED_SHARE),
        where=where,
        message=f"{len(pairs):,} of {total:,} different texts of {second} also stand in {first} "
        f"({share:.1%}), "
        f"{other:,} of them with another answer",
        why="who has learned the answer need not understand the text",
        hint=f"nothing, if they are equal but for white space: the run takes them out of {first}",
        examples=tuple(
            f"{theirs.id} is {mine.id} {excerpt(' '.join(theirs.texts))}"
            for mine, theirs in pairs[:MOST_EXAMPLES]
        ),
    )


def _different(by_text: Mapping[str, Mapping[int, Example]], form: Form) -> list[Text]:
    """Return the different texts, test before validation before training."""
    seen: set[int] = set()
    texts = []
    for split in reversed(list(by_text)):
        for digest, example in by_text[split].items():
            if digest not in seen:
                seen.add(digest)
                texts.append(Text(split, f"{example.id}", form.split_by(example)))
    return texts
