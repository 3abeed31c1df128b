"""Whether a pre-training came as far as its size and data allow: what is said beside its curve if not.

How far a run has come is told on the scale of its own text: 0 is what counting single tokens reaches, 1 what
counting pairs of tokens does (`evaluate/ngrams.py`). On that scale runs on other texts can be set beside it.
"""

import numpy as np

from twinlm.compare.readable import percent, whole
from twinlm.compare.results import Curve
from twinlm.evaluate.language import BITS_PER_BYTE, NATS_PER_MASKED_TOKEN
from twinlm.evaluate.ngrams import CountingLoss

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


def remarks(label: str, validation: Curve, floors: CountingLoss) -> list[str]:
    """Return what is wrong with a run by its validation curve, in plain words; nothing if all is well.

    Args:
        label: of the model.
        validation: its losses, in the order of training.
        floors: what counting reaches on the same text, in the curve's unit.
    """
    points, gap = validation.points, floors.unigram - floors.bigram
    if not points or gap < _FAR_APART * floors.unigram:
        return []
    best = min(points, key=lambda point: point.value)
    last, unit = points[-1], validation.unit
    way = (floors.unigram - best.value) / gap
    tokens, shares = zip(*REACHED[unit], strict=True)
    expected = float(np.interp(last.tokens, tokens, shares))
    found = []
    if way < _PLATEAU:
        found.append(
            f"{label} learned little more than how frequent tokens are: {best.value:.2f} {unit}, where "
            f"counting single tokens reaches {floors.unigram:.2f}. What is fine-tuned from it shows little "
            f"of what pre-training can give. {_WAY_OUT[unit]}"
        )
    elif way < _FAR * expected and last.tokens >= tokens[0]:
        found.append(
            f"{label} is far from what its size and data should reach: {best.value:.2f} {unit} is "
            f"{percent(way)} of the way from counting single tokens to counting pairs of tokens, and a model "
            f"of 2 layers of width 128 had come {percent(expected)} after as many tokens. {_WAY_OUT[unit]}"
        )
    if last.value > _WORSE * best.value:
        found.append(
            f"{label} did best on validation text at step {whole(best.step)} of {whole(last.step)} and was "
            f"{percent(last.value / best.value - 1)} worse at the end: it learned the training text by "
            "heart. More text, a smaller budget or more dropout would help."
        )
    return found
