"""What models know of the language without labels: losses, minimal pairs and gaps, in words and tables."""

from collections.abc import Callable
from functools import partial

from twinlm.evidence.details import Details
from twinlm.evidence.records import (
    ClozeResult,
    FigureGroup,
    PairsResult,
    Phenomenon,
    QualityFigure,
    QualityResult,
)
from twinlm.evidence.results import Results
from twinlm.report.document import NOTHING, Block, Fold, Items, Section, Table, table_of
from twinlm.report.numbers import (
    INTERVAL,
    bare_p,
    capital,
    counted,
    decimals,
    listed,
    low_to_high,
    p_value,
    percent,
    points,
    whole,
    with_interval,
)
from twinlm.report.two_arms import cannot_tell, lead

CHANCE = 0.5


def section(results: Results, details: Details) -> Section:
    """Return the section on language without labels; empty if nothing was measured."""
    quality = results.quality
    texts = sentences(quality)
    blocks: list[Block] = [Items(texts)] if texts else []
    blocks += [figures(group) for group in quality.groups]
    for pairs in quality.pairs:
        blocks.append(overall(pairs))
        blocks.append(Fold(f"Minimal pairs, {pairs.name}: each phenomenon", [by_phenomenon(pairs)]))
    blocks += gaps(quality.cloze) if quality.cloze else []
    notes: list[Block] = [Items(quality.notes)] if blocks and quality.notes else []
    return Section("language", "Language without labels", [*blocks, *notes])


def sentences(quality: QualityResult) -> list[str]:
    """Return for pairs, set by set, and gaps which kind knows the language better, if that can be said."""
    of_pairs = [
        f"Minimal pairs ({pairs.name}): {text}"
        for pairs in quality.pairs
        for text in _of_set(pairs.overall, "pair", "text", CHANCE)
    ]
    if quality.cloze is None:
        return of_pairs
    gaps = _of_set(quality.cloze.overall, "gap", "word", quality.cloze.chance)
    return [*of_pairs, *(f"Gaps ({quality.cloze.name}): {text}" for text in gaps)]


def _of_set(overall: Phenomenon, noun: str, choice: str, chance: float) -> list[str]:
    comparison, scores = overall.comparison, {row.pretraining: row for row in overall.scores}
    first, second = scores[comparison.first], scores[comparison.second]
    repeats = f", {comparison.pretraining_seeds} pre-trainings" * (comparison.pretraining_seeds > 1)
    evidence = f"{p_value(comparison.p_adjusted)}; {counted(overall.pairs, noun)}{repeats}"
    shares = " and ".join(f"{row.label} in {percent(row.accuracy.estimate)}" for row in (first, second))
    if comparison.winner is None:
        head, could_be = cannot_tell(comparison.difference, first.label, second.label, evidence, "accuracy")
        texts = [head, f"{could_be} The right {choice} is chosen by {shares}."]
    else:
        better, worse = (first, second) if comparison.winner == comparison.first else (second, first)
        texts = [
            f"{better.label} chooses the right {choice} more often than {worse.label}, by "
            f"{lead(comparison.difference, '', evidence)}: {shares}."
        ]
    guessing = [row.label for row in (first, second) if row.accuracy.low <= chance]
    doubt = f"Not shown to be better than chance ({percent(chance)}): {listed(guessing)}."
    return [*texts, doubt] if guessing else texts


def figures(group: FigureGroup) -> Table:
    """Return the figures of one group; those of other tables may not be compared with them."""
    first, *others = group.figures
    about = " Differences from the first figure are paired by passage; each interval stands alone."
    caveats: dict[str, list[str]] = {}
    for figure in group.figures:
        if figure.caveat:
            caveats.setdefault(figure.caveat, []).append(figure.label)
    about = about * bool(others) + "".join(
        f" Note on {listed(labels)}: {caveat}." for caveat, labels in caveats.items()
    )
    paired: list[tuple[str, Callable[[QualityFigure], str]]] = [
        (
            f"Minus {first.label}",
            lambda row: decimals(row.difference.estimate, signed=True) if row.difference else NOTHING,
        ),
        (INTERVAL, lambda row: low_to_high(row.difference, decimals) if row.difference else NOTHING),
    ]
    columns: list[tuple[str, Callable[[QualityFigure], str]]] = [
        ("", lambda row: row.label),
        (f"In {group.unit}", lambda row: decimals(row.value)),
        ("Standard error", lambda row: decimals(row.standard_error)),
        *(paired if others else []),
        ("Passages", lambda row: whole(row.passages)),
        ("Each pre-training", lambda row: ", ".join(map(decimals, row.value_by_seed.values()))),
    ]
    return table_of(
        f"{capital(group.comparable)}. Lower is better; comparable within this table only. Standard error "
        f"over passages, and over pre-trainings if there are several.{about}",
        group.figures,
        columns,
    )


