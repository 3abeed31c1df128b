"""Checkpoints of a training run: model.safetensors, optimizer.safetensors and state.json, published whole.

The newest whole one counts.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from twinlm import storage
from twinlm.checkpoint import FORMAT, check_format, load_weights, read_tensors, tensor_bytes
from twinlm.errors import ModelError, as_model_error

KEPT = 2


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
    files = {
        "model.safetensors": tensor_bytes(module.state_dict()),
        "optimizer.safetensors": tensor_bytes(_optimizer_tensors(optimizer)),
        "state.json": storage.json_bytes({"format": FORMAT, "step": step, **state}),
    }
    storage.publish_folder(_place(folder, step), files)
    whole = checkpoints(folder)
    regular = [place for place in whole if _step(place) % every == 0]
    for old in whole[:-KEPT]:
        if old not in regular[-1:]:
            storage.remove(old)


def load_training(
    folder: Path,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    check: Callable[[Mapping[str, Any]], None],
    pass_over: Callable[[ModelError], None],
) -> dict[str, Any] | None:
    """Bring a training run back to its newest whole checkpoint; return its state, or None if there is none.

    Args:
        folder: of the checkpoints.
        module: gets the weights.
        optimizer: gets Adam's averages.
        check: raises a ModelError if what lies beside the checkpoint is not what its state says.
        pass_over: told of each checkpoint that is damaged; the one before it is taken.

    Raises:
        ModelError: all checkpoints are damaged, or they belong to another model or a newer version.
    """
    places = sorted(folder.glob("step-*"), reverse=True)
    for place in places:
        try:
            storage.verify_folder(place)
            state: dict[str, Any] = storage.read_json(place / "state.json")
            with as_model_error(place / "state.json"):
                if state["step"] != _step(place):
                    raise ValueError(f"it is of step {state['step']}")
                if state["format"] <= FORMAT:
                    check(state)
        except ModelError as error:
            if place == places[-1]:
                raise
            pass_over(error)
            continue
        check_format(state.pop("format"), place / "state.json")
        _restore(place, module, optimizer)
        return state
    return None


def roll_back(folder: Path, step: int, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Bring weights and averages back to the checkpoint of a step.

    Raises:
        ModelError: it is missing or damaged.
    """
    place = _place(folder, step)
    storage.verify_folder(place)
    _restore(place, module, optimizer)


def _place(folder: Path, step: int) -> Path:
    return folder / f"step-{step:09d}"


def _step(place: Path) -> int:
    return int(place.name.removeprefix("step-"))


def checkpoints(folder: Path) -> list[Path]:
    """Return whole checkpoints, oldest first."""
    return [path for path in sorted(folder.glob("step-*")) if storage.is_published(path)]


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return Adam's averages and step counts under the number of their parameter."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value for number, values in state.items() for name, value in values.items()}


def _restore(place: Path, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    load_weights(module, place / "model.safetensors")
    tensors = read_tensors(place / "optimizer.safetensors")
    whole = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    with as_model_error(place / "optimizer.safetensors"):
        for key, value in tensors.items():
            number, name = key.split(".", 1)
            state.setdefault(int(number), {})[name] = value
        _check_averages(state, optimizer)
    optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})


def _check_averages(state: Mapping[int, Mapping[str, Tensor]], optimizer: torch.optim.Optimizer) -> None:
    """Check that Adam's averages are whole, finite, and of their weights' shapes."""
    names = {"exp_avg", "exp_avg_sq"} | ({"step"} if isinstance(optimizer, torch.optim.AdamW) else set())
    weights = dict(enumerate(weight for group in optimizer.param_groups for weight in group["params"]))
    for number, values in state.items():
        if values.keys() != names:
            raise KeyError(min(values.keys() ^ names))
        for name, value in values.items():
            shape = torch.Size() if name == "step" else weights[number].shape
            if value.shape != shape or not value.is_floating_point() or not value.isfinite().all():
                raise ValueError(f"{number}.{name} is no average of its weight")
