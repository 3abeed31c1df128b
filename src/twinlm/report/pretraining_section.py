"""Learning curves and losses of pre-training, and samples in which what a model wrote is marked."""

from twinlm.evidence.details import Details
from twinlm.evidence.results import LanguageResult, Results
from twinlm.report import document, plots

MASK = "[MASK]"
_CURVE_ROWS = 8


def section(results: Results, details: Details) -> document.Section:
    """Return the section on pre-training."""
    note = document.Text(
        "The losses of the two kinds are not comparable: one model predicts each token from those before it, "
        "the other predicts hidden tokens from both sides. The lower number is not the better model.",
        style="note",
    )
    columns = document.Columns([_column(results, language) for language in results.language])
    notes: list[document.Block] = [note] if len(results.language) > 1 else []
    return document.Section("pre-training", "Pre-training", [*notes, columns])


def samples(results: Results, details: Details) -> document.Section:
    """Return the section of samples."""
    shown = [(language, list(map(passage, language.samples))) for language in results.language]
    note = "From held-out text, drawn at random, not selected. The model's own words are shaded."
    blocks: list[document.Block] = (
        [document.Text(note, style="note")] if any(passages for _, passages in shown) else []
    )
    for language, passages in shown:
        if passages:
            family = list(results.families).index(language.family)
            blocks += [document.Heading(language.label), document.Passages(family, passages)]
    return document.Section("samples", "Samples", blocks)


def losses(result: LanguageResult) -> document.Table:
    """Return what pre-training reached in one family; never put two families into one such table."""
    return document.Table(
        caption=f"In {result.measure}; lower is better.",
        header=["", "Value"],
        rows=[
            ["validation text", f"{result.validation:.3f}"],
            ["test text", f"{result.test:.3f}"],
            *([name, f"{value:.4g}"] for name, value in result.others.items()),
            *([f"counting {name}, validation text", f"{at:.3f}"] for name, at in result.floors.items()),
        ],
    )


def passage(sample: dict[str, str]) -> document.Passage:
    """Return a sample of `LanguageResult.samples` with the model's words marked."""
    if "prompt" in sample:
        spans = [document.Span(sample["prompt"]), document.Span(sample["continuation"], "written")]
        return document.Passage([spans], f"In the original: {sample['original']}")
    kept = sample["masked"].split(MASK)
    fills, originals = between(kept, sample["filled"]), between(kept, sample["original"])
    if fills is None or originals is None:
        return document.Passage([[document.Span(sample["filled"])]])
    spans = [document.Span(kept[0])]
    for fill, original, text in zip(fills, originals, kept[1:], strict=True):
        word = fill.removeprefix("[").removesuffix("]")
        spans += [
            document.Span(word, "right" if word == original else "wrong", original),
            document.Span(text),
        ]
    return document.Passage([[span for span in spans if span.text or span.style]])


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


def _column(results: Results, language: LanguageResult) -> list[document.Block]:
    blocks: list[document.Block] = [document.Heading(language.label)]
    if any(curve.points for curve in language.curves):
        plot = document.Plot(
            "Learning curves without their first 2 %. Dashed: loss on validation text of counting "
            "unigrams and bigrams (single tokens and pairs) of the training text.",
            plots.learning_plot(results, language),
            instead=_curves(language),
        )
        blocks.append(plot)
    return [*blocks, losses(language)]


def _curves(language: LanguageResult) -> document.Table:
    rows = []
    for curve in language.curves:
        step = max(1, len(curve.points) // _CURVE_ROWS)
        rows += [
            [curve.name, f"{each.tokens:,}", f"{each.value:.3f}"] for each in curve.points[step - 1 :: step]
        ]
    unit = language.curves[0].unit
    return document.Table(caption=f"Learning curves, {unit}.", header=["", "Tokens read", "Loss"], rows=rows)
