"""Scores of each task: plots, tables of scores and differences, classes, and what stands behind them."""

from collections.abc import Callable, Sequence

from twinlm.evidence.details import Details
from twinlm.evidence.evidence import Effect
from twinlm.evidence.records import Ledger
from twinlm.evidence.results import ArmScore, Comparison, Results, TaskResult
from twinlm.evidence.variance import shares
from twinlm.report import details_section, plots
from twinlm.report.document import NOTHING, Block, Columns, Fold, Heading, Plot, Section, Table, Text
from twinlm.report.numbers import (
    INTERVAL,
    MINUS,
    bare_p,
    capital,
    duration,
    figure,
    listed,
    low_to_high,
    points,
    scientific,
    whole,
)

_TIMES = " \N{MULTIPLICATION SIGN} "


def section(results: Results, details: Details) -> Section:
    """Return the section on all tasks."""
    blocks = [block for task in results.tasks for block in _task(results, task, details)]
    return Section(anchor="tasks", title="Tasks", blocks=blocks)


def _task(results: Results, task: TaskResult, details: Details) -> list[Block]:
    noun = "tags" if task.kind == "tagging" else "classes"
    classes = f"{len(task.classes)} {noun} · " if task.classes else ""
    has_f1 = any(score.is_pretrained and score.f1_by_class for score in task.scores)
    differences = _differences(results, task) if task.comparisons else []
    return [
        Heading(task.name),
        Text(
            f"{classes}{whole(task.train_examples)} training, {whole(task.valid_examples)} validation and "
            f"{whole(task.test_examples)} test examples",
            style="facts",
        ),
        Columns([[_scores(results, task)], *([plot] for plot in differences)]),
        scores(task),
        *([comparisons(task)] if task.comparisons else []),
        *([_classes(results, task)] if has_f1 else []),
        *(
            Fold(
                f"Confusions of {score.label}",
                [confusion(task, score)],
                list(results.families).index(score.family),
            )
            for score in task.scores
            if score.family and score.confusion
        ),
        *(
            block
            for item in details.tasks
            if item.task == task.name
            for block in details_section.blocks(results, task, item)
        ),
    ]


def _scores(results: Results, task: TaskResult) -> Plot:
    return Plot(
        caption=f"{capital(task.metric)} of each arm, the best first. Large mark: mean over seeds; bar: "
        f"{INTERVAL} over examples and seeds; small dots: single seeds. Filled: pre-trained; hollow: not "
        "pre-trained; grey: baselines.",
        picture=plots.score_plot(results, task),
    )


def _differences(results: Results, task: TaskResult) -> list[Block]:
    return [
        Plot(
            caption=f"Differences with {INTERVAL}s. To the right of 0, the arm named first is better. Grey "
            "and hollow: cannot tell.",
            picture=plots.difference_plot(results, task),
        )
    ]


def _classes(results: Results, task: TaskResult) -> Fold:
    plot = Plot(
        caption="F1 of each class for the pre-trained models, over all seeds.",
        picture=plots.f1_plot(results, task),
    )
    return Fold("F1 of each class", [Columns([[plot]]), f1(task)])


