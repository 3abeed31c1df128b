"""Figures that would be 0 / 0: a dash in tables, and a sentence that says why and what follows."""

from collections.abc import Callable, Sequence

from twinlm.evidence.records import Interval
from twinlm.evidence.results import ArmScore, TaskResult
from twinlm.report.document import NOTHING
from twinlm.report.numbers import bare, capital, counted, figure, listed


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


def sentences(tasks: Sequence[TaskResult], *, is_main: bool) -> list[str]:
    """Name the figures that are 0 / 0, of which arms, and why: the main ones, or the others.

    Several tasks are named.
    """
    labels: dict[tuple[str, str, str], list[str]] = {}
    for task in tasks:
        for score in task.scores:
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
