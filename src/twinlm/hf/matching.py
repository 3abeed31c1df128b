"""Which tensor of a stranger's file is which: old names, prefixes left out, copies, buffers, missing parts.

Names and shapes decide, from the headers alone; then copies are compared, before any other weight is read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, equal

from twinlm.errors import ModelError
from twinlm.hf.layout import Layout
from twinlm.hf.names import Rename, to_hf
from twinlm.hf.weights import Weights

Shapes = dict[str, tuple[int, ...]]
_SHOWN = 3
# The first releases of BERT, converted from TensorFlow.
_OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


@dataclass(frozen=True, slots=True)
class Matched(Mapping[str, Tensor]):
    """A stranger's tensors under the names of our tables; each is read when it is asked for."""

    weights: Weights
    """The files."""
    names: Mapping[str, str]
    """For each name of a table the name in the files."""
    missing: tuple[str, ...]
    """Parts of ours that the files have not."""
    ignored: tuple[str, ...]
    """Tensors of heads that we have not."""

    def __getitem__(self, name: str) -> Tensor:
        """Return a tensor in float32."""
        return self.weights[self.names[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def match(layout: Layout, weights: Weights, body: Shapes, head: Shapes, place: Path) -> Matched:
    """Return the tensors under the names of our tables.

    Args:
        layout: of the model type.
        weights: what the files hold.
        body: names and shapes that the model needs, without the head of a task.
        head: those of the head.
        place: the file to name in errors.

    Raises:
        ModelError: tensors are missing, unknown, given twice, of another shape, or copies that differ.
    """
    needed = {**body, **head}
    names, ignored, unknown = _sorted_out(layout, weights, needed, place)
    if unknown:
        raise ModelError(_some(unknown, f"unknown to a {layout.model_type} model"), file=place)
    copies = {copy: names.pop(copy) for copy in layout.copies if copy in names}
    for copy, theirs in copies.items():
        names.setdefault(layout.copies[copy], theirs)
    missing = tuple(part for part in layout.parts if not names.keys() & names_of(layout, part, body))
    absent = {name for part in missing for name in names_of(layout, part, body)}
    if lost := sorted(needed.keys() - names.keys() - absent):
        raise ModelError(_some(lost, "missing"), file=place)
    for name, theirs in names.items():
        if weights.shape(theirs) != needed[name]:
            message = f"{theirs} has shape {weights.shape(theirs)}, but config.json asks for {needed[name]}"
            raise ModelError(message, file=weights.place(theirs))
    for copy, theirs in copies.items():
        original = names[layout.copies[copy]]
        if original != theirs and not equal(weights[theirs], weights[original]):
            message = f"{theirs} and {original} must be equal, but they differ"
            raise ModelError(message, file=place, hint="only models with tied weights are supported")
    return Matched(weights, names, missing, tuple(ignored))


def check_layers(layout: Layout, layers: int, weights: Weights, place: Path) -> None:
    """Check that there are tensors enough for so many layers, before a model of them is thought of.

    Raises:
        ModelError: there are fewer.
    """
    least = layers * sum(len(row.theirs) for row in layout.table if "{}" in row.ours)
    if len(weights) < least:
        message = f"{layers:,} layers have {least:,} tensors, but there are only {len(weights):,}"
        raise ModelError(message, file=place)


def body_shapes(layout: Layout, layers: int, ours: Mapping[str, Tensor]) -> Shapes:
    """Return names and shapes of a model's tensors in the layout; `ours` may lie on the meta device."""
    return {name: tuple(tensor.shape) for name, tensor in to_hf(layout.table, layers, ours).items()}


def rows_without(layout: Layout, parts: Iterable[str]) -> list[Rename]:
    """Return the table of a layout without the tensors of some parts."""
    starts = tuple(layout.parts[part] for part in parts)
    return [row for row in layout.table if not row.ours.startswith(starts)]


def names_of(layout: Layout, part: str, body: Mapping[str, object]) -> set[str]:
    """Return the names in the files of a part's tensors."""
    start = layout.parts[part]
    return {name for row in layout.table if row.ours.startswith(start) for name in row.theirs} & body.keys()


def _sorted_out(
    layout: Layout, weights: Weights, needed: Shapes, place: Path
) -> tuple[dict[str, str], list[str], list[str]]:
    """Return the known tensors by their name in the table, those of other heads, and the unknown ones."""
    known = needed.keys() | layout.copies.keys()
    names: dict[str, str] = {}
    ignored: list[str] = []
    unknown: list[str] = []
    for theirs in weights:
        if re.fullmatch(layout.buffers, theirs):
            continue
        plain = theirs
        for old, new in _OLD_NAMES.items():
            plain = plain.removesuffix(old) + new if plain.endswith(old) else plain
        name = plain if plain in known else layout.prefix + plain
        if name in names:
            raise ModelError(f"{theirs} and {names[name]} are the same tensor", file=place)
        if name in known:
            names[name] = theirs
        else:
            (ignored if plain.startswith(layout.other_heads) else unknown).append(theirs)
    return names, ignored, unknown


def _some(names: list[str], what: str) -> str:
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"{len(names)} tensor{'s are' if len(names) > 1 else ' is'} {what}: {shown}"
