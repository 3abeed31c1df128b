"""The report as Markdown: the page's words and tables, without its plots."""

import re
from collections.abc import Iterator

from twinlm.evidence.details import Details
from twinlm.evidence.pareto import judge_task
from twinlm.evidence.results import LanguageResult, Results, TaskResult
from twinlm.report import cost_section, curves_section, language_section, report_doctor, tables
from twinlm.report.cost_section import COST_KINDS
from twinlm.report.details_section import blocks, shown_details
from twinlm.report.samples_section import Piece, pieces
from twinlm.report.tables import Table

_CURVE_ROWS = 8


def render_markdown(results: Results, details: Details | None = None) -> str:
    """Return the report's text, in the order of the page.

    Args:
        results: of the comparison.
        details: what stands behind the scores, if it was looked at.
    """
    return "\n\n".join(_blocks(results, details or Details(tasks=[]))) + "\n"


def _blocks(results: Results, details: Details) -> Iterator[str]:
    yield f"# {_escape(results.title)}"
    yield "## Verdict"
    yield _items(results.verdict)
    if results.caveats:
        yield "**What this does not show**"
        yield _items(results.caveats)
    yield "## Tasks"
    for task in results.tasks:
        yield from _task(task)
        for found in details.tasks:
            if found.task == task.name:
                yield from map(_block, blocks(shown_details(results, task, found)))
    for curve in results.curves:
        yield f"### {_escape(curve.task)}: score against {curve.axis}"
        yield _escape(curve.verdict)
        yield _table(curves_section.points(results, curve))
    yield "## Pre-training"
    yield (
        "The values of the two families measure different things and are not comparable: one predicts each "
        "token from those before it, the other hidden tokens from both sides."
    )
    for language in results.language:
        yield from _language(language)
    yield from _quality(results)
    yield "## Costs"
    yield _table(tables.costs(results))
    if results.tasks:
        yield _table(tables.fine_tuning(results))
        yield _table(curves_section.ledger(results.ledger))
    yield from _cards(results)
    if results.doctor:
        yield "## What the data doctor found"
        yield _escape(report_doctor.summary(results.doctor))
        if results.doctor.findings:
            yield _items([report_doctor.line(finding) for finding in results.doctor.findings])
    yield "## Data"
    yield _table(tables.data(results))
    if results.removed:
        yield _table(tables.removed(results))
    if results.attribution:
        yield _items(results.attribution)
    yield "## To repeat it"
    yield _code(results.command, "sh")
    yield _code(results.settings_toml, "toml")
    yield _table(tables.environment(results))
    yield _table(tables.fingerprints(results))


def _task(task: TaskResult) -> Iterator[str]:
    yield f"### {_escape(task.name)}"
    yield _escape(task.verdict)
    classes = f"{len(task.classes)} classes; " if task.classes else ""
    yield (
        f"{classes}{task.train_examples:,} examples for training, "
        f"{task.valid_examples:,} for validation, {task.test_examples:,} for the test."
    )
    yield _table(tables.scores(task))
    if task.comparisons:
        yield _table(tables.comparisons(task))
    if task.scores[0].f1_by_class:
        yield _table(tables.f1(task))
    for score in task.scores:
        if score.is_pretrained and score.confusion:
            yield _table(tables.confusion(task, score))


def _block(block: str | list[str] | Table) -> str:
    if isinstance(block, Table):
        return _table(block)
    return f"**{_escape(block)}**" if isinstance(block, str) else _items(block)


def _language(language: LanguageResult) -> Iterator[str]:
    yield f"### {_escape(language.label)}"
    yield _table(tables.language(language))
    for curve in language.curves:
        step = max(1, len(curve.points) // _CURVE_ROWS)
        rows = [[f"{point.tokens:,}", f"{point.value:.3f}"] for point in curve.points[step - 1 :: step]]
        caption = f"Learning curve: {curve.name}, {curve.unit}."
        yield _table(Table(caption=caption, header=["tokens read", "value"], rows=rows, is_text=()))
    for sample in language.samples:
        text = "".join(_piece(piece) for piece in pieces(sample))
        yield f"> {text}\n>\n> In the original: {_escape(sample['original'])}"


def _quality(results: Results) -> Iterator[str]:
    quality = results.quality
    if quality.groups or quality.pairs or quality.cloze:
        yield "## Language without labels"
    for group in quality.groups:
        yield _table(language_section.figures(group))
    for found in quality.pairs:
        yield _table(language_section.overall(found))
        yield _table(language_section.by_phenomenon(found))
    if quality.cloze:
        yield from map(_table, language_section.gaps(quality.cloze))
    if quality.notes:
        yield _items(quality.notes)


def _cards(results: Results) -> Iterator[str]:
    if results.cost_cards:
        yield _table(cost_section.making(results.cost_cards, results.price_per_hour))
    for task in results.tasks:
        costs = results.cost_cards.get(task.name, [])
        for kind in COST_KINDS:
            if len(judged := judge_task(task, costs, kind.of)) > 1:
                yield _table(cost_section.standings(task, judged, kind))
        if costs:
            yield _table(cost_section.answering(task.name, costs, results.price_per_hour))


def _piece(piece: Piece) -> str:
    """What the model wrote is bold; Markdown wants the spaces outside."""
    inner = piece.text.strip()
    if not piece.is_written or not inner:
        return _escape(piece.text)
    start = piece.text.index(inner)
    before, after = piece.text[:start], piece.text[start + len(inner) :]
    return f"{_escape(before)}**{_escape(inner)}**{_escape(after)}"


def _table(table: Table) -> str:
    lines = ["", *[" | ".join(_escape(cell) for cell in row) for row in [table.header, *table.rows]]]
    rule = " | ".join("---" if column in table.is_text else "---:" for column in range(len(table.header)))
    lines.insert(2, rule)
    return _escape(table.caption) + "\n" + "\n".join(f"| {line} |" if line else "" for line in lines)


def _items(texts: list[str]) -> str:
    return "\n".join(f"- {_escape(text)}" for text in texts)


def _escape(text: str) -> str:
    """Keep a text from being read as Markdown or HTML, on one line."""
    text = re.sub(r"([\\`*_{}\[\]|#~])", r"\\\1", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")


def _code(text: str, language: str) -> str:
    """A fence longer than any in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
