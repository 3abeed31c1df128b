"""Checkpoints of a training run, published whole. The newest whole one counts.

    step-000000042/state.json              what is to be known, as JSON
                   model.safetensors       the weights
                   optimizer.safetensors   Adam's averages

Of a model in parts each process publishes its rows of all tensors; then the leader publishes `state.json`,
which makes them count and holds the hashes of their manifests:

    parts-000000042/00003/model.safetensors, optimizer.safetensors
    step-000000042/state.json

Whoever goes on reads the rows that it needs from either form, see `train/checkpoint_tensors.py`.
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from twinlm.checkpoint import FORMAT, check_format, check_values, fill, tensor_bytes
from twinlm.errors import ModelError, as_model_error
from twinlm.system import storage
from twinlm.train.checkpoint_tensors import Saved, file_of

KEPT = 2
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
    """Publish a checkpoint of a training run at a step, then drop all but the newest few.

    Args:
        folder: of the checkpoints.
        step: how many steps were taken.
        module: its weights are saved.
        optimizer: its averages are.
        state: what else is to be known, as JSON holds it.
        every: signals save at other steps than multiples of this; the newest multiple is kept in any case.
    """
    tensors = {"model": module.state_dict(), "optimizer": averages(optimizer)}
    _publish(folder, {"step": step, **state}, _files(tensors), every)


def save_part(folder: Path, step: int, number: int, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Publish the rows that the process of a number holds at a step, by kind and name."""
    storage.publish_folder(_parts(folder, step) / _part(number), _files(tensors))


def publish_parts(folder: Path, state: Mapping[str, Any], count: int, *, every: int = 1) -> None:
    """Publish what makes so many parts of a step a checkpoint, then drop old ones as `save_training` does."""
    parts = _parts(folder, state["step"])
    manifests = [storage.file_sha256(parts / _part(number) / storage.MANIFEST) for number in range(count)]
    _publish(folder, {**state, _PARTS: manifests}, {}, every)


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> str:
    """Write weights into a file of their own; return its SHA-256."""
    contents = tensor_bytes(weights)
    storage.write_file(path, contents)
    return hashlib.sha256(contents).hexdigest()


def load_training(
    folder: Path,
    restore: Callable[[Saved], None],
    *,
    check: Callable[[Mapping[str, Any]], None],
    pass_over: Callable[[ModelError], None],
) -> dict[str, Any] | None:
    """Bring a training run back to its newest whole checkpoint; return its state, or None if there is none.

    Args:
        folder: of the checkpoints.
        restore: takes weights and averages, such as `restore` does.
        check: raises a ModelError if what lies beside the checkpoint is not what its state says.
        pass_over: told of each checkpoint that is damaged; the one before it is taken.

    Raises:
        ModelError: all checkpoints are damaged, or they belong to another model or a newer version.
    """
    places = sorted(folder.glob("step-*"), reverse=True)
    for place in places:
        try:
            state, folders = _verified(place)
            with as_model_error(place / "state.json"):
                if state["format"] <= FORMAT:
                    check(state)
        except ModelError as error:
            if place == places[-1]:
                raise
            pass_over(error)
            continue
        check_format(state.pop("format"), place / "state.json")
        restore(Saved(place, folders))
        return state
    return None


def roll_back(folder: Path, step: int, restore: Callable[[Saved], None]) -> None:
    """Bring weights and averages back to the checkpoint of a step.

    Raises:
        ModelError: it is missing or damaged.
    """
    place = _place(folder, step)
    restore(Saved(place, _verified(place)[1]))


def restore(saved: Saved, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Take all weights and averages.

    Raises:
        ModelError: they belong to another model.
    """
    fill(module, {name: saved.rows("model", name) for name in saved.names("model")}, saved.place)
    found = {name: saved.rows("optimizer", name) for name in saved.names("optimizer")}
    for name, value in found.items():
        check_values(name, value, torch.float32, saved.place)
    set_averages(optimizer, found, saved.place)


def averages(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return Adam's averages and step counts under the number of their weight: "3.exp_avg"."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value for number, values in state.items() for name, value in values.items()}


def set_averages(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], place: Path) -> None:
    """Set what `averages` returned.

    Raises:
        ModelError: they are not whole, or of other weights; names the place that they come from.
    """
    names = {"exp_avg", "exp_avg_sq"} | ({"step"} if isinstance(optimizer, torch.optim.AdamW) else set())
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    with as_model_error(place / file_of("optimizer")):
        for key, value in tensors.items():
            number, name = key.split(".", 1)
            if value.shape != (torch.Size() if name == "step" else weights[int(number)].shape):
                raise ValueError(f"{key} is no average of its weight")
            state.setdefault(int(number), {})[name] = value
        for values in state.values():
            if values.keys() != names:
                raise KeyError(min(values.keys() ^ names))
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def checkpoints(folder: Path) -> list[Path]:
    """Return whole checkpoints, oldest first."""
    return [path for path in sorted(folder.glob("step-*")) if storage.is_published(path)]


def remove_loose_parts(folder: Path) -> None:
    """Remove parts that belong to no checkpoint: the run was cut off before, or a checkpoint was dropped."""
    for parts in sorted(folder.glob(f"{_PARTS}-*")):
        if not storage.is_published(folder / parts.name.replace(_PARTS, "step", 1)):
            storage.remove(parts)


def _publish(folder: Path, state: Mapping[str, Any], files: Mapping[str, bytes], every: int) -> None:
    described = storage.json_bytes({"format": FORMAT, **state})
    storage.publish_folder(_place(folder, state["step"]), {**files, "state.json": described})
    whole = checkpoints(folder)
    regular = [place for place in whole if _step(place) % every == 0]
    for old in whole[:-KEPT]:
        if old not in regular[-1:]:
            storage.remove(old)
    remove_loose_parts(folder)


def _verified(place: Path) -> tuple[dict[str, Any], list[Path]]:
    """Return a checkpoint's state and the folders of its tensors; every byte is checked.

    Raises:
        ModelError: something is missing or damaged.
    """
    storage.verify_folder(place)
    state: dict[str, Any] = storage.read_json(place / "state.json")
    with as_model_error(place / "state.json"):
        if state["step"] != _step(place):
            raise ValueError(f"it is of step {state['step']}")
        manifests = state.pop(_PARTS, None)
        parts = _parts(place.parent, _step(place))
        folders = [place] if manifests is None else [parts / _part(n) for n in range(len(manifests))]
    for part, manifest in zip(folders, manifests or (), strict=bool(manifests)):
        if storage.file_sha256(part / storage.MANIFEST) != manifest:
            raise ModelError("this part is not the one that was saved with the others", file=part)
        storage.verify_folder(part)
    return state, folders


def _files(tensors: Mapping[str, Mapping[str, Tensor]]) -> dict[str, bytes]:
    return {file_of(kind): tensor_bytes(values) for kind, values in tensors.items()}


def _place(folder: Path, step: int) -> Path:
    return folder / f"step-{step:09d}"


def _parts(folder: Path, step: int) -> Path:
    return folder / f"{_PARTS}-{step:09d}"


def _part(number: int) -> str:
    return f"{number:05d}"


def _step(place: Path) -> int:
    return int(place.name.removeprefix("step-"))
