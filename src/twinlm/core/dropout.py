"""Dropout (Srivastava et al. 2014) with masks that belong to the rows of a step, however it is cut.

Within `drawing`, a mask follows from the step's key, the row's number in the step, the number of masks drawn
before, and the place in the row. Outside, PyTorch's own generator draws masks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from twinlm import rng

_LANES = 2**16
"""A probability is rounded to a multiple of 1 / _LANES, as four elements share a random number of 64 bits."""
_GAMMA = -0x61C8864680B583EB
"""2^64 over the golden ratio, as a signed number."""


@dataclass(frozen=True)
class Draw:
    """One mask for each row of a micro-batch, which can be drawn again for a second forward pass."""

    key: int
    """63 bits that depend on seed and step."""
    first_row: int
    """Number in the step of the first row."""
    longest: int
    """Number of positions of the step's longest row."""
    call: int = 0
    """Number of masks that the model asked for before."""

    def after(self, rows: int) -> Self:
        """Return the same draw for the rows after the first ones."""
        return replace(self, first_row=self.first_row + rows)

    def kept(self, rows: Tensor, size: int, cut: int) -> Tensor:
        """Return for each row which of `size` elements stay, (rows, size); `cut` of _LANES are dropped.

        `rows` are numbers in the micro-batch, on the device on which the mask is needed.
        """
        draw_words = _words_by_hash if draws_by_hash(rows.device) else _words_by_stream
        words = draw_words(self.key, self.call, rows + self.first_row, -(-size // 4))
        return words.view(torch.int16)[:, :size] >= cut - _LANES // 2


def draws_by_hash(device: torch.device) -> bool:
    """Tell whether a device computes its masks itself, number by number; a CPU is faster with streams."""
    return device.type != "cpu"


def _words_by_stream(key: int, call: int, rows: Tensor, count: int) -> Tensor:
    """Return random words of 64 bits, (rows, count): a short stream of NumPy's for each row."""
    streams, words = rng.Words(key), np.empty((len(rows), count), np.uint64)
    for number, row in enumerate(rows.tolist()):
        words[number] = streams.draw(count, call, row)
    return torch.from_numpy(words.view(np.int64))


def _words_by_hash(key: int, call: int, rows: Tensor, count: int) -> Tensor:
    """Return random words of 64 bits, (rows, count), with integer operations of any device.

    SplitMix64 (Steele, Lea and Flood 2014), with a state for each row that is hashed from key, call and row.
    """
    of_call = int(rng.key(key, call) >> 65)
    state_R1 = _mixed(_mixed(rows + of_call) + of_call)[:, None]
    return _mixed(state_R1 + _GAMMA * torch.arange(1, count + 1, device=rows.device))


def _mixed(words: Tensor) -> Tensor:
    """Return SplitMix64's hash of each word. Products overflow, as they should."""
    for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15)):
        words = (words ^ _shifted(words, shift)) * factor
    return words ^ _shifted(words, 31)


def _shifted(words: Tensor, count: int) -> Tensor:
    # PyTorch's shift repeats the sign.
    return (words >> count) & ((1 << (64 - count)) - 1)


class _Masks:
    """Draws of one micro-batch, in the order in which a model asks for them."""

    def __init__(self, first: Draw) -> None:
        self._next = first

    def draw(self) -> Draw:
        draw = self._next
        self._next = replace(draw, call=draw.call + 1)
        return draw


_masks: ContextVar[_Masks | None] = ContextVar("masks", default=None)


@contextmanager
def drawing(key: int, *, first_row: int, longest: int) -> Iterator[None]:
    """Draw the masks of the forward passes in this block by row; the arguments are those of `Draw`."""
    token = _masks.set(_Masks(Draw(key, first_row, longest)))
    try:
        yield
    finally:
        _masks.reset(token)


def next_draw() -> Draw | None:
    """Return the draw of the next mask; None outside of `drawing`."""
    masks = _masks.get()
    return None if masks is None else masks.draw()


def is_by_row() -> bool:
    """Tell whether masks are drawn by row here: within `drawing`."""
    return _masks.get() is not None


def drop(x: Tensor, probability: float, of_rows: Tensor | None = None) -> Tensor:
    """Return a tensor with elements set to 0 at random and the others divided by 1 - probability.

    Args:
        x: (B, ...); if there are more dimensions than two, the second is positions.
        probability: share of elements that are set to 0.
        of_rows: number of each row in the micro-batch, (B,); None for 0 to B - 1.
    """
    draw = next_draw()
    if draw is None:
        return F.dropout(x, probability)
    rows = torch.arange(len(x), device=x.device) if of_rows is None else of_rows
    cut = round(probability * _LANES)
    kept = draw.kept(rows, x.shape[1:].numel(), cut).reshape(x.shape)
    return _scaled(x, kept, cut)


def drop_weights(weights_BHLM: Tensor, probability: float, draw: Draw | None = None) -> Tensor:
    """Return attention weights with some set to 0, as `drop` does; `draw` is the next one by default."""
    draw = draw or next_draw()
    if draw is None:
        return F.dropout(weights_BHLM, probability)
    rows, heads, length, seen = weights_BHLM.shape
    cut = round(probability * _LANES)
    # All cuts of a step number the places of a row alike, as if each were as long as the step's longest row.
    numbers = torch.arange(rows, device=weights_BHLM.device)
    kept = draw.kept(numbers, length * heads * draw.longest, cut)
    kept_BLHM = kept.view(rows, length, heads, draw.longest)[..., :seen]
    return _scaled(weights_BHLM, kept_BLHM.transpose(1, 2), cut)


class Dropout(nn.Dropout):
    """PyTorch's layer, with masks by row in a training run."""

    def forward(self, x: Tensor, of_rows: Tensor | None = None) -> Tensor:
        """Return the tensor, in training with some elements set to 0; see `drop`."""
        return drop(x, self.p, of_rows) if self.training and self.p else x


def _scaled(x: Tensor, is_kept: Tensor, cut: int) -> Tensor:
    # Scaled before it is masked, as 1 / (1 - p) itself would be rounded to bfloat16: 0.2 % too little at 0.1.
    return torch.where(is_kept, x * (_LANES / (_LANES - cut)), 0.0) if cut < _LANES else x * 0.0
