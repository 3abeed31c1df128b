"""The report's tables of what models know without labels: one for each group of figures, and of pairs."""

from twinlm.evidence.quality_records import (
    ClozeResult,
    ClozeView,
    FigureGroup,
    PairAccuracy,
    PairsResult,
    Phenomenon,
    QualityFigure,
)
from twinlm.report.numbers import INTERVAL, MINUS, listed, p_value, points, whole
from twinlm.report.tables import Table

_NOTHING = "\N{EN DASH}"


def figures(group: FigureGroup) -> Table:
    """Return the figures of one group: what stands in another table may not be compared with them."""
    first, *others = group.figures
    paired = [f"Minus {first.label}", INTERVAL] if others else []
    header = ["", f"In {group.unit}", "Standard error", *paired, "Passages", "Each pre-training"]
    about = (
        " Differences to the first are paired by passage; each interval stands for itself." if others else ""
    )
    caveats: dict[str, list[str]] = {}
    for figure in group.figures:
        if figure.caveat:
            caveats.setdefault(figure.caveat, []).append(figure.label)
    about += "".join(f" To know of {listed(labels)}: {caveat}." for caveat, labels in caveats.items())
    return Table(
        caption=f"{group.comparable[:1].upper()}{group.comparable[1:]}. The lower, the better; comparable "
        "within this table only. Standard error over passages, and over pre-trainings if there are "
        f"several.{about}",
        header=header,
        rows=[
            [
                figure.label,
                f"{figure.value:.3f}",
                f"{figure.standard_error:.3f}",
                *_difference(figure)[: len(paired)],
                whole(figure.passages),
                ", ".join(f"{value:.3f}" for value in figure.value_by_seed.values()),
            ]
            for figure in group.figures
        ],
    )


def overall(found: PairsResult) -> Table:
    """Return how often each model chose right in a set of pairs."""
    methods = ", ".join(
        f"{row.label} by {found.methods[row.pretraining].replace('-', ' ')}" for row in found.overall.scores
    )
    table = _accuracies("", "Pairs", found.overall, [found.overall])
    rows = [*table.rows, ["mean of the phenomena", _NOTHING, *_means(found), *[_NOTHING] * 4]]
    return Table(
        caption=f"Minimal pairs, {found.name}: how often the right one of two texts is likelier, in %, with "
        f"its {INTERVAL} over pairs and pre-trainings; chance is 50. Texts are scored: {methods}; never one "
        "model's score against another's.",
        header=table.header,
        rows=rows,
        is_text=table.is_text,
    )


def by_phenomenon(found: PairsResult) -> Table:
    """Return the same for each phenomenon of a set."""
    caption = (
        f"Minimal pairs, {found.name}, by phenomenon: right choices in %, and the difference in "
        f"points; Holm p is adjusted for {whole(len(found.phenomena))} phenomena."
    )
    return _accuracies(caption, "Pairs", found.overall, found.phenomena)


def gaps(found: ClozeResult) -> list[Table]:
    """Return how often each model chose the right word of a gap: in one table a model has one way to look."""
    seen = "; ".join(f"{listed([row.label for row in view.scores])}: {view.sees}" for view in found.whole)
    over = f"in %, with its {INTERVAL} over gaps and pre-trainings; chance is {points(found.chance)}"
    caption = (
        f"Gaps, {found.name}: how often the word that was taken out is likelier than all that are offered "
        f"beside it, {over}. Each kind by the way that has the whole text to go by. {seen}."
    )
    first = _accuracies(caption, "Gaps", found.overall, [found.overall])
    return [first, *(_other_look(found, view, over) for view in found.others)]


def _other_look(found: ClozeResult, view: ClozeView, over: str) -> Table:
    return Table(
        caption=f"Gaps, {found.name}, looked at otherwise: {view.sees}. Right choices {over}.",
        header=["", "Gaps", "Right"],
        rows=[[row.label, whole(found.overall.pairs), _accuracy(row)] for row in view.scores],
    )


def _accuracies(caption: str, noun: str, overall: Phenomenon, rows: list[Phenomenon]) -> Table:
    """Return accuracies and the difference of the two kinds, a row for each phenomenon."""
    labels = {row.pretraining: row.label for row in overall.scores}
    of_two = overall.comparison
    return Table(
        caption=caption,
        header=[
            "",
            noun,
            *labels.values(),
            f"{labels[of_two.first]} minus {labels[of_two.second]}",
            INTERVAL,
            "Holm p",
            "Better",
        ],
        rows=[
            [
                row.name,
                whole(row.pairs),
                *map(_accuracy, row.scores),
                points(row.comparison.difference.estimate, signed=True),
                f"{points(row.comparison.difference.low)} to {points(row.comparison.difference.high)}",
                p_value(row.comparison.p_adjusted).lstrip("p=\N{NO-BREAK SPACE}"),
                "cannot tell" if row.comparison.winner is None else labels[row.comparison.winner],
            ]
            for row in rows
        ],
        is_text=(0, len(labels) + 5),
    )


def _difference(figure: QualityFigure) -> tuple[str, str]:
    """Return a difference and its interval, in the figure's own unit."""
    found = figure.difference
    if found is None:
        return _NOTHING, _NOTHING
    estimate, low, high = (
        f"{value:{form}}".replace("-", MINUS)
        for value, form in ((found.estimate, "+.3f"), (found.low, ".3f"), (found.high, ".3f"))
    )
    return estimate, f"{low} to {high}"


def _means(found: PairsResult) -> list[str]:
    return [points(found.macro[row.pretraining]) for row in found.overall.scores]


def _accuracy(row: PairAccuracy) -> str:
    found = row.accuracy
    return f"{points(found.estimate)} ({points(found.low)} to {points(found.high)})"
