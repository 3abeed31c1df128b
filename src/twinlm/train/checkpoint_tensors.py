"""The tensors of a checkpoint, whole or in the parts of several processes, read row by row as needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from twinlm.errors import ModelError
from twinlm.tensor_files import as_tensor_error

GROUPS = ("model", "optimizer")  # weights by name; Adam's averages by number of their weight and own name


def file_name(group: str) -> str:
    """Return the name of a group's file, in a checkpoint and in a part of one."""
    return f"{group}.safetensors"


class CheckpointTensors:
    """The tensors of a verified checkpoint: of one folder, or of its parts in the order of their rows."""

    def __init__(self, path: Path, folders: Sequence[Path]) -> None:
        self.path = path
        self._files = {group: [_open(folder / file_name(group)) for folder in folders] for group in GROUPS}
        for files in self._files.values():
            first, *others = map(_widths, files)
            if any(other != first for other in others):
                raise ModelError("the parts of this checkpoint hold different tensors", file=path)

    def names(self, group: str) -> list[str]:
        """Return the names of all tensors of a group."""
        return sorted(self._files[group][0].keys())

    def shape(self, group: str, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, the rows of all parts together."""
        shapes = [file.get_slice(name).get_shape() for file in self._files[group]]
        return (sum(shape[0] for shape in shapes), *shapes[0][1:]) if shapes[0] else ()

    def rows(self, group: str, name: str, begin: int = 0, end: int | None = None) -> Tensor:
        """Return rows `begin` to `end` of a tensor; a scalar, which each part holds, whole."""
        files = self._files[group]
        if not files[0].get_slice(name).get_shape():
            scalar: Tensor = files[0].get_tensor(name)
            return scalar
        first, pieces = 0, []
        for file in files:
            part = file.get_slice(name)
            count = part.get_shape()[0]
            low, high = max(begin - first, 0), count if end is None else min(end - first, count)
            if low < high:
                pieces.append(part[low:high])
            first += count
        return torch.cat(pieces) if pieces else files[0].get_tensor(name)[:0]


def _widths(file: Any) -> dict[str, tuple[int, list[int]]]:
    shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - no mapping
    return {name: (len(shape), shape[1:]) for name, shape in shapes.items()}


def _open(path: Path) -> Any:
    with as_tensor_error(path):
        return safe_open(path, "pt")
