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

REACHED = {
    BITS_PER_BYTE: ((0.5e6, 0.50), (1.0e6, 0.80), (2.0e6, 0.98), (3.1e6, 1.08), (5.1e6, 1.16)),
    NATS_PER_MASKED_TOKEN: ((0.75e6, 0.22), (3.0e6, 0.33), (4.5e6, 0.50), (6.0e6, 0.64), (7.5e6, 0.72)),
}
"""Progress of the tiny models of the study (docs/study.md; 2 layers of width 128) by tokens read, before
their learning rate had fallen (2026-11-28): any larger model should pass it."""
_WAY_OUT = {
    BITS_PER_BYTE: "Try a larger budget, another learning rate, or a smaller size.",
    NATS_PER_MASKED_TOKEN: "Small encoders stay on such a plateau for long. To shorten it: more masked "
    'tokens (pretrain.mask_share = 0.4), no sentence task (pretrain.sentence_task = "none"), or reading left '
    'to right first (pretrain.first_objective = "causal" with first_share = 0.3).',
}
_PLATEAU = 0.1
_FAR = 0.8
_FAR_APART = 0.1
_WORSE = 1.02


def remarks(label: str, validations: Mapping[str, Curve], counting: CountingLoss) -> list[str]:
    """Return what is wrong with a model's pre-training runs, whose losses are given by seed."""
    texts = []
    for problem in (_stuck, _far, _by_heart):
        remarks = {
            seed: remark for seed, curve in validations.items() if (remark := problem(curve, counting))
        }
        if remarks:
            which = "" if len(validations) == 1 else f" with pre-training seed {listed(list(remarks))}"
            first, values = next(iter(remarks.values())), [remark.value for remark in remarks.values()]
            texts.append(f"{label}{which} {first.claim}: {listed(values)} {first.explained}")
    return texts


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
        f"from it show little of what pre-training can give. {_WAY_OUT[validation.unit]}",
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
        f"pairs of tokens ({counting.bigram:.2f}). A model of 2 layers of width 128 had made "
        f"{percent(expected)} of the way after as many tokens. {_WAY_OUT[validation.unit]}",
    )


def _by_heart(validation: Curve, counting: CountingLoss) -> _Remark | None:
    if _progress(validation, counting) is None:
        return None
    best, last = _best(validation), validation.points[-1]
    if last.value <= _WORSE * best.value:
        return None
    return _Remark(
        "did best on validation text before its end",
        f"at step {whole(best.step)} of {whole(last.step)}, {percent(last.value / best.value - 1)} better",
        "than at the end. It overfits the training text: more text, a smaller budget or more dropout would "
        "help.",
    )
