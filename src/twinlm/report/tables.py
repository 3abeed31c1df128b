"""The report's tables, as texts: the page and the Markdown file show the same ones."""

from collections.abc import Callable
from dataclasses import dataclass

from twinlm.evidence.evidence import Effect
from twinlm.evidence.results import ArmScore, Comparison, Cost, Interval, LanguageResult, Results, TaskResult
from twinlm.evidence.variance import shares
from twinlm.report.numbers import (
    INTERVAL,
    MINUS,
    amount,
    duration,
    figure,
    listed,
    p_value,
    points,
    scientific,
    signed_percent,
    size,
    times,
    whole,
)

_NOTHING = "\N{EN DASH}"
_TIMES = " \N{MULTIPLICATION SIGN} "


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table; its first column names the rows."""

    caption: str
    """What the table shows."""
    header: list[str]
    """Names of the columns."""
    rows: list[list[str]]
    """Cells, row by row."""
    is_text: tuple[int, ...] = (0,)
    """Columns of words rather than numbers."""


def scores(task: TaskResult) -> Table:
    """Return how each arm did on a task, the best first."""
    ranked = sorted(task.scores, key=lambda score: -score.score.estimate)
    main, *others = task.scores[0].figures
    over = f"mean over seeds, {INTERVAL} over examples and seeds"
    return Table(
        caption=f"{_capital(main)} on the test examples: {over}.",
        header=["", _capital(main), INTERVAL, *map(_capital, others), "Each seed", "Failed", "Time"],
        rows=[
            [
                score.label,
                figure(score.score.estimate, main),
                f"{points(score.score.low)} to {points(score.score.high)}",
                *(f"{score.figures[name]:.3f}".replace("-", MINUS) for name in others),
                ", ".join(points(value) for value in score.score_by_seed.values()) or _NOTHING,
                str(len(score.failed_seeds)),
                duration(score.seconds),
            ]
            for score in ranked
        ],
    )


def comparisons(task: TaskResult) -> Table:
    """Return the comparisons of a task's arms."""
    labels = {score.arm: score.label for score in task.scores}
    columns: list[tuple[str, Callable[[Comparison], str]]] = [
        ("", lambda item: f"{labels[item.first]} against {labels[item.second]}"),
        ("Difference", lambda item: points(item.difference.estimate, signed=True)),
        (INTERVAL, lambda item: _ends(item.difference)),
        ("p", lambda item: _bare_p(item.p_value)),
        ("Holm p", lambda item: _bare_p(item.p_adjusted)),
        ("Better", lambda item: "cannot tell" if item.winner is None else labels[item.winner]),
        ("Effect", lambda item: f"{item.effect.name} {item.effect.size:+.2f}".replace("-", MINUS)),
        ("Only one right", lambda item: _odds(item.effect)),
        ("Ahead", lambda item: f"{item.effect.first_is_ahead:.2f}"),
        ("BCa, examples", lambda item: _ends(item.over_examples)),
        ("Bootstrap, both", lambda item: _ends(item.over_both)),
        ("Variance", _where_from),
        (f"Examples{_TIMES}seeds", _numbers),
    ]
    return Table(
        caption=_about_comparisons(task),
        header=[name for name, _ in columns],
        rows=[[show(item) for _, show in columns] for item in task.comparisons],
        is_text=(0, 5),
    )


def f1(task: TaskResult) -> Table:
    """Return the F1 of each class for each arm."""
    return Table(
        caption="F1 of each class, mean over seeds.",
        header=["", *(score.label for score in task.scores)],
        rows=[
            [name, *(f"{score.f1_by_class[name]:.2f}" for score in task.scores)]
            for name in task.scores[0].f1_by_class
        ],
    )


def confusion(task: TaskResult, score: ArmScore) -> Table:
    """Return how the classes were confused by an arm, over all its seeds: true ones in rows."""
    numbers = [str(number) for number in range(1, len(task.classes) + 1)]
    return Table(
        caption=f"{score.label}: true classes in rows, predicted ones in columns; counts over all seeds.",
        header=["", *numbers],
        rows=[
            [f"{number} {name}", *(whole(count) for count in counts)]
            for number, name, counts in zip(numbers, task.classes, score.confusion, strict=True)
        ],
    )


def language(result: LanguageResult) -> Table:
    """Return what pre-training reached in one family; never put two families into one such table."""
    return Table(
        caption=f"In {result.measure}; the lower, the better.",
        header=["", "Value"],
        rows=[
            ["validation text", f"{result.validation:.3f}"],
            ["test text", f"{result.test:.3f}"],
            *([name, f"{value:.4g}"] for name, value in result.others.items()),
            *([f"counting {name}, validation text", f"{at:.3f}"] for name, at in result.floors.items()),
        ],
    )


