"""How well a model knows a language, without labels, and which figures may be compared with each other.

    decoder   bits per byte, left to right
    encoder   bits per byte, left to right by the chain rule: a probability, off its training
              pseudo-surprise per token, and per word with the rest of the word masked: no probability

Every figure names the group in which it may be compared; `columns` keeps groups apart.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from twinlm.checkpoint import Trained
from twinlm.data.probes.passages import Sample
from twinlm.errors import UsageError
from twinlm.objectives.likelihood import Stretch
from twinlm.system.arguments import checked
from twinlm.system.log import Progress
from twinlm.tasks.metrics import Values, pseudo_values
from twinlm.use.inputs import room
from twinlm.use.score import likelihoods

LEFT_TO_RIGHT = "bits per byte, left to right"
OFF_TRAINING = "off its training: it learned from texts with both sides and few masks"
NO_PROBABILITY = "no probability of the text: the tokens of a text give each other away"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One figure of one model on a sample."""

    name: str
    """Name of the measure."""
    unit: str
    """Unit, such as "bits per byte"."""
    value: float
    """Value; lower is better."""
    standard_error: float
    """Standard error of the value over passages (jackknife)."""
    values_E: Values
    """Pseudo-value of each passage; their mean is the value."""
    method: str
    """Method of `score_batch`."""
    comparable: str
    """Group of the figure: only figures with equal groups may be compared."""
    caveat: str
    """Caveat for readers; empty if there is none."""


class Difference(NamedTuple):
    """One figure minus another on the same passages."""

    estimate: float
    """Difference of the values; below 0 if the first figure is better."""
    standard_error: float
    """Standard error, paired by passage: what makes a passage hard for both models cancels."""


class _Measure(NamedTuple):
    name: str
    unit: str
    per: str
    caveat: str
    is_of_text: bool  # whether the figure is independent of the tokenizer


_MEASURES = {
    "likelihood": _Measure(LEFT_TO_RIGHT, "bits per byte", "byte", "", True),
    "chain-rule": _Measure(LEFT_TO_RIGHT, "bits per byte", "byte", OFF_TRAINING, True),
    "pseudo-likelihood": _Measure(
        "pseudo-surprise among all other tokens", "nats per token", "token", NO_PROBABILITY, False
    ),
    "pseudo-likelihood-l2r": _Measure(
        "pseudo-surprise, rest of the word hidden", "nats per word", "word", NO_PROBABILITY, False
    ),
}


@checked
def language_quality(
    trained: Trained,
    sample: Sample,
    *,
    window_tokens: int | None = None,
    progress: Progress | None = None,
) -> list[Figure]:
    """Measure a model on a sample by each method of its kind.

    `window_tokens` is the number of tokens to read at once, by default as many as the model can. A longer
    passage is read in windows whose first half only gives context.
    """
    window = min(room(trained), window_tokens or room(trained))
    read = _read(trained, sample, window)
    lost = _lost(trained, sample, read.rows)
    figures = []
    for method in trained.family.likelihoods:
        measure = _MEASURES[method]
        nats = [-sum(values) for values in likelihoods(trained, read.stretches, method, progress)]
        nats_E: Values = np.bincount(read.owners, nats, len(read.rows)).astype(np.float64)
        value, values_E = ratio(nats_E, read.sizes[measure.per])
        caveats = [measure.caveat, lost if measure.is_of_text else ""]
        figures.append(
            Figure(
                name=measure.name,
                unit=measure.unit,
                value=value,
                standard_error=standard_error(values_E),
                values_E=values_E,
                method=method,
                comparable=_group(trained, sample, measure, window=window * read.is_cut, lost=lost),
                caveat="; ".join(filter(None, caveats)),
            )
        )
    return figures


