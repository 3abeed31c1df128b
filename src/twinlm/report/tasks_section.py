"""Scores of each task: plots, tables of scores and differences, classes, and what stands behind them."""

from collections.abc import Callable, Iterator
from functools import partial

from twinlm.evidence.details import Details
from twinlm.evidence.records import Comparison, Effect, Ledger, RateTried
from twinlm.evidence.results import ArmScore, Results, TaskResult
from twinlm.evidence.variance import shares
from twinlm.report import details_section, document, task_sentences
from twinlm.report.drawing import plots
from twinlm.report.numbers import (
    INTERVAL,
    MINUS,
    bare,
    bare_p,
    capital,
    duration,
    ends,
    figure,
    is_share,
    listed,
    scientific,
    whole,
)
from twinlm.report.two_arms import outcome

_TIMES = " \N{MULTIPLICATION SIGN} "


def section(results: Results, details: Details) -> document.Section:
    """Return the section on all tasks."""
    blocks = [block for task in results.tasks for block in _task(results, task, details)]
    return document.Section("tasks", "Tasks", blocks)


def _task(results: Results, task: TaskResult, details: Details) -> Iterator[document.Block]:
    yield document.Heading(task.name)
    noun = "tags" if task.kind == "tagging" else "classes"
    classes = f"{len(task.classes)} {noun} · " if task.classes else ""
    yield document.Text(
        f"{classes}{whole(task.train_examples)} training, {whole(task.valid_examples)} validation and "
        f"{whole(task.test_examples)} test examples",
        style="facts",
    )
    yield document.Text(measured_by(task), style="facts")
    yield from map(document.Text, task_sentences.paragraphs(task))
    yield document.Columns([[plot] for plot in _plots(results, task)])
    yield scores(task)
    if task.comparisons:
        yield comparisons(task)
    if task.frozen:
        yield frozen(task)
    if any(score.is_pretrained and score.f1_by_class for score in task.scores):
        caption = "F1 of each class for the pre-trained models, over all seeds."
        plot = document.Plot(caption, plots.f1_plot(results, task))
        yield document.Fold("F1 of each class", [document.Columns([[plot]]), f1(task)])
    for score in task.scores:
        if score.family and score.confusion:
            family = list(results.families).index(score.family)
            yield document.Fold(f"Confusions of {score.label}", [confusion(task, score)], family)
    for item in details.tasks:
        if item.task == task.name:
            yield from details_section.blocks(results, task, item)


def measured_by(task: TaskResult) -> str:
    """Return which figure the task is measured by, and why."""
    why = f", because {task.metric_reason}" if task.metric_reason else ""
    return f"Measured by {task.metric}{why}."


def _plots(results: Results, task: TaskResult) -> Iterator[document.Plot]:
    yield document.Plot(
        f"{capital(task.metric)} of each arm, the best first. Large mark: mean over seeds; bar: "
        f"{INTERVAL} over examples and seeds; small dots: single seeds. Filled: pre-trained; hollow: not "
        "pre-trained; grey: baselines" + "; pale: frozen" * bool(task.frozen) + ".",
        plots.score_plot(results, task),
    )
    if task.comparisons:
        yield document.Plot(
            f"Differences with {INTERVAL}s. To the right of 0, the arm named first is better. Grey "
            "and hollow: no winner.",
            plots.difference_plot(results, task),
        )


def scores(task: TaskResult) -> document.Table:
    """Return the scores of a task's arms, the best first."""
    main, *others = task.scores[0].figures
    columns: list[tuple[str, Callable[[ArmScore], str]]] = [
        ("", lambda score: score.label),
        (capital(main), lambda score: task_sentences.main_figure(score, main)),
        (INTERVAL, lambda score: task_sentences.main_figure(score, main, ends)),
        *((capital(name), partial(task_sentences.other_figure, name=name)) for name in others),
        ("Each seed", lambda score: task_sentences.each_seed(score, main)),
        ("Failed", lambda score: str(len(score.failed_seeds))),
        ("Time", lambda score: duration(score.seconds)),
    ]
    caption = f"{capital(main)} on the test examples: mean over seeds, {INTERVAL} over examples and seeds."
    if "macro F1" in others and (has := len(task.scores[0].f1_by_class)):
        every = f" ({has} of {len(task.classes)})" * (has < len(task.classes))
        caption += f" Macro F1: mean over the classes that the test examples have{every}."
    for is_main in (True, False):
        caption += "".join(f" {text}" for text in task_sentences.undefined_sentences([task], is_main=is_main))
    if task.frozen:
        caption += " Frozen: a linear model on the states before fine-tuning, which takes no part in winners."
    rows = sorted([*task.scores, *task.frozen], key=lambda score: -score.score.estimate)
    return document.table_of(caption, rows, columns)


def comparisons(task: TaskResult) -> document.Table:
    """Return the comparisons of a task's arms."""
    arms = {score.arm: score for score in task.scores}
    columns: list[tuple[str, Callable[[Comparison], str]]] = [
        ("", lambda item: f"{arms[item.first].label} against {arms[item.second].label}"),
        ("Difference", lambda item: bare(item.difference.estimate, task.metric, signed=True)),
        (INTERVAL, lambda item: ends(item.difference, task.metric)),
        ("p", lambda item: bare_p(item.p_value)),
        ("Holm p", lambda item: bare_p(item.p_adjusted)),
        ("Better", lambda item: outcome(item, arms[item.first], arms[item.second])),
        ("Effect", lambda item: f"{item.effect.name} {item.effect.size:+.2f}".replace("-", MINUS)),
        ("Only one right", lambda item: _odds(item.effect)),
        ("Ahead", lambda item: f"{item.effect.first_is_ahead:.2f}"),
        ("BCa, examples", lambda item: ends(item.over_examples, task.metric)),
        ("Bootstrap, both", lambda item: ends(item.over_both, task.metric)),
        ("Variance", _where_from),
        (f"Examples{_TIMES}seeds", _numbers),
    ]
    return document.table_of(_about_comparisons(task), task.comparisons, columns, is_text=(0, 5))


