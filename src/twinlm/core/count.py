"""Parameters and floating point operations of a stack of transformer layers, by formula.

A multiply-add counts as two operations. Embedding look-ups, normalizations, activations and softmaxes are
left out, as is usual: under 2 % at the papers' sizes.
"""

from torch import nn

STATE_BYTES = 16  # a weight's own, its gradient's and Adam's two averages', in float32
TRAINING_OVER_FORWARD = 3  # the backward pass takes a gradient for each factor of every product


def parameter_count(model: nn.Module) -> int:
    """Return the number of weights; tied weights count once."""
    return sum(parameter.numel() for parameter in model.parameters())


def layer_count(model: nn.Module) -> int:
    """Return the number of weights in the transformer layers, our "non-embedding parameters"."""
    # Pooler and pre-training heads do not count: they would make a BERT look larger than a GPT of the same
    # layers, by a fifth at width 64 and by 1.5 % at the papers' size.
    return sum(weight.numel() for name, weight in model.named_parameters() if name.startswith("blocks."))


def stack_flops(*, positions: float, length: float, width: int, layers: int, feed_forward: int) -> float:
    """Return the operations of one forward pass through a stack of layers.

    `positions` is B * L with padding, `length` is M. A causal layer attends to half of the positions on
    average, but common kernels compute all of them, and so does this count.
    """
    per_position = 8 * width * width + 4 * length * width + 4 * width * feed_forward
    return positions * layers * per_position


def vocabulary_flops(*, targets: float, width: int, vocab_size: int) -> float:
    """Return the operations of scoring the vocabulary at `targets` positions, forward only."""
    return targets * 2 * width * vocab_size


def least_training_bytes(
    *, parameters: float, positions: float, width: int, layers: int, feed_forward: int
) -> float:
    """Return a lower bound of training's memory, to refuse what can never fit.

    `positions` is B * L of one micro-batch.
    """
    # The backward pass keeps about 8 states of width D and 2 of width F, of two bytes a number.
    return STATE_BYTES * parameters + 2 * positions * layers * (8 * width + 2 * feed_forward)
