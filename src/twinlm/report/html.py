"""The report as one page: no other file, no script, nothing from the network."""

from pathlib import Path
from typing import Any

from twinlm.evidence.details import Details
from twinlm.evidence.pareto import judge_task
from twinlm.evidence.results import ArmScore, Results, TaskResult
from twinlm.report import cost_section, curves_section, language_section, plots, report_doctor, tables
from twinlm.report.cost_section import COST_KINDS
from twinlm.report.details_section import shown_details
from twinlm.report.numbers import points, whole
from twinlm.report.samples_section import pieces

_TEMPLATES = Path(__file__).parent / "templates"


def render_html(results: Results, details: Details | None = None) -> str:
    """Return the page; the same results give the same page.

    Args:
        results: of the comparison.
        details: what stands behind the scores, if it was looked at.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"whole": whole, "points": points}
    return environment.get_template("report.html.j2").render(
        results=results,
        answers=_answers(results.verdict),
        tasks=[_task(results, task, details or Details(tasks=[])) for task in results.tasks],
        languages=_languages(results),
        cards=[_card(results, task) for task in results.tasks if task.name in results.cost_cards],
        making=cost_section.making(results.cost_cards, results.price_per_hour),
        curves=[
            (curve, _svg(curves_section.curve_plot(results, curve)), curves_section.points(results, curve))
            for curve in results.curves
        ],
        ledger=curves_section.ledger(results.ledger),
        tables=tables,
        quality_tables=language_section,
        report_doctor=report_doctor,
    )


def _task(results: Results, task: TaskResult, details: Details) -> dict[str, Any]:
    families = list(results.families)
    found = next((item for item in details.tasks if item.task == task.name), None)
    return {
        "record": task,
        "score_plot": _svg(plots.score_plot(results, task)),
        "difference_plot": _svg(plots.difference_plot(results, task)) if task.comparisons else "",
        "f1_plot": _svg(plots.f1_plot(results, task)) if _has_classes(task) else "",
        "details": shown_details(results, task, found) if found else None,
        "reliability": _svg(plots.reliability_plot(results, task, found)) if found else "",
        "confusions": [
            (score.label, families.index(score.family), tables.confusion(task, score), _shares(score))
            for score in task.scores
            if score.family and score.confusion
        ],
    }


def _card(results: Results, task: TaskResult) -> dict[str, Any]:
    costs = results.cost_cards[task.name]
    views = [(judge_task(task, costs, kind.of), kind) for kind in COST_KINDS]
    return {
        "name": task.name,
        "answering": cost_section.answering(task.name, costs, results.price_per_hour),
        "views": [
            (
                kind.name,
                _svg(plots.cost_plot(results, task, judged, kind)),
                cost_section.standings(task, judged, kind),
            )
            for judged, kind in views
            if len(judged) > 1
        ],
    }


def _languages(results: Results) -> list[dict[str, Any]]:
    return [
        {
            "record": language,
            "label": language.label,
            "place": list(results.families).index(language.family),
            "plot": _svg(plots.curve_plot(results, language)),
            "samples": [(pieces(sample), sample) for sample in language.samples],
        }
        for language in results.language
    ]


def _shares(score: ArmScore) -> list[list[int]]:
    """Return each cell's share of its row in percent: how dark to draw it."""
    return [[round(100 * count / max(1, sum(counts))) for count in counts] for counts in score.confusion]


def _answers(verdict: list[str]) -> list[tuple[str, list[str]]]:
    """Gather sentences such as "Topic: BERT is better" by what they are about, in their order."""
    answers: dict[str, list[str]] = {}
    for sentence in verdict:
        about, colon, text = sentence.partition(": ")
        answers.setdefault(about if colon else "", []).append(text if colon else sentence)
    return list(answers.items())


def _has_classes(task: TaskResult) -> bool:
    return any(score.is_pretrained and score.f1_by_class for score in task.scores)


def _svg(text: str) -> Any:
    """Mark a plot as markup: `report/svg.py` has escaped every text in it."""
    import markupsafe

    return markupsafe.Markup(text)
