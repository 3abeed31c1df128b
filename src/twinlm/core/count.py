"""What a stack of transformer layers costs: parameters and floating point operations, by formula.

One multiply-and-add counts as two operations; a backward pass costs twice the forward one. Embedding
look-ups, normalizations, activations and softmaxes are left out, as is usual: under 2 % at paper sizes.
"""

from torch import nn

from twinlm.core.scale import state_bytes

TRAINING_OVER_FORWARD = 3


def parameter_count(model: nn.Module) -> int:
    """Return the number of weights, each tied one once."""
    return sum(parameter.numel() for parameter in model.parameters())


def layer_count(model: nn.Module) -> int:
    """Return the number of weights in the transformer layers: no embeddings, no heads of pre-training.

    This is what "non-embedding parameters" means here: BERT's pooler and its two heads would else make a
    BERT of the same layers look larger, by a fifth at 64 wide and by 1.5 % at the papers' size.
    """
    return sum(weight.numel() for name, weight in model.named_parameters() if name.startswith("blocks."))


def stack_flops(*, positions: float, length: float, width: int, layers: int, feed_forward: int) -> float:
    """Return the operations of one forward pass through a stack of layers.

    Args:
        positions: sequences times their padded length.
        length: M, the positions each one looks at. A causal layer looks at half of them on average, but
            common kernels compute all, and so does this count.
        width: D.
        layers: transformer layers.
        feed_forward: F.
    """
    per_position = 8 * width * width + 4 * length * width + 4 * width * feed_forward
    return positions * layers * per_position


def vocabulary_flops(*, targets: float, width: int, vocab_size: int) -> float:
    """Return the operations of scoring the whole vocabulary at `targets` positions, forward only."""
    return targets * 2 * width * vocab_size


def least_training_bytes(
    *, parameters: float, positions: float, width: int, layers: int, feed_forward: int
) -> float:
    """Return what training takes at least: a lower bound, to refuse what can never fit.

    Four floats a weight (itself, its gradient, Adam's two averages), and what the backward pass needs of each
    layer at each position, two bytes a number: about 8 states of width D and 2 of width F.

    Args:
        parameters: weights.
        positions: sequences in memory at once times their length.
        width: D.
        layers: transformer layers.
        feed_forward: F.
    """
    return state_bytes(parameters) + 2 * positions * layers * (8 * width + 2 * feed_forward)
