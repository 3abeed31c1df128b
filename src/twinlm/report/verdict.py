"""What the numbers say, in plain words; what they don't say stands in `report/caveats.py`.

A winner is named only where `statistics.compare` names one. There is no winner over all uses: tasks are
judged one by one, and what pre-training measures in one family is never set against another's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from twinlm.evidence.records import Interval
from twinlm.evidence.results import ArmScore, Comparison, TaskResult
from twinlm.evidence.scores import is_kind
from twinlm.report.numbers import figure, listed, percent, points, title
from twinlm.report.two_arms import doubt, ends, of_two


def task_verdict(
    name: str, scores: Sequence[ArmScore], comparisons: Sequence[Comparison], metric: str
) -> str:
    """Return the verdict on one task: which model does better, and whether a baseline does as well."""
    parts = (_pair_sentences, _arm_sentences, _baseline_sentences)
    sentences = [text for part in parts for text in part(scores, comparisons, metric)]
    return f"{title(name)}: " + " ".join(sentences)


def with_verdicts(tasks: Sequence[TaskResult]) -> list[TaskResult]:
    """Return the tasks with their verdicts in words."""
    return [
        replace(task, verdict=task_verdict(task.name, task.scores, task.comparisons, task.metric))
        for task in tasks
    ]


def sentences(tasks: Sequence[TaskResult]) -> list[str]:
    """Return the answer to the whole comparison, most important first, one sentence or two an item."""
    found = []
    for part in (_pair_sentences, _arm_sentences, _baseline_sentences, _worth_sentences):
        for task in tasks:
            said = part(task.scores, task.comparisons, task.metric)
            found += [f"{title(task.name)}: {text}" for text in said]
    return found or ["No labelled task was given: there is nothing to compare the models on."]


def _pair_sentences(scores: Sequence[ArmScore], comparisons: Sequence[Comparison], metric: str) -> list[str]:
    """Say of the two kinds, and of each with an imported model, which one is better, if that can be said."""
    arms = {score.arm: score for score in scores}
    found = []
    for comparison in comparisons:
        first, second = arms[comparison.first], arms[comparison.second]
        is_main = all(is_kind(score) or score.is_imported for score in (first, second))
        if first.is_pretrained and second.is_pretrained and is_main:
            found += of_two(comparison, first, second, metric)
    return found


def _arm_sentences(scores: Sequence[ArmScore], comparisons: Sequence[Comparison], metric: str) -> list[str]:
    """Say for each kind which of the further arms do better or worse than it."""
    arms = {score.arm: score for score in scores}
    found = []
    for kind in filter(is_kind, scores):
        seen = [
            _from_the_other(item, kind.arm) for item in comparisons if kind.arm in (item.first, item.second)
        ]
        further = [item for item in seen if _is_further(arms[item.first])]
        if further:
            found.append(f"Beside {kind.label}: {_standings(further, arms)}.")
    return found


def _is_further(score: ArmScore) -> bool:
    return score.is_pretrained and not score.is_imported and not is_kind(score)


def _from_the_other(item: Comparison, name: str) -> Comparison:
    """Return a comparison in which the arm of that name is the second."""
    if item.second == name:
        return item
    seen = item.difference
    turned = Interval(estimate=-seen.estimate, low=-seen.high, high=-seen.low)
    return replace(item, first=item.second, second=item.first, difference=turned)


def _standings(against: Sequence[Comparison], arms: Mapping[str, ArmScore]) -> str:
    """Say which of the first arms are ahead of the second, "it", which behind, and which can't be told."""
    phrases = []
    for is_so, says in _STANDINGS:
        group = [item for item in against if is_so(item)]
        if len(group) == 1:
            phrases.append(f"{arms[group[0].first].label} {_alone(group[0])}")
        elif group:
            named = [f"{arms[item.first].label} ({_signed(item)})" for item in group]
            phrases.append(f"{listed(named)} {says}")
    return "; ".join(phrases)


_STANDINGS: list[tuple[Callable[[Comparison], bool], str]] = [
    (lambda item: item.winner == item.first, "are ahead of it"),
    (lambda item: item.winner is not None and item.winner != item.first, "are behind it"),
    (lambda item: item.winner is None, "cannot be told from it"),
]


def _alone(item: Comparison) -> str:
    if item.winner is None:
        return f"cannot be told from it ({_signed(item)})"
    way = "ahead of" if item.winner == item.first else "behind"
    return f"is {way} it by {points(abs(item.difference.estimate))} points ({ends(item, positive=True)})"


def _signed(item: Comparison) -> str:
    """Return "+1.0; 0.2 to 1.8", of the difference seen from the first arm."""
    interval = doubt(item) if item.winner is None else ends(item)
    return f"{points(item.difference.estimate, signed=True)}; {interval}"


def _worth_sentences(scores: Sequence[ArmScore], comparisons: Sequence[Comparison], metric: str) -> list[str]:
    """Say what pre-training was worth to each family."""
    arms = {score.arm: score for score in scores}
    shown, not_shown = [], []
    for comparison in comparisons:
        first, second = arms[comparison.first], arms[comparison.second]
        if first.family == second.family and first.is_pretrained and not second.is_pretrained:
            gain = points(comparison.difference.estimate, signed=True)
            if comparison.winner:
                shown.append(f"{gain} points ({ends(comparison)}) to {first.label}")
            else:
                not_shown.append(f"{first.label} ({gain}; {doubt(comparison)})")
    found = [f"Pre-training was worth {listed(shown)}."] if shown else []
    return found + ([f"No effect of pre-training is shown for {listed(not_shown)}."] if not_shown else [])


def _baseline_sentences(
    scores: Sequence[ArmScore], comparisons: Sequence[Comparison], metric: str
) -> list[str]:
    """Say plainly which models beat the best baseline, and that none does if none does."""
    arms = {score.arm: score for score in scores}
    against = [comparison for comparison in comparisons if not arms[comparison.second].family]
    if not against:
        return []
    baseline = arms[against[0].second]
    winners = [arms[item.first].label for item in against if item.winner == item.first]
    losers = [arms[item.first].label for item in against if item.winner != item.first]
    which = f"{baseline.label}, which {_reach(baseline.score.estimate, metric)}"
    if not winners:
        head = f"Neither {listed(losers, 'nor')} beats" if len(losers) == 2 else f"{losers[0]} does not beat"
        head = f"None of the {len(losers)} models beats" if len(losers) > 2 else head
    elif losers:
        beats, does = "beats" if len(winners) == 1 else "beat", "does" if len(losers) == 1 else "do"
        others = listed(losers) if len(losers) < 3 else f"the {len(losers)} other models"
        head = f"{listed(winners)} {beats}, and {others} {does} not beat,"
    else:
        head = f"{listed(winners)} beats" if len(winners) == 1 else f"{listed(winners)} beat"
        head = f"Both {head}" if len(winners) == 2 else head
    return [f"{head} {which}: {_standings(against, arms)}."]


def _reach(share: float, metric: str) -> str:
    if metric == "accuracy":
        return f"is right on {percent(share)} of the test examples"
    return f"reaches a{'n' * (metric[0] in 'aeiou')} {metric} of {figure(share, metric)}"
