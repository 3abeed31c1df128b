"""Dropout (Srivastava et al. 2014) with masks that belong to the rows of a step, however it is cut.

Within `drawing`, a mask follows from the step's key, the row's number in the step, the number of masks drawn
before, and the place in the row. Outside, PyTorch's own generator draws masks.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from twinlm import rng

_LANES = 2**16
"""A probability is rounded to a multiple of 1 / _LANES, as four elements share a random number of 64 bits."""


class _Masks:
    """Masks of one micro-batch, in the order in which a model asks for them."""

    def __init__(self, key: int, first_row: int, longest: int) -> None:
        self._words = rng.Words(key)
        self._first_row = first_row
        self._call = 0
        self.longest = longest

    def kept(self, rows: Sequence[int], size: int, cut: int) -> NDArray[np.bool_]:
        """Return for each row which of `size` elements stay, (rows, size); `cut` of _LANES are dropped."""
        words = np.empty((len(rows), -(-size // 4)), np.uint64)
        for number, row in enumerate(rows):
            words[number] = self._words.draw(words.shape[1], self._call, self._first_row + row)
        self._call += 1
        kept: NDArray[np.bool_] = words.view(np.int16)[:, :size] >= cut - _LANES // 2
        return kept


_masks: ContextVar[_Masks | None] = ContextVar("masks", default=None)


@contextmanager
def drawing(key: int, *, first_row: int, longest: int) -> Iterator[None]:
    """Draw the masks of the forward passes in this block by row.

    Args:
        key: 63 bits that depend on seed and step.
        first_row: number in the step of the micro-batch's first row.
        longest: number of positions of the step's longest row.
    """
    token = _masks.set(_Masks(key, first_row, longest))
    try:
        yield
    finally:
        _masks.reset(token)


def is_by_row(device: torch.device) -> bool:
    """Tell whether masks are drawn by row here: within `drawing`, on a CPU."""
    return _masks.get() is not None and device.type == "cpu"


def drop(x: Tensor, probability: float, of_rows: Tensor | None = None) -> Tensor:
    """Return a tensor with elements set to 0 at random and the others divided by 1 - probability.

    Args:
        x: (B, ...); if there are more dimensions than two, the second is positions.
        probability: share of elements that are set to 0.
        of_rows: number of each row in the micro-batch, (B,); None for 0 to B - 1.
    """
    masks = _masks.get()
    if masks is None or x.device.type != "cpu":
        return F.dropout(x, probability)
    rows = range(len(x)) if of_rows is None else of_rows.tolist()
    cut = round(probability * _LANES)
    kept = masks.kept(rows, x.shape[1:].numel(), cut).reshape(x.shape)
    return _scaled(x, torch.from_numpy(kept), cut)


def drop_weights(weights_BHLM: Tensor, probability: float) -> Tensor:
    """Return attention weights with some set to 0, as `drop` does."""
    masks = _masks.get()
    if masks is None or weights_BHLM.device.type != "cpu":
        return F.dropout(weights_BHLM, probability)
    rows, heads, length, seen = weights_BHLM.shape
    cut = round(probability * _LANES)
    # All cuts of a step number the places of a row alike, as if each were as long as the step's longest row.
    kept = masks.kept(range(rows), length * heads * masks.longest, cut)
    kept_BLHM = torch.from_numpy(kept).view(rows, length, heads, masks.longest)[..., :seen]
    return _scaled(weights_BHLM, kept_BLHM.transpose(1, 2), cut)


class Dropout(nn.Dropout):
    """PyTorch's layer, with masks by row in a training run."""

    def forward(self, x: Tensor, of_rows: Tensor | None = None) -> Tensor:
        """Return the tensor, in training with some elements set to 0; see `drop`."""
        return drop(x, self.p, of_rows) if self.training and self.p else x


def _scaled(x: Tensor, is_kept: Tensor, cut: int) -> Tensor:
    # Scaled before it is masked, as 1 / (1 - p) itself would be rounded to bfloat16: 0.2 % too little at 0.1.
    return torch.where(is_kept, x * (_LANES / (_LANES - cut)), 0.0) if cut < _LANES else x * 0.0
