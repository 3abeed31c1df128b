"""What a comparison found about one of its models: words and a picture for the card of its export."""

from pathlib import Path
from typing import NamedTuple

from twinlm.evidence.results import Cost, LanguageResult, Results, TaskResult
from twinlm.report import data_section, pretraining_section, task_sentences, verdict
from twinlm.report.document import Block, Heading, Items, Table, Text
from twinlm.report.drawing import plots
from twinlm.report.html import STYLE
from twinlm.report.markdown import blocks_as_markdown
from twinlm.report.numbers import INTERVAL, capital, duration, figure_with_interval, scientific, whole
from twinlm.report.report import RECORDS
from twinlm.system.records import read_record
from twinlm.use.load import find_model

PICTURE = "learning-curve.svg"
_TASKS = "tasks"
_HIGHEST = 8  # folders from a model up to its run


class Evidence(NamedTuple):
    """What a run says about a model."""

    words: str
    """Markdown: data, budget, scores, verdict and caveats."""
    picture: bytes
    """Learning curve, an SVG; empty if there is none."""
    attribution: list[str]
    """Sources and licences of embedded text; empty for own data."""


def evidence(folder: Path) -> Evidence | None:
    """Return what its run says about the model in a folder; None if it is in no finished run."""
    model = find_model(folder).resolve()
    for run in model.parents[:_HIGHEST]:
        if (run / RECORDS).is_file():
            results = read_record(Results, run / RECORDS)
            return _evidence(results, model.relative_to(run).parts)
    return None


def _evidence(results: Results, parts: tuple[str, ...]) -> Evidence:
    is_tuned = parts[0] == _TASKS
    name = parts[2] if is_tuned else parts[0]
    tasks = [task for task in results.tasks if not is_tuned or task.name == parts[1]]
    language = next((each for each in results.language if each.name == name), None)
    blocks: list[Block] = []
    for task in tasks:
        blocks += [Heading(f"Scores on {task.name}"), _scores(task)]
    blocks += [Heading("Verdict")]
    blocks += [Text(tasks[0].verdict)] if is_tuned and tasks else map(Text, verdict.three_sentences(results))
    blocks += [Text("What this does not show:"), Items(results.caveats)] if results.caveats else []
    blocks += [Heading("Pre-training"), *_pretraining(results, name, language)]
    blocks += [Heading("Text"), *data_section.about_text(results)]
    picture = b""
    if language and any(curve.points for curve in language.curves):
        svg = str(plots.learning_plot(results, language))
        style = f"<style>{STYLE.read_text(encoding='utf-8')}</style>"
        picture = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).encode()
        picture = picture.replace(b">", f">{style}".encode(), 1)
    words = "\n\n".join(blocks_as_markdown(blocks))
    if picture:
        words += f"\n\n![Learning curve]({PICTURE})"
    return Evidence(words, picture, results.attribution)


def _scores(task: TaskResult) -> Table:
    rows = [
        [score.label, task_sentences.main_figure(score, task.metric, figure_with_interval)]
        for score in task.scores
    ]
    return Table(
        caption=f"{capital(task.metric)} on {whole(task.test_examples)} test examples, means over seeds with "
        f"{INTERVAL}s over examples and seeds; {whole(task.train_examples)} training examples.",
        header=["Model", capital(task.metric)],
        rows=rows,
    )


def _pretraining(results: Results, name: str, language: LanguageResult | None) -> list[Block]:
    cost = next((each for each in results.costs if each.name == name), None)
    blocks: list[Block] = [_budget(results, cost)] if cost else []
    return blocks + ([pretraining_section.losses(language)] if language else [])


def _budget(results: Results, cost: Cost) -> Table:
    return Table(
        caption=f"Budget of pre-training, matched by {results.matched_by}.",
        header=["", "Value"],
        rows=[
            ["steps", whole(cost.steps)],
            ["tokens read", whole(cost.tokens)],
            ["passes through the text", f"{cost.corpus_passes:.1f}"],
            ["floating point operations", scientific(cost.flops)],
            ["time", duration(cost.seconds)],
            ["weights", whole(cost.parameters)],
        ],
    )
