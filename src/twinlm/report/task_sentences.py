"""Sentences on one task: which kind is better, further arms, the best baseline, the worth of pre-training.

A winner is named only where `evidence/intervals.py` names one, and for each task by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from msgspec.structs import replace

from twinlm.evidence.records import Comparison
from twinlm.evidence.results import ArmScore, TaskResult
from twinlm.evidence.scores import is_kind
from twinlm.report.numbers import difference, ends, figure, is_share, listed
from twinlm.report.two_arms import NEITHER, failure_sentence, lead, of_two, outcome, signed, standing, turned


def compared(task: TaskResult) -> list[tuple[Comparison, ArmScore, ArmScore]]:
    """Return the comparisons with their first and second arm."""
    arms = {score.arm: score for score in task.scores}
    return [(item, arms[item.first], arms[item.second]) for item in task.comparisons]


def paragraphs(task: TaskResult) -> list[str]:
    """Return all sentences on a task, a paragraph for each pair and for each other question."""
    others = [" ".join(part(task)) for part in (of_arms, of_baseline, of_worth)]
    return [*map(" ".join, _pairs(task)), *filter(None, others)]


def of_pairs(task: TaskResult) -> list[str]:
    """Say of the two kinds, and of each with an imported model, which one is better, if that can be said."""
    return list(chain.from_iterable(_pairs(task)))


def _pairs(task: TaskResult) -> list[list[str]]:
    return [
        of_two(item, first, second, task.metric)
        for item, first, second in compared(task)
        if first.is_pretrained
        and second.is_pretrained
        and all(is_kind(score) or score.is_imported for score in (first, second))
    ]


def of_arms(task: TaskResult) -> list[str]:
    """Say for each kind which of the further arms do better or worse than it."""
    arms = {score.arm: score for score in task.scores}
    sentences = []
    for kind in filter(is_kind, task.scores):
        own = [
            item
            for item, first, second in compared(task)
            if kind in (first, second) and outcome(item, first, second) != NEITHER
        ]
        against = [_against(item, kind.arm) for item in own]
        further = [item for item in against if _is_further(arms[item.first])]
        if further:
            sentences.append(f"Compared with {kind.label}: {_standings(further, arms, task.metric)}.")
    return sentences


def of_baseline(task: TaskResult) -> list[str]:
    """Say which models beat the best baseline, and that none does if none does."""
    arms = {score.arm: score for score in task.scores}
    against = [item for item, _, second in compared(task) if not second.family]
    if not against:
        return []
    baseline = arms[against[0].second]
    number = figure(baseline.score.estimate, task.metric)
    value = number if is_share(task.metric) else f"{task.metric} {number}"
    which = f"the best baseline, {baseline.label} ({value})"
    winners = [item for item in against if item.winner == item.first]
    others = [item for item in against if item.winner != item.first]
    if not winners:
        names = [arms[item.first].label for item in others]
        return [f"{_none(names)} {which}: {_standings(others, arms, task.metric)}."]
    won = [(arms[item.first].label, lead(item.difference, task.metric)) for item in winners]
    head = f"{won[0][0]} beats {which}, by {won[0][1]}"
    if len(won) > 1:
        each = listed([f"{label} by {by}" for label, by in won])
        head = f"{listed([label for label, _ in won])} beat {which}: {each}"
    return [f"{head}; {_standings(others, arms, task.metric)}." if others else f"{head}."]


def of_worth(task: TaskResult) -> list[str]:
    """Say what pre-training was worth to each kind; nothing where no model of the kind learned the task."""
    shown, not_shown, failures = [], [], []
    for item, first, second in compared(task):
        if first.family != second.family or not first.is_pretrained or second.is_pretrained:
            continue
        if outcome(item, first, second) == NEITHER:
            continue
        failures += [failure_sentence(second)] if second.failed_seeds else []
        if item.winner:
            gain = difference(item.difference.estimate, task.metric, signed=True)
            shown.append(f"{gain} ({ends(item.difference, task.metric)}) to {first.label}")
        else:
            not_shown.append(f"{first.label} ({signed(item, task.metric)})")
    sentences = [f"Pre-training was worth {listed(shown)}."] if shown else []
    sentences += [f"No effect of pre-training is shown for {listed(not_shown)}."] if not_shown else []
    return [*sentences, *failures]


PARTS = (of_pairs, of_arms, of_baseline, of_worth)


def _is_further(score: ArmScore) -> bool:
    return score.is_pretrained and not score.is_imported and not is_kind(score)


def _against(item: Comparison, name: str) -> Comparison:
    """Return a comparison in which the arm of that name is the second."""
    if item.second == name:
        return item
    return replace(item, first=item.second, second=item.first, difference=turned(item.difference))


def _standings(against: Sequence[Comparison], arms: Mapping[str, ArmScore], metric: str) -> str:
    """Say which of the first arms are ahead of the second, "it", which behind, and which can't be told."""
    phrases = []
    for is_so, says in _STANDINGS:
        group = [item for item in against if is_so(item)]
        if len(group) == 1:
            phrases.append(standing(arms[group[0].first].label, group[0], metric))
        elif group:
            each = listed([f"{arms[item.first].label} ({signed(item, metric)})" for item in group])
            phrases.append(f"{each} {says}")
    return "; ".join(phrases)


_STANDINGS: list[tuple[Callable[[Comparison], bool], str]] = [
    (lambda item: item.winner == item.first, "are ahead of it"),
    (lambda item: item.winner == item.second, "are behind it"),
    (lambda item: item.winner is None, "cannot be told apart from it"),
]


def _none(names: list[str]) -> str:
    if len(names) > 2:
        return f"None of the {len(names)} models beats"
    return f"Neither {listed(names, 'nor')} beats" if len(names) == 2 else f"{names[0]} does not beat"
