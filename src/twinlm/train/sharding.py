"""A model in parts: each process holds some rows of all weights, gradients and averages (PyTorch's FSDP2).

Importing this file takes PyTorch most of a second, so only who has such a model does.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from twinlm import checkpoint
from twinlm.batch import Batch
from twinlm.errors import StoppedError, as_model_error
from twinlm.objectives import Loss, Objective
from twinlm.system import hardware
from twinlm.system.stopping import Stop, stopped
from twinlm.train.checkpoint_tensors import Saved
from twinlm.train.checkpoints import averages, publish_parts, save_part, set_averages, write_weights
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

        None if a signal to any of them ended it: before each batch they ask each other.
        """

        def look(*_: object) -> None:
            if self._ranks.any(stop.asked):
                raise stopped()

        found = None
        hook = self._module.register_forward_pre_hook(look, prepend=True)
        try:
            with as_peer_error():
                found = work()
        except StoppedError:
            pass
        finally:
            hook.remove()
            self._module.reshard()
        values: dict[str, float] | None = self._ranks.from_leader(lambda: found)
        return values

    def keep_best(self, path: Path) -> str:
        """Write all weights into one file; return its SHA-256. The leader alone holds them for it."""
        weights = {}
        with as_peer_error():
            for name, weight in self._module.state_dict().items():
                whole = weight.full_tensor()
                if self._ranks.leads:
                    weights[name] = whole.cpu()
        digest: str = self._ranks.from_leader(lambda: write_weights(path, weights))
        return digest

    def load_best(self, path: Path) -> None:
        """Leave the parts as they are: the best weights are in the file, for `whole_model`."""

    def save(
        self, folder: Path, optimizer: torch.optim.Optimizer, state: Mapping[str, Any], *, every: int
    ) -> None:
        """Publish a checkpoint: the parts of all processes, then what tells of them."""
        tensors = {"model": self._module.state_dict(), "optimizer": averages(optimizer)}
        own = {
            kind: {name: _own(value) for name, value in values.items()} for kind, values in tensors.items()
        }
        save_part(folder, state["step"], self._ranks.number, own)
        self._ranks.any(False)  # all parts are there
        self._ranks.from_leader(lambda: publish_parts(folder, state, self._ranks.count, every=every))

    def restore(self, saved: Saved, optimizer: torch.optim.Optimizer) -> None:
        """Take this process's rows of the weights and averages of a checkpoint.

        Raises:
            ModelError: they belong to another model.
        """
        wanted = self._module.state_dict()
        shapes = {name: saved.shape("model", name) for name in saved.names("model")}
        checkpoint.check_tensors(shapes, wanted, saved.place)
        for name, weight in wanted.items():
            own, rows = _own(weight), saved.rows("model", name, *self._bounds(weight))
            checkpoint.check_values(name, rows, own.dtype, saved.place)
            own.copy_(rows)
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        found = {}
        for name in saved.names("optimizer"):
            with as_model_error(saved.place):
                weight = weights[int(name.partition(".")[0])]
            rows = saved.rows("optimizer", name, *self._bounds(weight))
            checkpoint.check_values(name, rows, torch.float32, saved.place)
            found[name] = _like(weight, rows)
        set_averages(optimizer, found, saved.place)

    def _bounds(self, weight: Any) -> tuple[int, int]:
        """Return which rows of a weight this process has: a block, the last ones of fewer rows or none."""
        count = weight.shape[0]
        begin = min(-(-count // self._ranks.count) * self._ranks.number, count)
        return begin, begin + len(weight.to_local())


def whole_model(model: nn.Module, path: Path) -> nn.Module:
    """Return a model like one that is in parts, in one piece, with the weights of a file."""
    sizes: Any = model.config
    whole = type(model)(sizes)
    checkpoint.load_weights(whole, path)
    return whole


def _own(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _like(weight: Any, rows: Tensor) -> Tensor:
    """Return rows as a tensor in parts like a weight; what has no rows as it is."""
    if not rows.dim():
        return rows
    return DTensor.from_local(
        rows.to(hardware.device()),
        weight.device_mesh,
        weight.placements,
        run_check=False,
        shape=weight.shape,
        stride=weight.stride(),
    )
