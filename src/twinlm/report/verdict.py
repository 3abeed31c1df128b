"""The verdict: the report's first section with one table and three sentences, and all sentences in order.

What stands behind it is said at the tasks (`task_sentences.py`); what it does not show is in `caveats.py`.
"""

import tomllib
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from twinlm.evidence.details import Details
from twinlm.evidence.results import ArmScore, Results, TaskResult
from twinlm.evidence.scores import is_kind
from twinlm.report import task_sentences
from twinlm.report.document import NOTHING, Block, Box, Items, Section, Table, Text
from twinlm.report.numbers import INTERVAL, capital, counted, figure_with_interval, listed, title
from twinlm.report.two_arms import failures, outcome, what_would_tell


def section(results: Results, details: Details) -> Section:
    """Return the section that answers the whole comparison."""
    blocks: list[Block] = [by_task(results)] if results.tasks else []
    headline, *others = three_sentences(results)
    blocks += [Text(headline, style="headline"), *map(Text, others)]
    if results.caveats:
        blocks.append(Box("What this does not show", [Items(results.caveats)]))
    return Section("verdict", "Verdict", blocks)


def by_task(results: Results) -> Table:
    """Return who does how well on each task, which kind is better, what would tell, and failed trainings."""
    kinds = list(results.families)
    rows = []
    for task in results.tasks:
        arms = {score.arm: score for score in task.scores}
        best = task_sentences.best_baselines(task)
        value = task_sentences.main_figure(best[0], task.metric) if best else ""
        baseline = f"{listed([score.label for score in best])}: {value}" if best else NOTHING
        scores = [
            task_sentences.main_figure(arms[kind], task.metric, figure_with_interval)
            if kind in arms
            else NOTHING
            for kind in kinds
        ]
        failed = [f"{score.label}: {failures(score)}" for score in task.scores if score.failed_seeds]
        rows.append(
            [task.name, capital(task.metric), baseline, *scores, *_answer(task), "; ".join(failed) or "none"]
        )
    return Table(
        caption=f"Scores on the test examples, with {INTERVAL}s, and which kind of model is better."
        + _what_is_read(results)
        + "".join(f" {text}" for text in task_sentences.undefined_sentences(results.tasks, is_main=True)),
        header=[
            "Task",
            "Measured by",
            "Best baseline",
            *results.families.values(),
            "Winner",
            "What would tell",
            "Failed trainings",
        ],
        rows=rows,
        is_text=tuple(range(len(kinds) + 6)),
        style="wrapped",
    )


def three_sentences(results: Results) -> list[str]:
    """Return the answer in brief; without tasks, the sentences on language."""
    if not results.tasks:
        return list(results.verdict) or sentences([])
    if len(results.tasks) > 1:
        return counts(results) or [f"{len(results.tasks)} tasks, without a comparison of the kinds."]
    parts = (task_sentences.of_pairs, task_sentences.of_baseline, task_sentences.of_worth)
    firsts = [" ".join(part(results.tasks[0])[:1]) for part in parts]
    return list(filter(None, firsts)) or ["One task, without a comparison of the kinds."]


def counts(results: Results) -> list[str]:
    """Return on how many tasks each kind beats the other one, the best baseline and itself untrained."""
    is_tied = any(len(task_sentences.best_baselines(task)) > 1 for task in results.tasks)
    one_of = "one of the" if is_tied else "the"
    asked: list[tuple[str, Callable[[ArmScore, ArmScore], bool]]] = [
        ("the other kind", lambda _, rival: is_kind(rival)),
        (f"{one_of} best baseline{'s' * is_tied}", lambda _, rival: not rival.family),
        ("the same model without pre-training", task_sentences.is_twin),
    ]
    texts = []
    for whom, is_rival in asked:
        wins = _wins(results, is_rival)
        each = [
            f"{results.families[kind]} on {sum(won)} of {counted(len(won), 'task')}"
            for kind, won in wins.items()
            if won
        ]
        texts += [f"Wins against {whom}: {listed(each)}."] * bool(each)
    return texts


def task_verdict(task: TaskResult) -> str:
    """Return the verdict on one task: which model does better, and whether a baseline does as well."""
    parts = (task_sentences.of_pairs, task_sentences.of_arms, task_sentences.of_baseline)
    return f"{title(task.name)}: " + " ".join(text for part in parts for text in part(task))


def with_verdicts(tasks: Sequence[TaskResult]) -> list[TaskResult]:
    """Return the tasks with their verdicts in words."""
    return [replace(task, verdict=task_verdict(task)) for task in tasks]


def sentences(tasks: Sequence[TaskResult]) -> list[str]:
    """Return the answer to the whole comparison, most important first, one sentence or two an item."""
    texts = [
        f"{title(task.name)}: {text}"
        for part in task_sentences.PARTS
        for task in tasks
        for text in part(task)
    ]
    return texts or ["No labelled task was given, so there is nothing to compare the models on."]


def _wins(results: Results, is_rival: Callable[[ArmScore, ArmScore], bool]) -> dict[str, list[bool]]:
    """Return for each kind, and each task with such a rival, whether it beats all of them.

    A model that gives one answer to all examples beats no baseline, and nobody wins where both failed.
    """
    wins: dict[str, list[bool]] = {kind: [] for kind in results.families}
    for task in results.tasks:
        won: dict[str, list[bool]] = {}
        for item, first, second in task_sentences.compared(task):
            for arm, rival in ((first, second), (second, first)):
                if arm.arm in wins and is_rival(arm, rival):
                    has_learned = not arm.has_failed or (rival.family and not rival.has_failed)
                    won.setdefault(arm.arm, []).append(bool(has_learned) and item.winner == arm.arm)
        for kind, each in won.items():
            wins[kind].append(all(each))
    return wins


def _answer(task: TaskResult) -> tuple[str, str]:
    """Return the better kind's label, or that it can't be told, and what would tell."""
    for item, first, second in task_sentences.compared(task):
        if is_kind(first) and is_kind(second):
            return outcome(item, first, second), what_would_tell(item, first, second) or NOTHING
    return NOTHING, NOTHING


def _what_is_read(results: Results) -> str:
    """Say how much of a text the models read, where baselines read all of it."""
    try:
        settings = tomllib.loads(results.settings_toml)
    except tomllib.TOMLDecodeError:  # of a bundle that somebody changed
        return ""
    lengths = [(label, _longest(settings.get(kind))) for kind, label in results.families.items()]
    cut = [task.name for task in results.tasks if task.kind != "span_qa"]  # questions read windows over all
    has_baselines = any(not score.family for task in results.tasks for score in task.scores)
    if not all(length for _, length in lengths) or not cut or not has_baselines:
        return ""
    (first, most), *others = lengths
    reads = f"The models read at most {most} tokens of a text"
    if any(length != most for _, length in others):
        rest = "".join(f", {label} {length}" for label, length in others)
        reads = f"{first} reads at most {most} tokens of a text{rest}"
    where = f" ({listed(cut)})" if len(cut) < len(results.tasks) else ""
    return f" {reads}, the baselines all of it{where}."


def _longest(settings: Any) -> int:
    """Return the longest input of a kind in tokens; 0 if the settings do not say."""
    parts = [settings.get(part) for part in ("finetune", "model")] if isinstance(settings, dict) else []
    lengths = [part.get("max_length") for part in parts if isinstance(part, dict)]
    return min((length for length in lengths if type(length) is int), default=0)
