"""Warnings on a pre-training that did not reach what its size and data allow.

Progress makes runs on different texts comparable: 0 is the loss of counting single tokens on the run's own
text, 1 that of counting pairs (`evaluate/ngrams.py`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from twinlm.evaluate.language import BITS_PER_BYTE, NATS_PER_MASKED_TOKEN
from twinlm.evaluate.ngrams import CountingLoss
from twinlm.evidence.results import Curve, CurvePoint
from twinlm.report.numbers import listed, percent, whole
from twinlm.settings.training import PretrainSettings

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


def remarks(
    label: str, validations: Mapping[str, Curve], counting: CountingLoss, options: PretrainSettings
) -> list[str]:
    """Return what is wrong with a model's pre-training runs, whose losses are given by seed."""
    overfits = any(_by_heart(curve, counting) for curve in validations.values())
    way_out = " ".join(_ways_out(next(iter(validations.values())).unit, options, overfits=overfits))
    texts = []
    for problem in (_stuck, _far, _by_heart):
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


def _stuck(validation: Curve, counting: CountingLoss) -> _Remark | None:
    progress = _progress(validation, counting)
    if progress is None or progress >= _PLATEAU:
        return None
    return _Remark(
        "learned little more than how frequent tokens are",
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