def overall(pairs: PairsResult) -> Table:
    """Return how often each model chose the right text in a set of pairs."""
    methods = ", ".join(
        f"{row.label} by {pairs.methods[row.pretraining].replace('-', ' ')}" for row in pairs.overall.scores
    )
    table = _accuracies("", "Pairs", pairs.overall, [pairs.overall])
    means = [points(pairs.macro[row.pretraining]) for row in pairs.overall.scores]
    rows = [*table.rows, ["mean of the phenomena", NOTHING, *means, *[NOTHING] * 4]]
    return Table(
        caption=f"Minimal pairs, {pairs.name}: how often the right one of two texts is more likely, in %, "
        f"with its {INTERVAL} over pairs and pre-trainings; chance is 50. Scores of texts: {methods}; "
        "scores of two models are never compared.",
        header=table.header,
        rows=rows,
        is_text=table.is_text,
    )


def by_phenomenon(pairs: PairsResult) -> Table:
    """Return the same for each phenomenon of a set."""
    caption = (
        f"Minimal pairs, {pairs.name}, by phenomenon: right choices in %, and the difference in "
        f"points; Holm p is adjusted for {whole(len(pairs.phenomena))} phenomena."
    )
    return _accuracies(caption, "Pairs", pairs.overall, pairs.phenomena)


def gaps(cloze: ClozeResult) -> list[Table]:
    """Return how often each model chose the right word for a gap, in a table for each way of reading."""
    seen = "; ".join(f"{listed([row.label for row in view.scores])}: {view.sees}" for view in cloze.whole)
    over = f"in %, with its {INTERVAL} over gaps and pre-trainings; chance is {points(cloze.chance)}"
    caption = (
        f"Gaps, {cloze.name}: how often the removed word is more likely than all other choices, {over}. "
        f"Each kind reads the whole text in its own way. {seen}."
    )
    others = [
        Table(
            caption=f"Gaps, {cloze.name}, read in another way: {view.sees}. Right choices {over}.",
            header=["", "Gaps", "Right"],
            rows=[
                [row.label, whole(cloze.overall.pairs), with_interval(row.accuracy, points)]
                for row in view.scores
            ],
        )
        for view in cloze.others
    ]
    return [_accuracies(caption, "Gaps", cloze.overall, [cloze.overall]), *others]


def _accuracies(caption: str, noun: str, overall: Phenomenon, rows: list[Phenomenon]) -> Table:
    """Return accuracies and the difference of the two kinds, a row for each phenomenon."""
    labels = {score.pretraining: score.label for score in overall.scores}
    minus = f"{labels[overall.comparison.first]} minus {labels[overall.comparison.second]}"
    columns: list[tuple[str, Callable[[Phenomenon], str]]] = [
        ("", lambda row: row.name),
        (noun, lambda row: whole(row.pairs)),
        *((label, partial(_accuracy_of, number)) for number, label in enumerate(labels.values())),
        (minus, lambda row: points(row.comparison.difference.estimate, signed=True)),
        (INTERVAL, lambda row: low_to_high(row.comparison.difference)),
        ("Holm p", lambda row: bare_p(row.comparison.p_adjusted)),
        ("Better", lambda row: labels[row.comparison.winner] if row.comparison.winner else "cannot tell"),
    ]
    return table_of(caption, rows, columns, is_text=(0, len(labels) + 5))


def _accuracy_of(number: int, row: Phenomenon) -> str:
    return with_interval(row.scores[number].accuracy, points)
