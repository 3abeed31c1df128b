"""The verdict in plain words, and the report's first section; what it does not show is in `caveats.py`.

A winner is named only where `evidence/intervals.py` names one. There is no winner over all uses: tasks are
judged one by one, and what pre-training measures in one kind of model is never set against another's.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from twinlm.evidence.details import Details
from twinlm.evidence.records import Comparison
from twinlm.evidence.results import ArmScore, Results, TaskResult
from twinlm.evidence.scores import is_kind
from twinlm.report.document import NOTHING, Block, Box, Heading, Items, Section, Table, Text
from twinlm.report.numbers import INTERVAL, capital, figure, listed, low_to_high, points, title, with_interval
from twinlm.report.two_arms import by_points, of_two, signed, standing, turned


def section(results: Results, details: Details) -> Section:
    """Return the section that answers the whole comparison."""
    blocks: list[Block] = []
    if len(results.tasks) > 1:
        blocks += [by_task(results), Items(counts(results))]
    for about, (headline, *others) in _gathered(results.verdict).items():
        blocks += [Heading(about)] if about else []
        blocks += [Text(headline, style="headline"), *map(Text, others)]
    if results.caveats:
        blocks.append(Box("What this does not show", [Items(results.caveats)]))
    return Section("verdict", "Verdict", blocks)


def by_task(results: Results) -> Table:
    """Return who does how well on each task, and which kind is better."""
    kinds = list(results.families)
    rows = []
    for task in results.tasks:
        arms = {score.arm: score for score in task.scores}
        baselines = [score for score in task.scores if not score.family]
        best = max(baselines, key=lambda score: score.score.estimate, default=None)
        baseline = f"{best.label}: {figure(best.score.estimate, task.metric)}" if best else NOTHING
        scores = [
            with_interval(arms[kind].score, partial(figure, metric=task.metric)) if kind in arms else NOTHING
            for kind in kinds
        ]
        rows.append([task.name, capital(task.metric), baseline, *scores, _better(results, task)])
    return Table(
        caption=f"Scores on the test examples, with {INTERVAL}s, and which kind of model is better.",
        header=["Task", "Metric", "Best baseline", *results.families.values(), "Better"],
        rows=rows,
        is_text=(0, 1, 2, len(kinds) + 3),
    )


def counts(results: Results) -> list[str]:
    """Return on how many tasks each kind beats the other one, the best baseline and itself untrained."""
    asked: list[tuple[str, Callable[[ArmScore, ArmScore], bool]]] = [
        ("the other kind", lambda _, rival: is_kind(rival)),
        ("the best baseline", lambda _, rival: not rival.family),
        (
            "the same model without pre-training",
            lambda arm, rival: rival.family == arm.family and not rival.is_pretrained,
        ),
    ]
    sentences = []
    for whom, is_rival in asked:
        wins = _wins(results, is_rival)
        each = [f"{results.families[kind]} on {sum(won)} of {len(won)}" for kind, won in wins.items() if won]
        sentences += [f"Tasks on which a kind beats {whom}: {listed(each)}."] * bool(each)
    return sentences


def _wins(results: Results, is_rival: Callable[[ArmScore, ArmScore], bool]) -> dict[str, list[bool]]:
    """Return for each kind, and each of its comparisons with such a rival, whether it wins."""
    wins: dict[str, list[bool]] = {kind: [] for kind in results.families}
    for task in results.tasks:
        arms = {score.arm: score for score in task.scores}
        for item in task.comparisons:
            for arm, rival in ((item.first, item.second), (item.second, item.first)):
                if arm in wins and is_rival(arms[arm], arms[rival]):
                    wins[arm].append(item.winner == arm)
    return wins


def task_verdict(task: TaskResult) -> str:
    """Return the verdict on one task: which model does better, and whether a baseline does as well."""
    parts = (_pair_sentences, _arm_sentences, _baseline_sentences)
    return f"{title(task.name)}: " + " ".join(text for part in parts for text in part(task))


def with_verdicts(tasks: Sequence[TaskResult]) -> list[TaskResult]:
    """Return the tasks with their verdicts in words."""
    return [replace(task, verdict=task_verdict(task)) for task in tasks]


def sentences(tasks: Sequence[TaskResult]) -> list[str]:
    """Return the answer to the whole comparison, most important first, one sentence or two an item."""
    parts = (_pair_sentences, _arm_sentences, _baseline_sentences, _worth_sentences)
    texts = [f"{title(task.name)}: {text}" for part in parts for task in tasks for text in part(task)]
    return texts or ["No labelled task was given, so there is nothing to compare the models on."]


def _pair_sentences(task: TaskResult) -> list[str]:
    """Say of the two kinds, and of each with an imported model, which one is better, if that can be said."""
    sentences = []
    for item, first, second in _compared(task):
        is_main = all(is_kind(score) or score.is_imported for score in (first, second))
        if first.is_pretrained and second.is_pretrained and is_main:
            sentences += of_two(item, first, second, task.metric)
    return sentences


def _arm_sentences(task: TaskResult) -> list[str]:
    """Say for each kind which of the further arms do better or worse than it."""
    arms = {score.arm: score for score in task.scores}
    sentences = []
    for kind in filter(is_kind, task.scores):
        own = [item for item in task.comparisons if kind.arm in (item.first, item.second)]
        against = [_against(item, kind.arm) for item in own]
        further = [item for item in against if _is_further(arms[item.first])]
        if further:
            sentences.append(f"Compared with {kind.label}: {_standings(further, arms)}.")
    return sentences


def _baseline_sentences(task: TaskResult) -> list[str]:
    """Say which models beat the best baseline, and that none does if none does."""
    arms = {score.arm: score for score in task.scores}
    against = [item for item, _, second in _compared(task) if not second.family]
    if not against:
        return []
    baseline = arms[against[0].second]
    number = figure(baseline.score.estimate, task.metric)
    value = number if task.metric == "accuracy" else f"{task.metric} {number}"
    which = f"the best baseline, {baseline.label} ({value})"
    winners = [item for item in against if item.winner == item.first]
    others = [item for item in against if item.winner != item.first]
    if not winners:
        names = [arms[item.first].label for item in others]
        return [f"{_none(names)} {which}: {_standings(others, arms)}."]
    won = [(arms[item.first].label, by_points(item.difference)) for item in winners]
    head = f"{won[0][0]} beats {which}, by {won[0][1]}"
    if len(won) > 1:
        each = listed([f"{label} by {by}" for label, by in won])
        head = f"{listed([label for label, _ in won])} beat {which}: {each}"
    return [f"{head}; {_standings(others, arms)}." if others else f"{head}."]


def _worth_sentences(task: TaskResult) -> list[str]:
    """Say what pre-training was worth to each family."""
    shown, not_shown = [], []
    for item, first, second in _compared(task):
        if first.family == second.family and first.is_pretrained and not second.is_pretrained:
            gain = points(item.difference.estimate, signed=True)
            if item.winner:
                shown.append(f"{gain} points ({low_to_high(item.difference)}) to {first.label}")
            else:
                not_shown.append(f"{first.label} ({signed(item)})")
    sentences = [f"Pre-training was worth {listed(shown)}."] if shown else []
    return sentences + ([f"No effect of pre-training is shown for {listed(not_shown)}."] * bool(not_shown))


def _compared(task: TaskResult) -> list[tuple[Comparison, ArmScore, ArmScore]]:
    """Return the comparisons with their first and second arm."""
    arms = {score.arm: score for score in task.scores}
    return [(item, arms[item.first], arms[item.second]) for item in task.comparisons]


def _is_further(score: ArmScore) -> bool:
    return score.is_pretrained and not score.is_imported and not is_kind(score)


def _against(item: Comparison, name: str) -> Comparison:
    """Return a comparison in which the arm of that name is the second."""
    if item.second == name:
        return item
    return replace(item, first=item.second, second=item.first, difference=turned(item.difference))


def _standings(against: Sequence[Comparison], arms: Mapping[str, ArmScore]) -> str:
    """Say which of the first arms are ahead of the second, "it", which behind, and which can't be told."""
    phrases = []
    for is_so, says in _STANDINGS:
        group = [item for item in against if is_so(item)]
        if len(group) == 1:
            phrases.append(standing(arms[group[0].first].label, group[0]))
        elif group:
            phrases.append(
                f"{listed([f'{arms[item.first].label} ({signed(item)})' for item in group])} {says}"
            )
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


def _gathered(verdict: Sequence[str]) -> dict[str, list[str]]:
    """Gather sentences such as "Topic: BERT is better" by what they are about, in their order."""
    gathered: dict[str, list[str]] = {}
    for sentence in verdict:
        about, colon, text = sentence.partition(": ")
        gathered.setdefault(about if colon else "", []).append(text if colon else sentence)
    return gathered


def _better(results: Results, task: TaskResult) -> str:
    """Return the better kind's label, or that it can't be told."""
    for item, first, second in _compared(task):
        if is_kind(first) and is_kind(second):
            return "cannot tell" if item.winner is None else results.families[item.winner]
    return NOTHING
