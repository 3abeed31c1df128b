"""Whether a pre-training came as far as its size and data allow: what is said beside its curve if not.

How far a run has come is told on the scale of its own text: 0 is what counting single tokens reaches, 1 what
counting pairs of tokens does (`evaluate/ngrams.py`). On that scale runs on other texts can be set beside it.
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
"""How far the tiny models of the study (docs/study.md; 2 layers of width 128) had come after so many tokens,
on their way, before their learning rate had fallen (2026-11-28): what any larger one should pass."""
_WAY_OUT = {
    BITS_PER_BYTE: "Try a larger budget, another learning rate, or a smaller size.",
    NATS_PER_MASKED_TOKEN: "Small encoders stay on such a plateau for long. What shortens it: more masked "
    'tokens (pretrain.mask_share = 0.4), no sentence task (pretrain.sentence_task = "none"), or reading left '
    'to right first (pretrain.first_objective = "causal" with first_share = 0.3).',
}
_PLATEAU = 0.1
_FAR = 0.8
_FAR_APART = 0.1
_WORSE = 1.02


def remarks(label: str, validations: Mapping[str, Curve], floors: CountingLoss) -> list[str]:
    """Return what is wrong with the runs of a model, in plain words; nothing if all is well.

    Args:
        label: of the model.
        validations: losses in the order of training, by pre-training seed.
        floors: what counting reaches on the same text, in the curves' unit.
    """
    found = []
    for problem in (_stuck, _far, _by_heart):
        told = {seed: said for seed, curve in validations.items() if (said := problem(curve, floors))}
        if told:
            which = "" if len(validations) == 1 else f" with pre-training seed {listed(list(told))}"
            first, values = next(iter(told.values())), [said.value for said in told.values()]
            found.append(f"{label}{which} {first.claim}: {listed(values)} {first.explained}")
    return found


class _Said(NamedTuple):
    """What is said of a run: all but the value is the same for every seed."""

    claim: str
    value: str
    explained: str


def _way(validation: Curve, floors: CountingLoss) -> float | None:
    """Return how far a run has come from unigrams, 0, to bigrams, 1; None on a text too small to tell."""
    gap = floors.unigram - floors.bigram
    if not validation.points or gap < _FAR_APART * floors.unigram:
        return None
    return (floors.unigram - _best(validation).value) / gap


def _best(validation: Curve) -> CurvePoint:
    return min(validation.points, key=lambda point: point.value)


def _stuck(validation: Curve, floors: CountingLoss) -> _Said | None:
    way = _way(validation, floors)
    if way is None or way >= _PLATEAU:
        return None
    return _Said(
        "learned little more than how frequent tokens are",
        f"{_best(validation).value:.2f}",
        f"{validation.unit}, where counting single tokens reaches {floors.unigram:.2f}. What is fine-tuned "
        f"from it shows little of what pre-training can give. {_WAY_OUT[validation.unit]}",
    )


def _far(validation: Curve, floors: CountingLoss) -> _Said | None:
    way, (tokens, shares) = _way(validation, floors), zip(*REACHED[validation.unit], strict=True)
    if way is None or way < _PLATEAU or validation.points[-1].tokens < tokens[0]:
        return None
    expected = float(np.interp(validation.points[-1].tokens, tokens, shares))
    if way >= _FAR * expected:
        return None
    return _Said(
        "is far from what its size and data should reach",
        percent(way),
        f"of the way from counting single tokens ({floors.unigram:.2f} {validation.unit}) to counting pairs "
        f"of tokens ({floors.bigram:.2f}). A model of 2 layers of width 128 had come {percent(expected)} of "
        f"it after as many tokens. {_WAY_OUT[validation.unit]}",
    )


def _by_heart(validation: Curve, floors: CountingLoss) -> _Said | None:
    if _way(validation, floors) is None:
        return None
    best, last = _best(validation), validation.points[-1]
    if last.value <= _WORSE * best.value:
        return None
    return _Said(
        "did best on validation text before its end",
        f"at step {whole(best.step)} of {whole(last.step)}, {percent(last.value / best.value - 1)} better",
        "than at the end. It learned the training text by heart: more text, a smaller budget or more dropout "
        "would help.",
    )
