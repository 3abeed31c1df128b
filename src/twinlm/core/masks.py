"""Who may look at whom: the one structural difference between a decoder and an encoder."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Mask:
    """What each position may attend to, in the form that PyTorch's attention takes it.

    Build one with `causal`, `bidirectional`, `mixed`, `everything` or `following`, never by hand.
    """

    is_causal: bool
    """Position i sees no later one."""
    allowed_B11M: Tensor | None
    """True where a position may be looked at; None if all may."""
    allowed_B1LM: Tensor | None = None
    """True where a position (L) may look at another (M), if that differs from position to position."""

    @property
    def allowed(self) -> Tensor | None:
        """Whichever of the two there is."""
        return self.allowed_B11M if self.allowed_B1LM is None else self.allowed_B1LM


def causal() -> Mask:
    """Position i sees positions 0..i: GPT. Padding on the right needs no mask of its own."""
    return Mask(is_causal=True, allowed_B11M=None)


def bidirectional(real_BL: Tensor) -> Mask:
    """Every position sees every real (not padding) position: BERT.

    Args:
        real_BL: True where there is a token, False where there is padding.
    """
    return Mask(is_causal=False, allowed_B11M=real_BL[:, None, None, :])


def mixed(sees_all_B: Tensor, length: int) -> Mask:
    """Some rows see every position, the others are causal: one network trained both ways. No row has padding.

    Args:
        sees_all_B: True for a row that sees both sides.
        length: L.
    """
    places_L = torch.arange(length, device=sees_all_B.device)
    is_earlier_LM = places_L <= places_L[:, None]
    allowed_B1LM = sees_all_B[:, None, None, None] | is_earlier_LM
    return Mask(is_causal=False, allowed_B11M=None, allowed_B1LM=allowed_B1LM)


def everything() -> Mask:
    """Every position sees every position: one new token against a cache of earlier ones."""
    return Mask(is_causal=False, allowed_B11M=None)


def following(seen: int, tokens_BL: Tensor, padding_B: Tensor | None = None) -> Mask:
    """New tokens after those of a cache: each sees itself and all real ones before it.

        seen 3, new 2, padding 1      . x x x .
                                      . x x x x

    Args:
        seen: positions in the cache.
        tokens_BL: the new ones.
        padding_B: how many of each row's first positions are padding; None if no row has any.
    """
    if padding_B is None and seen == 0:
        return causal()
    if padding_B is None and tokens_BL.shape[1] == 1:
        return everything()
    padding_B = tokens_BL.new_zeros(1) if padding_B is None else padding_B
    places_M = torch.arange(seen + tokens_BL.shape[1], device=tokens_BL.device)
    places_L = places_M[seen:]
    is_seen_BLM = (places_M <= places_L[:, None]) & (places_M >= padding_B[:, None, None])
    # Padding sees itself: what may look at nothing has a state that is not a number.
    is_itself_LM = places_M == places_L[:, None]
    return Mask(is_causal=False, allowed_B11M=None, allowed_B1LM=(is_seen_BLM | is_itself_LM)[:, None])
