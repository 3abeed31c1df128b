"""P values adjusted for the tasks that ask the same question, such as whether BERT beats GPT (Holm 1979).

Without any difference, a question asked on six tasks would find one with a chance of up to 6 * 5 %. Different
questions are not adjusted for each other.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from msgspec.structs import replace

from twinlm.evidence.intervals import winner
from twinlm.evidence.records import Comparison
from twinlm.evidence.results import TaskResult


def adjusted(tasks: Sequence[TaskResult]) -> list[TaskResult]:
    """Return the tasks with adjusted p values and the winners that these allow."""
    families: dict[Hashable, list[tuple[int, int]]] = {}
    for index, task in enumerate(tasks):
        for number, item in enumerate(task.comparisons):
            families.setdefault(_question(task, item), []).append((index, number))
    changed = [list(task.comparisons) for task in tasks]
    for members in families.values():
        claims = corrected([tasks[index].comparisons[number] for index, number in members])
        for (index, number), item in zip(members, claims, strict=True):
            changed[index][number] = item
    return [replace(task, comparisons=comparisons) for task, comparisons in zip(tasks, changed, strict=True)]


def corrected(items: Sequence[Comparison]) -> list[Comparison]:
    """Return comparisons that ask the same, with adjusted p values and the winners that these allow."""
    p_values = holm([max(item.p_value, item.p_interval) for item in items])
    return [
        replace(
            item,
            p_adjusted=p_value,
            claims=len(items),
            winner=winner(item.first, item.second, item.difference.estimate, p_value),
        )
        for item, p_value in zip(items, p_values, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the adjusted p value of each claim, in the order given.

    The smallest of m values is multiplied by m, the next by m - 1, and so on; none may be smaller than the
    one before. Claiming all below a level keeps the chance of any false claim below it, under any dependence.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(order), 0, -1)
    steps = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, np.float64)[order] * factors))
    adjusted = np.empty(len(order))
    adjusted[order] = steps
    values: list[float] = adjusted.tolist()
    return values


def _question(task: TaskResult, item: Comparison) -> Hashable:
    """Return the two arms of a comparison in any order, with the best baseline under one name."""
    baselines = {score.arm for score in task.scores if not score.family}
    return frozenset("a baseline" if name in baselines else name for name in (item.first, item.second))