def scores(task: TaskResult) -> Table:
    """Return the scores of a task's arms, the best first."""
    ranked = sorted(task.scores, key=lambda score: -score.score.estimate)
    main, *others = task.scores[0].figures
    return Table(
        caption=f"{capital(main)} on the test examples: mean over seeds, {INTERVAL} over examples and seeds.",
        header=["", capital(main), INTERVAL, *map(capital, others), "Each seed", "Failed", "Time"],
        rows=[
            [
                score.label,
                figure(score.score.estimate, main),
                low_to_high(score.score),
                *(f"{score.figures[name]:.3f}".replace("-", MINUS) for name in others),
                ", ".join(points(value) for value in score.score_by_seed.values()) or NOTHING,
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
        (INTERVAL, lambda item: low_to_high(item.difference)),
        ("p", lambda item: bare_p(item.p_value)),
        ("Holm p", lambda item: bare_p(item.p_adjusted)),
        ("Better", lambda item: "cannot tell" if item.winner is None else labels[item.winner]),
        ("Effect", lambda item: f"{item.effect.name} {item.effect.size:+.2f}".replace("-", MINUS)),
        ("Only one right", lambda item: _odds(item.effect)),
        ("Ahead", lambda item: f"{item.effect.first_is_ahead:.2f}"),
        ("BCa, examples", lambda item: low_to_high(item.over_examples)),
        ("Bootstrap, both", lambda item: low_to_high(item.over_both)),
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
    """Return how an arm confused the classes, over all its seeds: true ones in rows."""
    numbers = [str(number) for number in range(1, len(task.classes) + 1)]
    return Table(
        caption=f"{score.label}: true classes in rows, predicted ones in columns; counts over all seeds.",
        header=["", *numbers],
        rows=[
            [f"{number} {name}", *(whole(count) for count in counts)]
            for number, name, counts in zip(numbers, task.classes, score.confusion, strict=True)
        ],
        shades=[[round(100 * count / max(1, sum(counts))) for count in counts] for counts in score.confusion],
    )


def fine_tuning(results: Results) -> Table:
    """Return the fine-tuning time and the chosen epochs of each arm on each task."""
    return Table(
        caption="What fine-tuning took, all seeds together. For each seed, the epoch with the best score on "
        "the validation examples is kept.",
        header=["", "Task", "Time", "Epochs kept"],
        rows=[
            [score.label, task.name, duration(score.seconds), _epochs(score)]
            for task in results.tasks
            for score in task.scores
            if score.family
        ],
        is_text=(0, 1),
    )


def ledger(rows: Sequence[Ledger]) -> Table:
    """Return what was tried for each arm and task, a row for each learning rate."""
    return Table(
        caption="Learning rates tried in fine-tuning before any test example was read. In a grid, every arm "
        "has the same rates and seeds. Failed: diverged, or gave one answer to all validation examples. "
        "Validation: mean main figure times 100.",
        header=["", "Task", "Learning rate", "Kept", "Trials", "Failed", "Validation", "Operations", "Time"],
        rows=[
            [
                row.label,
                row.task,
                f"{tried.learning_rate:g}",
                "yes" if tried.learning_rate == row.kept else "",
                whole(tried.trials),
                whole(tried.failed),
                NOTHING if tried.validation is None else f"{100 * tried.validation:.1f}",
                scientific(tried.flops),
                duration(tried.seconds),
            ]
            for row in rows
            for tried in row.tried
        ],
        is_text=(0, 1, 3),
    )


def _about_comparisons(task: TaskResult) -> str:
    once = any(item.pretraining_seeds == 1 for item in task.comparisons)
    return (
        f"Differences in points of {task.metric}. Better: named only where Holm p is below 0.05. For that, "
        f"the {INTERVAL} over examples and seeds must exclude 0 and the paired test over examples (p) must "
        "agree, both adjusted for the tasks on which the same question is asked. Effect: Cohen's h for "
        "shares, d_z for other figures. Only one right: examples that only the first or only the second "
        "gets right, and their odds ratio. Ahead: chance that a model of the first arm beats one of the "
        "second. The two bootstrap intervals do not enter the decision. Variance: shares from examples, "
        "pre-training and fine-tuning."
        + (
            " With one pre-training, none of these includes the variation between pre-training seeds."
            if once
            else ""
        )
    )


def _odds(effect: Effect) -> str:
    """Return "61 : 38 (1.60)"."""
    if effect.only_first is None or effect.only_second is None:
        return NOTHING
    return f"{whole(effect.only_first)} : {whole(effect.only_second)} ({effect.odds_ratio:.2f})"


def _where_from(item: Comparison) -> str:
    """Return the shares of variance of what was drawn more than once: "examples 70 %, fine-tuning 30 %"."""
    names = ("examples", "pre-training", "fine-tuning")
    are_known = (True, item.pretraining_seeds > 1, item.seeds > 1)
    return ", ".join(
        f"{name} {whole(100 * share)}\N{NARROW NO-BREAK SPACE}%"
        for name, share, is_known in zip(names, shares(item.variances, item.examples), are_known, strict=True)
        if is_known
    )


def _numbers(item: Comparison) -> str:
    """Return "1,461 x 3", or "1,461 x 3 x 2" with three pre-trainings of two fine-tunings each."""
    pretrainings = [item.pretraining_seeds] if item.pretraining_seeds > 1 else []
    return _TIMES.join(whole(count) for count in [item.examples, *pretrainings, item.seeds])


def _epochs(score: ArmScore) -> str:
    return listed([str(epoch) for epoch in score.chosen_epochs.values()]) if score.chosen_epochs else NOTHING
