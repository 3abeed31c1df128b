"""Pre-training: learning curves, losses, samples with the model's words marked, and warnings.

A warning says that a run did not reach what its size and data allow. Progress makes runs on different texts
comparable: 0 is the loss of counting single tokens on the run's own text, 1 that of counting pairs
(`evaluate/ngrams.py`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from twinlm.evaluate.language import BITS_PER_BYTE, NATS_PER_MASKED_TOKEN
from twinlm.evaluate.ngrams import CountingLoss
from twinlm.evidence.details import Details
from twinlm.evidence.results import Curve, CurvePoint, LanguageResult, Results
from twinlm.report import document
from twinlm.report.drawing import plots
from twinlm.report.numbers import listed, percent, whole
from twinlm.settings.training import PretrainSettings

MASK = "[MASK]"
REACHED = {
    BITS_PER_BYTE: ((0.5e6, 0.50), (1.0e6, 0.80), (2.0e6, 0.98), (3.1e6, 1.08), (5.1e6, 1.16)),
    NATS_PER_MASKED_TOKEN: ((0.75e6, 0.22), (3.0e6, 0.33), (4.5e6, 0.50), (6.0e6, 0.64), (7.5e6, 0.72)),
}
"""Progress of the tiny models of the study (docs/study.md; 2 layers of width 128) by tokens read, before
their learning rate had fallen (2026-11-28): any larger model should pass it."""
_MASK_SHARE = 0.4
_PLATEAU = 0.1
_FAR = 0.8
_FAR_APART = 0.1
_WORSE = 1.02
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


def remarks(
    label: str, validations: Mapping[str, Curve], counting: CountingLoss, options: PretrainSettings
) -> list[str]:
    """Return what is wrong with a model's pre-training runs, whose losses are given by seed."""
    overfits = any(_by_heart(curve, counting) for curve in validations.values())
    way_out = " ".join(_ways_out(next(iter(validations.values())).unit, options, overfits=overfits))
    texts = []
    for problem in (_below, _stuck, _far, _by_heart):
        remarks = {
            seed: remark for seed, curve in validations.items() if (remark := problem(curve, counting))
        }
        if remarks:
            which = "" if len(validations) == 1 else f" with pre-training seed {listed(list(remarks))}"
            first, values = next(iter(remarks.values())), [remark.value for remark in remarks.values()]
            advice = "" if problem is _by_heart else f" {way_out}"
            texts.append(f"{label}{which} {first.claim}: {listed(values)} {first.explained}{advice}")
    return texts


def _ways_out(unit: str, options: PretrainSettings, *, overfits: bool) -> list[str]:
    """Return what may help a run that learned too little, but is not set yet and does not overfit more."""
    general = "Try another learning rate." if overfits else "Try a larger budget or another learning rate."
    steps = {
        f"more masked tokens (pretrain.mask_share = {_MASK_SHARE})": options.mask_share < _MASK_SHARE,
        'no sentence task (pretrain.sentence_task = "none")': options.sentence_task != "none",
        'reading left to right first (pretrain.first_objective = "causal" with first_share = 0.3)': (
            options.first_objective != "causal"
        ),
    }
    shorter = [step for step, is_open in steps.items() if is_open]
    if unit != NATS_PER_MASKED_TOKEN or not shorter:
        return [general]
    return [f"Small encoders stay on such a plateau for long. To shorten it: {listed(shorter, 'or')}."]


class _Remark(NamedTuple):
    """A remark on a run; all but the value is the same for every seed."""

    claim: str
    value: str
    explained: str


def _progress(validation: Curve, counting: CountingLoss) -> float | None:
    """Return the progress from unigrams, 0, to bigrams, 1; None on a text too small to tell."""
    gap = counting.unigram - counting.bigram
    if not validation.points or gap < _FAR_APART * counting.unigram:
        return None
    return (counting.unigram - _best(validation).value) / gap


def _best(validation: Curve) -> CurvePoint:
    return min(validation.points, key=lambda point: point.value)


def _below(validation: Curve, counting: CountingLoss) -> _Remark | None:
    progress = _progress(validation, counting)
    if progress is None or progress >= 0:
        return None
    return _frequencies("learned less than how frequent tokens are", validation, counting)


def _stuck(validation: Curve, counting: CountingLoss) -> _Remark | None:
    progress = _progress(validation, counting)
    if progress is None or not 0 <= progress < _PLATEAU:
        return None
    return _frequencies("learned little more than how frequent tokens are", validation, counting)


def _frequencies(claim: str, validation: Curve, counting: CountingLoss) -> _Remark:
    return _Remark(
        claim,
        f"{_best(validation).value:.2f}",
        f"{validation.unit}, where counting single tokens reaches {counting.unigram:.2f}. Models fine-tuned "
        "from it show little of what pre-training can give.",
    )


def _far(validation: Curve, counting: CountingLoss) -> _Remark | None:
    progress, (tokens, shares) = _progress(validation, counting), zip(*REACHED[validation.unit], strict=True)
    if progress is None or progress < _PLATEAU or validation.points[-1].tokens < tokens[0]:
        return None
    expected = float(np.interp(validation.points[-1].tokens, tokens, shares))
    if progress >= _FAR * expected:
        return None
    return _Remark(
        "is far from what its size and data should reach",
        percent(progress),
        f"of the way from counting single tokens ({counting.unigram:.2f} {validation.unit}) to counting "
        f"pairs of tokens ({counting.bigram:.2f}). A model of 2 layers of width 128 would be at about "
        f"{counting.unigram - expected * (counting.unigram - counting.bigram):.2f} after as many tokens.",
    )


def _by_heart(validation: Curve, counting: CountingLoss) -> _Remark | None:
    if _progress(validation, counting) is None:
        return None
    best, last = _best(validation), validation.points[-1]
    if last.value <= _WORSE * best.value:
        return None
    return _Remark(
        "did best on validation text before its end",
        f"at step {whole(best.step)} of {whole(last.step)}, with {best.value:.2f} against {last.value:.2f}",
        f"{validation.unit} at the end. It overfits the training text: more text or more dropout would help.",
    )