def frozen(task: TaskResult) -> document.Table:
    """Return what fine-tuning added to a linear model on the frozen states, a row for each arm."""
    labels = {score.arm: score.label for score in task.scores}
    return document.table_of(
        f"What fine-tuning added to a linear model on the states that it started from: difference of "
        f"{task.metric}, paired by example and pre-training. The {INTERVAL}s are not adjusted for the "
        "number of tasks and arms.",
        [(body, gap) for body in task.frozen for gap in body.gaps],
        [
            ("", lambda row: f"{labels[row[1].arm]} against {row[0].label}"),
            ("Difference", lambda row: bare(row[1].difference.estimate, task.metric, signed=True)),
            (INTERVAL, lambda row: ends(row[1].difference, task.metric)),
        ],
    )


def f1(task: TaskResult) -> document.Table:
    """Return the F1 of each class for each arm."""
    return document.Table(
        caption="F1 of each class, mean over seeds.",
        header=["", *(score.label for score in task.scores)],
        rows=[
            [name, *(f"{score.f1_by_class[name]:.2f}" for score in task.scores)]
            for name in task.scores[0].f1_by_class
        ],
    )


def confusion(task: TaskResult, score: ArmScore) -> document.Table:
    """Return how an arm confused the classes, over all its seeds: true ones in rows."""
    numbers = [str(number) for number in range(1, len(task.classes) + 1)]
    return document.Table(
        caption=f"{score.label}: true classes in rows, predicted ones in columns; counts over all seeds.",
        header=["", *numbers],
        rows=[
            [f"{number} {name}", *(whole(count) for count in counts)]
            for number, name, counts in zip(numbers, task.classes, score.confusion, strict=True)
        ],
        shades=[[round(100 * count / max(1, sum(counts))) for count in counts] for counts in score.confusion],
    )


def fine_tuning(results: Results) -> document.Table:
    """Return the fine-tuning time and the chosen epochs of each arm on each task."""
    return document.table_of(
        "What fine-tuning took, all seeds together. For each seed, the epoch with the best score on the "
        "validation examples is kept, the last of equally good ones.",
        [(task, score) for task in results.tasks for score in task.scores if score.family],
        [
            ("", lambda row: row[1].label),
            ("Task", lambda row: row[0].name),
            ("Time", lambda row: duration(row[1].seconds)),
            (
                "Epochs kept",
                lambda row: listed(list(map(str, row[1].chosen_epochs.values()))) or document.NOTHING,
            ),
        ],
        is_text=(0, 1),
    )


def ledger(results: Results) -> document.Table:
    """Return what was tried for each arm and task, a row for each learning rate."""
    metrics = {task.name: task.metric for task in results.tasks}
    columns: list[tuple[str, Callable[[tuple[Ledger, RateTried]], str]]] = [
        ("", lambda row: row[0].label),
        ("Task", lambda row: row[0].task),
        ("Learning rate", lambda row: f"{row[1].learning_rate:g}"),
        ("Kept", lambda row: "yes" * (row[1].learning_rate == row[0].kept)),
        ("Trials", lambda row: whole(row[1].trials)),
        ("Failed", lambda row: whole(row[1].failed)),
        (
            "Validation",
            lambda row: (
                document.NOTHING
                if row[1].validation is None
                else figure(row[1].validation, metrics.get(row[0].task, ""))
            ),
        ),
        ("Operations", lambda row: scientific(row[1].flops)),
        ("Time", lambda row: duration(row[1].seconds)),
    ]
    return document.table_of(
        "Learning rates tried in fine-tuning before any test example was read. In a grid, every arm has the "
        "same rates and seeds. Failed: diverged, or gave one answer to all validation examples. Validation: "
        "mean main figure.",
        [(arm, tried) for arm in results.ledger for tried in arm.tried],
        columns,
        is_text=(0, 1, 3),
    )


def _about_comparisons(task: TaskResult) -> str:
    unit = "in points of " if is_share(task.metric) else "of "
    once = any(item.pretraining_seeds == 1 for item in task.comparisons)
    return (
        f"Differences {unit}{task.metric}. Better: named only where Holm p is below 0.05. For that, the "
        f"{INTERVAL} over examples and seeds must exclude 0 and the paired test over examples (p) must "
        "agree, both adjusted for the tasks on which the same question is asked. Neither learned: all "
        "trainings of both failed. Effect: Cohen's h for shares, d_z for other figures. Only one right: "
        "examples that only the first or only the second gets right, and their odds ratio. Ahead: chance "
        "that a model of the first arm beats one of the second. The two bootstrap intervals do not enter "
        "the decision. Variance: shares from examples, pre-training and fine-tuning."
        + (
            " With one pre-training, none of these includes the variation between pre-training seeds."
            if once
            else ""
        )
    )


def _odds(effect: Effect) -> str:
    """Return "61 : 38 (1.60)"."""
    if effect.only_first is None or effect.only_second is None:
        return document.NOTHING
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
