"""The tensors of a checkpoint, read row by row: of one folder, or of the parts that several processes wrote.

So each of any number of processes takes only what it holds from what any other number has left.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from twinlm.errors import ModelError

KINDS = ("model", "optimizer")
"""Of tensors: weights by their name, Adam's averages by the number of their weight and their name."""


def file_of(kind: str) -> str:
    """Return the name of the file that holds a kind of tensors, in a checkpoint and in a part of one."""
    return f"{kind}.safetensors"


class Saved:
    """Opened files of a checkpoint whose bytes were checked.

    Args:
        place: of the checkpoint, for messages.
        folders: where its tensors lie: one folder, or one for each part, which hold their rows in this order.

    Raises:
        ModelError: a file is no whole safetensors file, or parts hold other tensors than the first.
    """

    def __init__(self, place: Path, folders: Sequence[Path]) -> None:
        self.place = place
        self._files = {kind: [_opened(folder / file_of(kind)) for folder in folders] for kind in KINDS}
        for files in self._files.values():
            first, *others = map(_widths, files)
            if any(other != first for other in others):
                raise ModelError("the parts of this checkpoint hold different tensors", file=place)

    def names(self, kind: str) -> list[str]:
        """Return the names of all tensors of a kind."""
        return sorted(self._files[kind][0].keys())

    def shape(self, kind: str, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor in one piece."""
        shapes = [file.get_slice(name).get_shape() for file in self._files[kind]]
        return (sum(shape[0] for shape in shapes), *shapes[0][1:]) if shapes[0] else ()

    def rows(self, kind: str, name: str, begin: int = 0, end: int | None = None) -> Tensor:
        """Return the rows of a tensor from `begin` to before `end`; what has no rows is whole in all."""
        files = self._files[kind]
        if not files[0].get_slice(name).get_shape():
            whole: Tensor = files[0].get_tensor(name)
            return whole
        first, found = 0, []
        for file in files:
            part = file.get_slice(name)
            count = part.get_shape()[0]
            low, high = max(begin - first, 0), count if end is None else min(end - first, count)
            if low < high:
                found.append(part[low:high])
            first += count
        return torch.cat(found) if found else files[0].get_tensor(name)[:0]


def _widths(file: Any) -> dict[str, tuple[int, list[int]]]:
    """Return how many dimensions each tensor of a file has, and all of them but its rows."""
    shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - no mapping
    return {name: (len(shape), shape[1:]) for name, shape in shapes.items()}


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, "pt")
    except FileNotFoundError as error:
        raise ModelError("the file is missing", file=path) from error
    except SafetensorError as error:
        raise ModelError(f"this is no whole safetensors file: {error}", file=path) from error
