"""Arrays one behind the other that are cut as if they were one: the tokens of a store of many shards."""

from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Pieces:
    """Arrays one behind the other, cut as if they were one.

    Args:
        pieces: none of them empty.
    """

    def __init__(self, pieces: list[NDArray[Any]]) -> None:
        self.pieces = pieces
        self.bounds = np.cumsum([0, *map(len, pieces)]).tolist()

    def __len__(self) -> int:
        """Return how many numbers there are in all."""
        return int(self.bounds[-1])

    def __getitem__(self, places: slice) -> NDArray[Any]:
        """Return a stretch of them: a view, unless it reaches over more than one piece."""
        begin, end, _ = places.indices(len(self))
        end = max(begin, end)
        first = bisect_right(self.bounds, begin, hi=len(self.pieces)) - 1
        found = []
        for piece, bound in zip(self.pieces[first:], self.bounds[first:], strict=False):
            found.append(piece[max(0, begin - bound) : max(0, end - bound)])
            if end <= bound + len(piece):
                break
        return found[0] if len(found) == 1 else np.concatenate(found)
