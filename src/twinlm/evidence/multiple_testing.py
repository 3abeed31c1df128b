"""The claims of a comparison: one question, such as whether BERT beats GPT, may be asked on many tasks.

Where there is no difference anywhere, a question that is asked on six tasks finds one on some task with a
chance of up to 6 * 5 %. So the p values of each question are adjusted over its tasks (Holm 1979).
Questions are not adjusted for one another.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from msgspec.structs import replace

from twinlm.evidence.intervals import winner
from twinlm.evidence.results import Comparison, TaskResult


def adjusted(tasks: Sequence[TaskResult]) -> list[TaskResult]:
    """Return the tasks with adjusted p values and the winners that these allow."""
    families: dict[Hashable, list[tuple[int, int]]] = {}
    for place, task in enumerate(tasks):
        for number, item in enumerate(task.comparisons):
            families.setdefault(_question(task, item), []).append((place, number))
    changed = [list(task.comparisons) for task in tasks]
    for places in families.values():
        claims = corrected([tasks[place].comparisons[number] for place, number in places])
        for (place, number), item in zip(places, claims, strict=True):
            changed[place][number] = item
    return [replace(task, comparisons=comparisons) for task, comparisons in zip(tasks, changed, strict=True)]


def corrected(items: Sequence[Comparison]) -> list[Comparison]:
    """Return comparisons that ask the same, with adjusted p values and the winners that these allow."""
    p_values = holm([max(item.p_value, item.p_interval) for item in items])
    return [_with_p(item, p_value, len(items)) for item, p_value in zip(items, p_values, strict=True)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the adjusted p of each claim, in the order given.

    Claiming all those below a level keeps the chance of one false claim or more below that level, whatever
    depends on what. The smallest of m values is taken m times, the next one m - 1 times, and so on; none may
    be smaller than the one before it.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(order), 0, -1)
    steps = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, np.float64)[order] * factors))
    adjusted = np.empty(len(order))
    adjusted[order] = steps
    found: list[float] = adjusted.tolist()
    return found


def _question(task: TaskResult, item: Comparison) -> Hashable:
    """Return what tells a question: the two arms, whichever is first, or an arm and the best baseline."""
    baselines = {score.arm for score in task.scores if not score.family}
    return frozenset("a baseline" if name in baselines else name for name in (item.first, item.second))


def _with_p(item: Comparison, p_adjusted: float, claims: int) -> Comparison:
    found = winner(item.first, item.second, item.difference.estimate, p_adjusted)
    return replace(item, p_adjusted=p_adjusted, claims=claims, winner=found)
