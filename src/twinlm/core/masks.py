"""Who may look at whom: the one structural difference between a decoder and an encoder."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Mask:
    """What each position may attend to, in the form that PyTorch's attention takes it.

    Build one with `causal`, `bidirectional` or `everything`, never by hand.
    """

    is_causal: bool
    """Position i sees no later one."""
    allowed_B11M: Tensor | None
    """True where a position may be looked at; None if all may."""


def causal() -> Mask:
    """Position i sees positions 0..i: GPT. Padding on the right needs no mask of its own."""
    return Mask(is_causal=True, allowed_B11M=None)


def bidirectional(real_BL: Tensor) -> Mask:
    """Every position sees every real (not padding) position: BERT.

    Args:
        real_BL: True where there is a token, False where there is padding.
    """
    return Mask(is_causal=False, allowed_B11M=real_BL[:, None, None, :])


def everything() -> Mask:
    """Every position sees every position: one new token against a cache of earlier ones."""
    return Mask(is_causal=False, allowed_B11M=None)