def difference(first: Figure, second: Figure) -> Difference:
    """Return the first figure minus the second; a UsageError if they may not be compared."""
    if first.comparable != second.comparable:
        message = (
            f"{first.name} ({first.comparable}) can't be compared with {second.name} ({second.comparable})"
        )
        raise UsageError(message, hint="compare figures of one group, or the choices among minimal pairs")
    values_E = first.values_E - second.values_E
    return Difference(float(values_E.mean()), standard_error(values_E))


def columns(figures: Mapping[str, Sequence[Figure]]) -> dict[str, dict[str, Figure]]:
    """Return the figures of several models by group, then by model: one table per group."""
    groups: dict[str, dict[str, Figure]] = {}
    for model, of_model in figures.items():
        for figure in of_model:
            groups.setdefault(figure.comparable, {})[model] = figure
    return groups


def windows(tokens: Sequence[int], words: Sequence[int], window: int) -> list[Stretch]:
    """Return stretches that score every token once: all in one if they fit, else half a window in each."""
    step = max(1, window // 2)
    begins = [0, *range(window, len(tokens), step)]
    ends = [*begins[1:], len(tokens)]
    return [
        Stretch(
            before=tokens[max(0, end - window) : begin] if begin else [],
            tokens=tokens[begin:end],
            after=[],
            words=words[begin:end],
        )
        for begin, end in zip(begins, ends, strict=True)
    ]


def ratio(parts_E: Values, wholes_E: Values) -> tuple[float, Values]:
    """Return the ratio of two sums, and its jackknife pseudo-values."""
    figure = float(parts_E.sum() / wholes_E.sum())
    left_out_E = (parts_E.sum() - parts_E) / (wholes_E.sum() - wholes_E)
    return figure, pseudo_values(figure, left_out_E)


def standard_error(values_E: Values) -> float:
    """Return the standard error of the mean of values."""
    return float(values_E.std(ddof=1) / np.sqrt(len(values_E)))


class _Read(NamedTuple):
    rows: list[list[int]]  # the tokens of each passage
    stretches: list[Stretch]
    owners: list[int]  # index of each stretch's passage
    sizes: dict[str, Values]  # size of each passage by unit
    is_cut: bool  # whether a passage is longer than a window


def _read(trained: Trained, sample: Sample, window: int) -> _Read:
    tokenizer = trained.tokenizer
    rows, words = tokenizer.encode_batch(sample.texts), [tokenizer.words(text) for text in sample.texts]
    pieces = [windows(row, numbers, window) for row, numbers in zip(rows, words, strict=True)]
    sizes = {
        "byte": [len(text.encode()) * math.log(2) for text in sample.texts],  # so that nats become bits
        "token": map(len, rows),
        "word": [len(set(numbers)) for numbers in words],
    }
    return _Read(
        rows=rows,
        stretches=[stretch for of_passage in pieces for stretch in of_passage],
        owners=[passage for passage, of_passage in enumerate(pieces) for _ in of_passage],
        sizes={per: np.array(list(of_passages), dtype=np.float64) for per, of_passages in sizes.items()},
        is_cut=any(len(row) > window for row in rows),
    )


def _lost(trained: Trained, sample: Sample, rows: Sequence[Sequence[int]]) -> str:
    """Return a caveat if the tokenizer loses some of the text: then bits are not those of its bytes."""
    decode = trained.tokenizer.decode
    changed = sum(decode(row) != text for row, text in zip(rows, sample.texts, strict=True))
    unknown = sum(map(trained.tokenizer.count_unknown, rows))
    if not changed:
        return ""
    return (
        f"its tokenizer can't give back {changed:,} of {len(rows):,} passages as they were "
        f"({unknown:,} unknown tokens): what it loses costs no bits"
    )


def _group(trained: Trained, sample: Sample, measure: _Measure, *, window: int, lost: str) -> str:
    parts = [measure.name, f"sample {sample.fingerprint}"]
    parts += [f"tokenizer {trained.tokenizer.fingerprint[:8]}"] * bool(lost or not measure.is_of_text)
    parts += [f"read in windows of {window:,} tokens"] * bool(window)
    return ", ".join(parts)
