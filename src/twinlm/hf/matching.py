"""Which tensor of a foreign file is which: old names, omitted prefixes, copies, buffers, missing parts."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, equal

from twinlm.errors import ModelError
from twinlm.hf.layout import Layout, Rename, to_hf
from twinlm.hf.weights import Weights

Shapes = dict[str, tuple[int, ...]]
_SHOWN = 3
# The first releases of BERT, converted from TensorFlow.
_OLD_NAMES = {"gamma": "weight", "beta": "bias"}


@dataclass(frozen=True, slots=True)
class Matched(Mapping[str, Tensor]):
    """Foreign tensors under the names of our tables; each is read on request, in float32."""

    weights: Weights
    """Open files."""
    names: Mapping[str, str]
    """Names in the files by the names of the tables."""
    missing: tuple[str, ...]
    """Parts of ours that the files lack."""
    ignored: tuple[str, ...]
    """Tensors of heads that we don't have."""

    def __getitem__(self, name: str) -> Tensor:
        return self.weights[self.names[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def match(layout: Layout, weights: Weights, body: Shapes, head: Shapes, path: Path) -> Matched:
    """Return the tensors that the model (`body`) and the head of its task need, under their tables' names."""
    needed = {**body, **head}
    names, ignored, unknown = _sorted_out(layout, weights, needed, path)
    if unknown:
        raise ModelError(_some(unknown, f"unknown to a {layout.model_type} model"), file=path)
    copies = {copy: names.pop(copy) for copy in layout.copies if copy in names}
    for copy, theirs in copies.items():
        names.setdefault(layout.copies[copy], theirs)
    parts = {
        part: {name for row in layout.table if row.ours.startswith(prefix) for name in row.theirs}
        for part, prefix in layout.parts.items()
    }
    missing = tuple(part for part, tensors in parts.items() if not names.keys() & tensors)
    absent = {name for part in missing for name in parts[part]}
    if lost := sorted(needed.keys() - names.keys() - absent):
        raise ModelError(_some(lost, "missing"), file=path)
    for name, theirs in names.items():
        if (entry := weights.entry(theirs)).shape != needed[name]:
            message = f"{theirs} has shape {entry.shape}, but config.json asks for {needed[name]}"
            raise ModelError(message, file=entry.path)
    for copy, theirs in copies.items():
        original = names[layout.copies[copy]]
        if original != theirs and not equal(weights[theirs], weights[original]):
            message = f"{theirs} and {original} must be equal, but they differ"
            raise ModelError(message, file=path, hint="only models with tied weights are supported")
    return Matched(weights, names, missing, tuple(ignored))


def check_layers(layout: Layout, layers: int, weights: Weights, path: Path) -> None:
    """Check that there are enough tensors for so many layers, before such a model is built."""
    least = layers * sum(len(row.theirs) for row in layout.table if "{}" in row.ours)
    if len(weights) < least:
        message = f"{layers:,} layers have {least:,} tensors, but there are only {len(weights):,}"
        raise ModelError(message, file=path)


def body_shapes(layout: Layout, layers: int, ours: Mapping[str, Tensor]) -> Shapes:
    """Return names and shapes of a model's tensors in the layout; `ours` may be on the meta device."""
    return {name: tuple(tensor.shape) for name, tensor in to_hf(layout.table, layers, ours).items()}


def rows_without(layout: Layout, parts: Iterable[str]) -> list[Rename]:
    """Return the table of a layout without the tensors of some parts."""
    prefixes = tuple(layout.parts[part] for part in parts)
    return [row for row in layout.table if not row.ours.startswith(prefixes)]


def _sorted_out(
    layout: Layout, weights: Weights, needed: Shapes, path: Path
) -> tuple[dict[str, str], list[str], list[str]]:
    """Return the known tensors by their name in the table, those of other heads, and the unknown ones."""
    known = needed.keys() | layout.copies.keys()
    names: dict[str, str] = {}
    ignored: list[str] = []
    unknown: list[str] = []
    for theirs in weights:
        if re.fullmatch(layout.buffers, theirs):
            continue
        plain = re.sub(r"(?<=LayerNorm\.)(gamma|beta)$", lambda old: _OLD_NAMES[old[0]], theirs)
        name = plain if plain in known else layout.prefix + plain
        if name in names:
            raise ModelError(f"{theirs} and {names[name]} are the same tensor", file=path)
        if name in known:
            names[name] = theirs
        else:
            (ignored if plain.startswith(layout.other_heads) else unknown).append(theirs)
    return names, ignored, unknown


def _some(names: list[str], state: str) -> str:
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"{len(names)} tensor{'s are' if len(names) > 1 else ' is'} {state}: {shown}"
