"""Learning curves and losses of pre-training, and samples in which what a model wrote is marked."""

from twinlm.evidence.details import Details
from twinlm.evidence.results import LanguageResult, Results
from twinlm.report import plots
from twinlm.report.document import (
    Block,
    Columns,
    Heading,
    Passage,
    Passages,
    Plot,
    Section,
    Span,
    Table,
    Text,
)

MASK = "[MASK]"
_CURVE_ROWS = 8


def section(results: Results, details: Details) -> Section:
    """Return the section on pre-training."""
    note = Text(
        "The losses of the two kinds are not comparable: one model predicts each token from those before it, "
        "the other predicts hidden tokens from both sides. The lower number is not the better model.",
        style="note",
    )
    columns = Columns([_column(results, language) for language in results.language])
    notes: list[Block] = [note] if len(results.language) > 1 else []
    return Section(anchor="pre-training", title="Pre-training", blocks=[*notes, columns])


def samples(results: Results, details: Details) -> Section:
    """Return the section of samples."""
    shown = [(language, list(map(passage, language.samples))) for language in results.language]
    note = "From held-out text, drawn at random, not selected. The model's own words are shaded."
    blocks: list[Block] = [Text(note, style="note")] if any(passages for _, passages in shown) else []
    for language, passages in shown:
        if passages:
            family = list(results.families).index(language.family)
            blocks += [Heading(language.label), Passages(family, passages)]
    return Section(anchor="samples", title="Samples", blocks=blocks)


def losses(result: LanguageResult) -> Table:
    """Return what pre-training reached in one family; never put two families into one such table."""
    return Table(
        caption=f"In {result.measure}; lower is better.",
        header=["", "Value"],
        rows=[
            ["validation text", f"{result.validation:.3f}"],
            ["test text", f"{result.test:.3f}"],
            *([name, f"{value:.4g}"] for name, value in result.others.items()),
            *([f"counting {name}, validation text", f"{at:.3f}"] for name, at in result.floors.items()),
        ],
    )


def passage(sample: dict[str, str]) -> Passage:
    """Return a sample of `LanguageResult.samples` with the model's words marked."""
    if "prompt" in sample:
        spans = [Span(sample["prompt"]), Span(sample["continuation"], "written")]
        return Passage([spans], f"In the original: {sample['original']}")
    kept = sample["masked"].split(MASK)
    fills, originals = between(kept, sample["filled"]), between(kept, sample["original"])
    if fills is None or originals is None:
        return Passage([[Span(sample["filled"])]])
    spans = [Span(kept[0])]
    for fill, original, text in zip(fills, originals, kept[1:], strict=True):
        word = fill.removeprefix("[").removesuffix("]")
        spans += [Span(word, "right" if word == original else "wrong", original), Span(text)]
    return Passage([[span for span in spans if span.text or span.style]])


def between(kept: list[str], text: str) -> list[str] | None:
    """Return what stands in `text` between the kept pieces, or None if they aren't all in it, in order."""
    if not text.startswith(kept[0]):
        return None
    gaps, start = [], len(kept[0])
    for number, piece in enumerate(kept[1:], 2):
        end = text.find(piece, start) if number < len(kept) else len(text) - len(piece)
        if end < start or not text.startswith(piece, end):
            return None
        gaps.append(text[start:end])
        start = end + len(piece)
    return gaps


def _column(results: Results, language: LanguageResult) -> list[Block]:
    blocks: list[Block] = [Heading(language.label)]
    if any(curve.points for curve in language.curves):
        plot = Plot(
            "Learning curves without their first 2 %. Dashed: loss on validation text of counting "
            "unigrams and bigrams (single tokens and pairs) of the training text.",
            plots.learning_plot(results, language),
            instead=_curves(language),
        )
        blocks.append(plot)
    return [*blocks, losses(language)]


def _curves(language: LanguageResult) -> Table:
    rows = []
    for curve in language.curves:
        step = max(1, len(curve.points) // _CURVE_ROWS)
        rows += [
            [curve.name, f"{each.tokens:,}", f"{each.value:.3f}"] for each in curve.points[step - 1 :: step]
        ]
    unit = language.curves[0].unit
    return Table(caption=f"Learning curves, {unit}.", header=["", "Tokens read", "Loss"], rows=rows)
