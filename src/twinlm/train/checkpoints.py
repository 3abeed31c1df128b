"""Checkpoints of a training run. Each is published whole; the newest intact one counts.

    step-000000042/state.json              counts and best score
                   model.safetensors       the weights
                   optimizer.safetensors   its averages

If the model is sharded, each process publishes its rows in parts-000000042/00003. Then the leader publishes
`state.json`, which holds the hashes of the parts' manifests and so makes them count.
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from twinlm.checkpoint import FORMAT, check_format
from twinlm.errors import ModelError, as_model_error
from twinlm.system import storage
from twinlm.tensor_files import check_values, fill, tensor_bytes
from twinlm.train.checkpoint_tensors import CheckpointTensors, file_name
from twinlm.train.optimizer import state_names

KEPT = 2  # the newest may be damaged
_PARTS = "parts"


def save_training(
    folder: Path,
    step: int,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, Any],
    *,
    every: int = 1,
) -> None:
    """Publish a checkpoint; keep the newest `KEPT`, and the newest of those at each `every` steps."""
    tensors = {"model": module.state_dict(), "optimizer": averages(optimizer)}
    _publish(folder, {"step": step, **state}, _files(tensors), every)


def save_part(folder: Path, step: int, number: int, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Publish the rows that process `number` holds, by group and name."""
    storage.publish_folder(_part(folder, step, number), _files(tensors))


def publish_parts(folder: Path, state: Mapping[str, Any], count: int, *, every: int = 1) -> None:
    """Publish the state that makes `count` parts a checkpoint, then remove old ones."""
    parts = [_part(folder, state["step"], number) for number in range(count)]
    manifests = [storage.file_sha256(part / storage.MANIFEST) for part in parts]
    _publish(folder, {**state, _PARTS: manifests}, {}, every)


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> str:
    """Write weights to one file; return its SHA-256."""
    contents = tensor_bytes(weights)
    storage.write_file(path, contents)
    return hashlib.sha256(contents).hexdigest()


def load_training(
    folder: Path,
    restore: Callable[[CheckpointTensors], None],
    *,
    check: Callable[[Mapping[str, Any], Path], None],
    pass_over: Callable[[ModelError], None],
) -> dict[str, Any] | None:
    """Restore the newest intact checkpoint; return its state, or None if there is no checkpoint.

    `check` raises a ModelError if a state does not fit other files; `pass_over` gets the error of each
    damaged checkpoint, before the previous one is tried. A ModelError if all are damaged.
    """
    paths = sorted(folder.glob("step-*"), reverse=True)
    for path in paths:
        try:
            state, folders = _verified(path)
            with as_model_error(path / "state.json"):
                if state["format"] <= FORMAT:
                    check(state, path / "state.json")
        except ModelError as error:
            if path == paths[-1]:
                raise
            pass_over(error)
            continue
        check_format(state.pop("format"), path / "state.json")
        restore(CheckpointTensors(path, folders))
        return state
    return None


def roll_back(folder: Path, step: int, restore: Callable[[CheckpointTensors], None]) -> None:
    """Restore weights and averages from the checkpoint of a step, which must be intact."""
    path = _path(folder, step)
    restore(CheckpointTensors(path, _verified(path)[1]))


def restore(tensors: CheckpointTensors, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Take all weights and averages; a ModelError if they belong to another model."""
    fill(module, {name: tensors.rows("model", name) for name in tensors.names("model")}, tensors.path)
    saved = {name: tensors.rows("optimizer", name) for name in tensors.names("optimizer")}
    for name, value in saved.items():
        check_values(name, value, torch.float32, tensors.path)
    set_averages(optimizer, saved, tensors.path)


def averages(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's averages and step counts, named by the number of their weight: "3.exp_avg"."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value for number, values in state.items() for name, value in values.items()}


def set_averages(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Set averages read from the checkpoint at `path`; a ModelError if they are those of other weights."""
    groups = optimizer.param_groups
    weights = [(weight, state_names(optimizer, group)) for group in groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    with as_model_error(path / file_name("optimizer")):
        for key, value in tensors.items():
            weight, _, name = key.partition(".")
            if value.shape != (torch.Size() if name == "step" else weights[int(weight)][0].shape):
                raise ValueError(f"{key} is no average of its weight")
            state.setdefault(int(weight), {})[name] = value
        for number, values in state.items():
            if differing := values.keys() ^ weights[number][1]:
                raise KeyError(min(differing))
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def checkpoints(folder: Path) -> list[Path]:
    """Return the published checkpoints, oldest first."""
    return [path for path in sorted(folder.glob("step-*")) if storage.is_published(path)]


def remove_loose_parts(folder: Path) -> None:
    """Remove parts without a checkpoint: it was removed, or the run was killed before it was published."""
    for parts in sorted(folder.glob(f"{_PARTS}-*")):
        if not storage.is_published(folder / parts.name.replace(_PARTS, "step", 1)):
            storage.remove(parts)


def _publish(folder: Path, state: Mapping[str, Any], files: Mapping[str, bytes], every: int) -> None:
    state_bytes = storage.json_bytes({"format": FORMAT, **state})
    storage.publish_folder(_path(folder, state["step"]), {**files, "state.json": state_bytes})
    published = checkpoints(folder)
    periodic = [path for path in published if _step(path) % every == 0]
    for old in published[:-KEPT]:
        if old not in periodic[-1:]:
            storage.remove(old)
    remove_loose_parts(folder)


def _verified(path: Path) -> tuple[dict[str, Any], list[Path]]:
    """Return a checkpoint's state and the folders of its tensors, after checking every byte."""
    storage.verify_folder(path)
    state: dict[str, Any] = storage.read_json(path / "state.json")
    with as_model_error(path / "state.json"):
        if state["step"] != _step(path):
            raise ValueError(f"it is of step {state['step']}")
        manifests = state.pop(_PARTS, None)
        parts = [_part(path.parent, _step(path), number) for number in range(len(manifests or ()))]
        folders = [path] if manifests is None else parts
    for part, manifest in zip(folders, manifests or (), strict=bool(manifests)):
        if storage.file_sha256(part / storage.MANIFEST) != manifest:
            raise ModelError("this part was not saved together with the others", file=part)
        storage.verify_folder(part)
    return state, folders


def _files(tensors: Mapping[str, Mapping[str, Tensor]]) -> dict[str, bytes]:
    return {file_name(group): tensor_bytes(values) for group, values in tensors.items()}


def _path(folder: Path, step: int) -> Path:
    return folder / f"step-{step:09d}"


def _part(folder: Path, step: int, number: int) -> Path:
    return folder / f"{_PARTS}-{step:09d}" / f"{number:05d}"


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))
