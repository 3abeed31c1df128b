"""Which positions may attend to which: the one structural difference between a decoder and an encoder."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Mask:
    """The positions that each position may attend to, as PyTorch's attention takes them.

    Build one with the functions below, never by hand.
    """

    is_causal: bool
    """Whether position i sees no later one."""
    allowed_B11M: Tensor | None
    """True where a position (M) may be attended to by all; None if all positions may."""
    allowed_B1LM: Tensor | None = None
    """True where position L may attend to position M; None if that is the same for all L."""

    @property
    def allowed(self) -> Tensor | None:
        """Whichever of the two tensors is set."""
        return self.allowed_B11M if self.allowed_B1LM is None else self.allowed_B1LM

    def of(self, rows: slice) -> "Mask":
        """Return the mask of some rows."""
        allowed = (self.allowed_B11M, self.allowed_B1LM)
        of_rows = (each if each is None or len(each) == 1 else each[rows] for each in allowed)
        return Mask(self.is_causal, *of_rows)


def causal() -> Mask:
    """Position i sees positions 0..i: GPT. Padding, on the right, is later than every real position."""
    return Mask(is_causal=True, allowed_B11M=None)


def bidirectional(real_BL: Tensor) -> Mask:
    """Every position sees every real position: BERT. `real_BL` is False at padding."""
    return Mask(is_causal=False, allowed_B11M=real_BL[:, None, None, :])


def mixed(sees_all_B: Tensor, length: int) -> Mask:
    """Rows of `sees_all_B` see every position, the others are causal. No row may have padding."""
    positions_L = torch.arange(length, device=sees_all_B.device)
    is_earlier_LM = positions_L <= positions_L[:, None]
    allowed_B1LM = sees_all_B[:, None, None, None] | is_earlier_LM
    return Mask(is_causal=False, allowed_B11M=None, allowed_B1LM=allowed_B1LM)


def everything() -> Mask:
    """Every position sees every position: one new token against a cache of earlier ones."""
    return Mask(is_causal=False, allowed_B11M=None)


def following(seen: int, tokens_BL: Tensor, padding_B: Tensor | None = None) -> Mask:
    """New tokens after cached ones: each sees itself and all real positions before it.

        seen 3, new 2, padding 1      . x x x .
                                      . x x x x

    `seen` is the number of cached positions, `padding_B` that of padding positions at the start of each row.
    """
    if padding_B is None and seen == 0:
        return causal()
    if padding_B is None and tokens_BL.shape[1] == 1:
        return everything()
    padding_B = tokens_BL.new_zeros(1) if padding_B is None else padding_B
    positions_M = torch.arange(seen + tokens_BL.shape[1], device=tokens_BL.device)
    positions_L = positions_M[seen:]
    is_seen_BLM = (positions_M <= positions_L[:, None]) & (positions_M >= padding_B[:, None, None])
    # Padding sees itself: a softmax over no position at all would give NaN.
    is_itself_LM = positions_M == positions_L[:, None]
    return Mask(is_causal=False, allowed_B11M=None, allowed_B1LM=(is_seen_BLM | is_itself_LM)[:, None])
