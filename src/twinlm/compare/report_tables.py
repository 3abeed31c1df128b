"""The report's tables, as texts: the page and the Markdown file show the same ones."""

from collections.abc import Callable
from dataclasses import dataclass

from twinlm.compare.readable import (
    INTERVAL,
    MINUS,
    amount,
    duration,
    figure,
    listed,
    p_value,
    points,
    scientific,
    size,
    times,
    whole,
)
from twinlm.compare.results import ArmScore, Cost, LanguageResult, Results, TaskResult

_NOTHING = "\N{EN DASH}"


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
    return Table(
        caption=f"Differences in points of {task.metric}. A better one is named only where the interval "
        "leaves out 0 and the paired test over examples gives p < 0.05.",
        header=["", "Difference", INTERVAL, "p", "Better"],
        rows=[
            [
                f"{labels[item.first]} against {labels[item.second]}",
                points(item.difference.estimate, signed=True),
                f"{points(item.difference.low)} to {points(item.difference.high)}",
                p_value(item.p_value).lstrip("p=\N{NO-BREAK SPACE}"),
                "cannot tell" if item.winner is None else labels[item.winner],
            ]
            for item in task.comparisons
        ],
        is_text=(0, 4),
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
        ],
    )


def costs(results: Results) -> Table:
    """Return what pre-training took, a column for each family."""
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
        ("tokens per second", lambda cost: amount(cost.tokens_per_second)),
        ("peak memory", lambda cost: size(cost.peak_memory_bytes)),
    ]
    return Table(
        caption=f"What pre-training took. The budgets are equal in {results.matched_by}.",
        header=["", *(results.families[cost.family] for cost in results.costs)],
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


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _epochs(score: ArmScore) -> str:
    return listed([str(epoch) for epoch in score.chosen_epochs.values()]) if score.chosen_epochs else _NOTHING


def _plain(value: float) -> str:
    return whole(value) if value == round(value) else f"{value:.4g}"
