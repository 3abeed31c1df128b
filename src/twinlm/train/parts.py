"""Checkpoints of a model in parts, each part written by the process that holds it.

The leader then publishes what tells of them: they count. To go on, with any number of processes, the leader
joins them to a checkpoint as one process would have written it, so that there is one format to read.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from twinlm import checkpoint, storage
from twinlm.errors import ModelError, as_model_error
from twinlm.train.checkpoints import KEPT, checkpoints

_PARTS = "parts"
_TENSORS = "tensors.safetensors"
_WHOLE = "model.safetensors"


def whole_model(model: nn.Module, path: Path) -> nn.Module:
    """Return a model like one that is in parts, in one piece, with the weights of a file."""
    sizes: Any = model.config
    whole = type(model)(sizes)
    checkpoint.load_weights(whole, path)
    return whole


def save_part(folder: Path, step: int, number: int, tensors: Mapping[str, Tensor]) -> None:
    """Publish the rows that the process of a number holds at a step."""
    place = _parts_folder(folder, step) / f"{number:05}"
    storage.publish_folder(place, {_TENSORS: checkpoint.tensor_bytes(tensors)})


def publish_parts(folder: Path, state: Mapping[str, Any], count: int) -> None:
    """Publish what tells of so many parts of a step, then drop all but the newest checkpoints."""
    described = {"format": checkpoint.FORMAT, **state, _PARTS: count}
    files = {"state.json": storage.json_bytes(described)}
    storage.publish_folder(folder / f"step-{state['step']:09d}", files)
    for old in checkpoints(folder)[:-KEPT]:
        storage.remove(old)
        storage.remove(_parts_folder(folder, int(old.name.removeprefix("step-"))))


def join_parts(folder: Path) -> None:
    """Make checkpoints that are in parts whole, and remove parts that belong to none.

    A checkpoint with a damaged part is removed: the one before it counts. Its parts are held in memory.
    """
    for place in checkpoints(folder):
        if not (place / _WHOLE).is_file():
            try:
                files = _joined(place)
            except ModelError:
                storage.remove(place)
            else:
                storage.publish_folder(place, files)
    for old in folder.glob(f"{_PARTS}-*"):
        storage.remove(old)


def _joined(place: Path) -> dict[str, bytes]:
    """Return the files of a whole checkpoint in the place of one in parts."""
    storage.verify_folder(place)
    state = storage.read_json(place / "state.json")
    with as_model_error(place / "state.json"):
        step, count = state["step"], state.pop(_PARTS)
        parts = [_parts_folder(place.parent, step) / f"{number:05}" for number in range(count)]
    for part in parts:
        storage.verify_folder(part)
    rows = [checkpoint.read_tensors(part / _TENSORS) for part in parts]
    tensors = {
        name: torch.cat([part[name] for part in rows]) if first.dim() else first
        for name, first in rows[0].items()
    }
    files = {"state.json": storage.json_bytes(state)}
    for kind in ("model", "optimizer"):
        names = [name for name in tensors if name.startswith(f"{kind}.")]
        own = {name.removeprefix(f"{kind}."): tensors[name] for name in names}
        files[f"{kind}.safetensors"] = checkpoint.tensor_bytes(own)
    return files


def _parts_folder(folder: Path, step: int) -> Path:
    return folder / f"{_PARTS}-{step:09d}"