def costs(results: Results) -> Table:
    """Return what pre-training took, a column for each; the mean over seeds where there are several."""
    lines: list[tuple[str, Callable[[Cost], str]]] = [
        ("parameters", lambda cost: amount(cost.parameters)),
        ("parameters in the layers", lambda cost: amount(cost.non_embedding_parameters)),
        ("size of the weights", lambda cost: size(cost.model_bytes)),
        ("steps", lambda cost: whole(cost.steps)),
        ("tokens read", lambda cost: amount(cost.tokens)),
        ("passes over the training text", lambda cost: times(cost.corpus_passes)),
        ("tokens predicted", lambda cost: amount(cost.targets)),
        ("floating point operations", lambda cost: scientific(cost.flops)),
        ("training time", lambda cost: duration(cost.seconds)),
        ("training time, planned", lambda cost: duration(cost.planned_seconds)),
        ("error of the plan", lambda cost: signed_percent(cost.plan_error)),
        ("tokens per second", lambda cost: amount(cost.tokens_per_second)),
        ("peak memory", lambda cost: size(cost.peak_memory_bytes)),
    ]
    return Table(
        caption=f"What pre-training took. The budgets are equal in {results.matched_by}.",
        header=["", *(cost.label for cost in results.costs)],
        rows=[[name, *(show(cost) for cost in results.costs)] for name, show in lines],
    )


def fine_tuning(results: Results) -> Table:
    """Return the fine-tuning time and the chosen epochs of each arm on each task."""
    return Table(
        caption="What fine-tuning took, all seeds together. Of each seed, the epoch that did best on the "
        "validation examples is kept.",
        header=["", "Task", "Time", "Epochs kept"],
        rows=[
            [score.label, task.name, duration(score.seconds), _epochs(score)]
            for task in results.tasks
            for score in task.scores
            if score.family
        ],
        is_text=(0, 1),
    )


def data(results: Results) -> Table:
    """Return the facts of the text and its splits."""
    rows = [
        [name, value if isinstance(value, str) else _plain(value)] for name, value in results.data.items()
    ]
    return Table(caption="The text.", header=["", "Value"], rows=rows, is_text=(0, 1))


def removed(results: Results) -> Table:
    """Return what was left out of the text or the tasks."""
    rows = [[name, whole(count)] for name, count in results.removed.items()]
    return Table(caption="What was left out or changed, and how often.", header=["", "Count"], rows=rows)


def environment(results: Results) -> Table:
    """Return what the comparison ran on."""
    return _pairs("What it ran on.", results.environment)


def fingerprints(results: Results) -> Table:
    """Return the SHA-256 of what went in and came out."""
    return _pairs("SHA-256.", results.fingerprints)


def _pairs(caption: str, values: dict[str, str]) -> Table:
    rows = [[name, value] for name, value in values.items()]
    return Table(caption=caption, header=["", "Value"], rows=rows, is_text=(0, 1))


def _about_comparisons(task: TaskResult) -> str:
    """Return what the columns of the differences mean."""
    once = any(item.pretraining_seeds == 1 for item in task.comparisons)
    return (
        f"Differences in points of {task.metric}. A better one is named only where Holm p is below 0.05: the "
        f"{INTERVAL}, over examples and seeds, must leave out 0, and so must the paired test over examples "
        "(p), both adjusted for the tasks on which the same is asked. Effect: Cohen's h of shares, d_z of "
        "other figures. Only one right: examples that only the first or only the second gets right, and "
        "their odds ratio. Ahead: chance that a model of the first beats one of the second. Beside them, "
        "two bootstrap intervals that decide nothing, and how much of the variance is from examples, from "
        "pre-training and from fine-tuning."
        + (" Of one pre-training, none of these holds what another would change." if once else "")
    )


def _ends(interval: Interval) -> str:
    return f"{points(interval.low)} to {points(interval.high)}"


def _bare_p(value: float) -> str:
    return p_value(value).lstrip("p=\N{NO-BREAK SPACE}")


def _odds(found: Effect) -> str:
    """Return "61 : 38 (1.60)"."""
    if found.only_first is None or found.only_second is None:
        return _NOTHING
    return f"{whole(found.only_first)} : {whole(found.only_second)} ({found.odds_ratio:.2f})"


def _where_from(item: Comparison) -> str:
    """Return the shares of variance, of what was drawn more than once: "examples 70 %, fine-tuning 30 %"."""
    names = ("examples", "pre-training", "fine-tuning")
    are_known = (True, item.pretraining_seeds > 1, item.seeds > 1)
    found = zip(names, shares(item.variances, item.examples), are_known, strict=True)
    return ", ".join(
        f"{name} {whole(100 * share)}\N{NARROW NO-BREAK SPACE}%"
        for name, share, is_known in found
        if is_known
    )


def _numbers(item: Comparison) -> str:
    """Return "1,461 x 3", or "1,461 x 3 x 2" with three pre-trainings of two fine-tunings each."""
    pretrainings = [item.pretraining_seeds] if item.pretraining_seeds > 1 else []
    return _TIMES.join(whole(count) for count in [item.examples, *pretrainings, item.seeds])


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _epochs(score: ArmScore) -> str:
    return listed([str(epoch) for epoch in score.chosen_epochs.values()]) if score.chosen_epochs else _NOTHING


def _plain(value: float) -> str:
    return whole(value) if value == round(value) else f"{value:.4g}"
