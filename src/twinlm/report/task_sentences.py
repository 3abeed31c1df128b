"""Sentences on one task: which kind is better, further arms, the best baseline, the worth of pre-training.

A winner is named only where `evidence/intervals.py` names one, and for each task by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from msgspec.structs import replace

from twinlm.evidence.records import Comparison, Interval
from twinlm.evidence.results import ArmScore, TaskResult
from twinlm.evidence.scores import is_kind
from twinlm.report.document import NOTHING
from twinlm.report.numbers import bare, capital, counted, difference, ends, figure, is_share, listed
from twinlm.report.two_arms import NEITHER, failure_sentence, lead, of_two, outcome, signed, standing, turned
from twinlm.settings import UNTRAINED


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
    pairs = [(item, first) for item, first, second in compared(task) if not second.family]
    if not pairs:
        return []
    which = _which_baseline(task, arms[pairs[0][0].second])
    # One answer to all examples may be the more frequent one by chance: that beats nothing.
    against = [item for item, first in pairs if not first.has_failed]
    failed = [first.label for _, first in pairs if first.has_failed]
    said = _against_baseline(against, arms, which, task.metric) if against else []
    if failed:
        rest = (
            "" if said else f" {'They are' if len(failed) > 1 else 'It is'} not compared with {_bests(task)}."
        )
        said.append(f"{listed(failed)} did not learn the task.{rest}")
    return said


def best_baselines(task: TaskResult) -> list[ArmScore]:
    """Return the baselines of a task that no other one exceeds; models are compared with the first."""
    baselines = [score for score in task.scores if not score.family]
    most = max((score.score.estimate for score in baselines), default=0.0)
    return [score for score in baselines if score.score.estimate == most]


def _bests(task: TaskResult) -> str:
    best = best_baselines(task)
    value = _value(task, best[0])
    if len(best) == 1:
        return f"the best baseline, {best[0].label} ({value})"
    both = "both" if len(best) == 2 else "all"
    return f"the best baselines: {listed([score.label for score in best])}, {both} {value}"


def _value(task: TaskResult, score: ArmScore) -> str:
    number = figure(score.score.estimate, task.metric) if score.has_figure(task.metric) else "0 / 0"
    return number if is_share(task.metric) else f"{task.metric} {number}"


def _which_baseline(task: TaskResult, baseline: ArmScore) -> str:
    value = _value(task, baseline)
    others = [score.label for score in best_baselines(task) if score.arm != baseline.arm]
    if others:
        return f"{baseline.label}, one of the best baselines ({value}, as {listed(others)})"
    return f"the best baseline, {baseline.label} ({value})"


def _against_baseline(
    against: Sequence[Comparison], arms: Mapping[str, ArmScore], which: str, metric: str
) -> list[str]:
    winners = [item for item in against if item.winner == item.first]
    others = [item for item in against if item.winner != item.first]
    if not winners:
        names, are_behind = [arms[item.first].label for item in others], all(item.winner for item in others)
        return [f"{none_beats(names, are_behind)} {which}: {_standings(others, arms, metric)}."]
    won = [(arms[item.first].label, lead(item.difference, metric)) for item in winners]
    head = f"{won[0][0]} beats {which}, by {won[0][1]}"
    if len(won) > 1:
        each = listed([f"{label} by {by}" for label, by in won])
        head = f"{listed([label for label, _ in won])} beat {which}: {each}"
    return [f"{head}; {_standings(others, arms, metric)}." if others else f"{head}."]


def of_worth(task: TaskResult) -> list[str]:
    """Say what pre-training was worth to each kind; nothing where no model of the kind learned the task."""
    shown, not_shown, failures = [], [], []
    for item, first, second in compared(task):
        if not is_twin(first, second):
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


def is_twin(arm: ArmScore, other: ArmScore) -> bool:
    """Tell whether the second arm is the first, a kind, with all the same settings but no pre-training."""
    return is_kind(arm) and other.arm == arm.arm + UNTRAINED


def _is_further(score: ArmScore) -> bool:
    own = bool(score.family) and not score.is_imported
    return own and not is_kind(score) and score.arm != score.family + UNTRAINED


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


def none_beats(names: list[str], are_behind: bool = False) -> str:
    """Return that none of these models beats, or is only not shown to beat, what follows."""
    verb = "beats" if are_behind else "is shown to beat"
    if len(names) > 2:
        return f"None of the {len(names)} models {verb}"
    if len(names) == 2:
        return f"Neither {listed(names, 'nor')} {verb}"
    return f"{names[0]} does not beat" if are_behind else f"{names[0]} is not shown to beat"


def main_figure(
    score: ArmScore,
    metric: str,
    show: Callable[[Interval, str], str] = lambda at, name: figure(at.estimate, name),
) -> str:
    """Return an arm's main figure for people, or a dash if no model has it."""
    return show(score.score, metric) if score.has_figure(metric) else NOTHING


def each_seed(score: ArmScore, metric: str) -> str:
    """Return an arm's main figure for each seed, a dash where it is 0 / 0; a dash alone for a baseline."""
    lacking = {seed for row in score.undefined if row.name == metric for seed in row.seeds}
    cells = [
        NOTHING if seed in lacking else bare(value, metric) for seed, value in score.score_by_seed.items()
    ]
    return ", ".join(cells) or NOTHING


def other_figure(score: ArmScore, name: str) -> str:
    """Return a figure for people, or a dash if no model has it."""
    return figure(score.figures[name], name) if score.has_figure(name) else NOTHING


def undefined_sentences(tasks: Sequence[TaskResult], *, is_main: bool) -> list[str]:
    """Name the figures that are 0 / 0, of which arms, and why: the main ones, or the others.

    Several tasks are named.
    """
    labels: dict[tuple[str, str, str], list[str]] = {}
    for task in tasks:
        for score in [*task.scores, *task.frozen]:
            for row in score.undefined:
                if (row.name == task.metric) is is_main:
                    place = f"{task.name}: " * (len(tasks) > 1)
                    labels.setdefault((place, row.name, row.reason), []).append(_label(score, len(row.seeds)))
    use = "; means, differences and tests count it as 0" if is_main else ""
    return [
        f"{place}{capital(name)} of {listed(each)} is 0 / 0 ({NOTHING}), because {reason}{use}."
        for (place, name, reason), each in labels.items()
    ]


def _label(score: ArmScore, seeds: int) -> str:
    """Return an arm's label, with the number of its models that lack a figure if others have it."""
    of_all = len(score.score_by_seed)
    return f"{score.label} ({seeds} of {counted(of_all, 'seed')})" if seeds < of_all else score.label
