"""A model in parts: each process holds some rows of all weights, gradients and averages (PyTorch's FSDP2).

Importing this file takes PyTorch most of a second, so only who has such a model does.
Next: `parts.py`, their checkpoints.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from twinlm import checkpoint, hardware, storage
from twinlm.batch import Batch
from twinlm.objectives import Loss, Objective
from twinlm.stopping import Stop
from twinlm.train.checkpoints import load_training
from twinlm.train.parts import join_parts, publish_parts, save_part
from twinlm.train.ranks import Ranks, as_peer_error


def shard(model: nn.Module, ranks: Ranks) -> None:
    """Leave this process its rows of a model's weights; before an optimizer is made for them."""
    model.to(hardware.device())
    with as_peer_error():
        mesh = init_device_mesh(hardware.device().type, (ranks.count,))
        for block in model.get_submodule("blocks").children():
            fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)


class Sharded:
    """Trains a model in parts. All weights are put together layer by layer while they are needed."""

    def __init__(self, module: nn.Module, objective: Objective[Any, Any], ranks: Ranks) -> None:
        assert isinstance(module, FSDPModule)
        self._module: Any = module
        self._objective = objective
        self._ranks = ranks
        self._last = 0

    def begin(self, count: int) -> int:
        """Begin a step of so many micro-batches; return what to divide their losses by."""
        share = self._ranks.share(count)
        self._last = share[-1]
        return len(share)

    def loss(self, batch: Batch) -> Loss:
        """Return the loss of a batch."""
        with as_peer_error():
            return self._objective(self._module, batch)

    @contextlib.contextmanager
    def adding(self, number: int) -> Iterator[None]:
        """Add the gradient that is computed in this block; the processes' are averaged with the last one."""
        self._module.set_requires_gradient_sync(number == self._last)
        with as_peer_error():
            yield

    def finish(self) -> None:
        """Each process has its rows of the gradient already."""

    def clip(self, most: float) -> float:
        """Cut the gradient to a length; return what it was."""
        with as_peer_error():
            norm: Any = nn.utils.clip_grad_norm_(self._module.parameters(), most)
            return float(norm.full_tensor())

    def measured(self, work: Callable[[], dict[str, float]], stop: Stop) -> dict[str, float] | None:
        """Return what `work` finds of the module: all processes do it, as each has only a part.

        No signal ends it before its time, since the others would wait for this process.
        """
        with as_peer_error():
            found = work()
            self._module.reshard()
        values: dict[str, float] = self._ranks.from_leader(lambda: found)
        return values

    def keep_best(self, path: Path) -> str:
        """Write all weights into one file; return its SHA-256."""
        with as_peer_error():
            weights = {name: _whole(weight) for name, weight in self._module.state_dict().items()}

        def write() -> str:
            contents = checkpoint.tensor_bytes(weights)
            storage.write_file(path, contents)
            return hashlib.sha256(contents).hexdigest()

        digest: str = self._ranks.from_leader(write)
        return digest

    def load_best(self, path: Path) -> None:
        """Leave the parts as they are: the best weights are in the file, for `whole_model`."""

    def save(
        self, folder: Path, optimizer: torch.optim.Optimizer, state: Mapping[str, Any], *, every: int
    ) -> None:
        """Publish a checkpoint: the parts of all processes, then what tells of them."""
        tensors = {f"model.{name}": value for name, value in self._module.state_dict().items()}
        for number, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in values.items()}
        own = {name: _own(value) for name, value in tensors.items()}
        save_part(folder, state["step"], self._ranks.number, own)
        self._ranks.any(False)  # all parts are there
        self._ranks.from_leader(lambda: publish_parts(folder, state, self._ranks.count))

    def load(self, folder: Path, optimizer: torch.optim.Optimizer, **told: Any) -> dict[str, Any] | None:
        """Bring the run back to its newest whole checkpoint (`load_training`); return its state, if any."""
        self._ranks.from_leader(lambda: join_parts(folder))
        whole, averages = type(self._module)(self._module.config), _Averages(optimizer)
        state = load_training(folder, whole, averages, **told)  # type: ignore[arg-type]
        if state is None:
            return None
        weights = dict(self._module.named_parameters())
        with as_peer_error(), torch.no_grad():
            for name, weight in whole.named_parameters():
                weights[name].copy_(_as(weights[name], weight))
            restored = {
                # Sorted: each tensor is dealt out by the leader, and files give their names in any order.
                number: {name: _as(weight, value) for name, value in sorted(averages.state[number].items())}
                for number, weight in enumerate(_in_order(optimizer))
                if number in averages.state
            }
        optimizer.load_state_dict({"state": restored, "param_groups": optimizer.state_dict()["param_groups"]})
        return state


class _Averages:
    """Takes the place of an optimizer, to read its averages in one piece."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._groups = optimizer.state_dict()["param_groups"]
        self.state: dict[int, dict[str, Tensor]] = {}

    def state_dict(self) -> dict[str, Any]:
        """Return what an optimizer would that has done nothing."""
        return {"state": {}, "param_groups": self._groups}

    def load_state_dict(self, whole: dict[str, Any]) -> None:
        """Take what was read."""
        self.state = whole["state"]


def _in_order(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return the weights of an optimizer as they are numbered in its state."""
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor().cpu() if isinstance(tensor, DTensor) else tensor


def _own(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _as(weight: Any, value: Tensor) -> Tensor:
    """Return a tensor in parts like those of a weight; one without rows as it is."""
    if not value.dim():
        return value
    return distribute_tensor(value.detach().to(hardware.device()), weight.device_mesh, weight.placements)
