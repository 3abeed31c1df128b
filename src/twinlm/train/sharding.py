"""A sharded model: each process holds some rows of all weights, gradients and averages (PyTorch's FSDP2)."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from twinlm import tensor_files
from twinlm.batch import Batch, Counts
from twinlm.errors import StoppedError, as_model_error
from twinlm.objectives import Loss, Objective
from twinlm.system import hardware
from twinlm.system.stopping import Stop, stopped
from twinlm.train.checkpoint_tensors import CheckpointTensors
from twinlm.train.checkpoints import averages, publish_parts, save_part, set_averages, write_weights
from twinlm.train.ranks import Ranks, as_peer_error


def shard(model: nn.Module, ranks: Ranks) -> None:
    """Keep only this process's rows of a model's weights; call it before making the optimizer."""
    model.to(hardware.device())
    with as_peer_error():
        mesh = init_device_mesh(hardware.device().type, (ranks.count,))
        for block in model.get_submodule("blocks").children():
            fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)


class Sharded:
    """Trains a sharded model, whose weights are gathered layer by layer while they are needed."""

    def __init__(self, module: nn.Module, objective: Objective[Any, Any], ranks: Ranks) -> None:
        assert isinstance(module, FSDPModule)
        self._module: Any = module
        self._objective = objective
        self._ranks = ranks
        self._last = 0

    def begin(self, count: int) -> int:
        """Start a step of `count` micro-batches; return the factor of their losses."""
        self._last = self._ranks.share(count)[-1]
        return self._ranks.count  # PyTorch divides the sum over the processes by their number

    def loss(self, batch: Batch, step: Counts) -> Loss:
        """Return the loss of a micro-batch."""
        with as_peer_error():
            return self._objective(self._module, batch, step)

    @contextlib.contextmanager
    def adding(self, number: int) -> Iterator[None]:
        """Add the gradient that this block computes; processes average theirs in the last micro-batch."""
        self._module.set_requires_gradient_sync(number == self._last)
        with as_peer_error():
            yield

    def finish(self) -> None:
        """Do nothing: the backward pass has left each process its rows of the gradient."""

    def clip(self, max_norm: float) -> float:
        """Scale the gradient to at most this norm; return its norm before."""
        with as_peer_error():
            norm: Any = nn.utils.clip_grad_norm_(self._module.parameters(), max_norm)
            return float(norm.full_tensor())

    def measured(self, work: Callable[[], dict[str, float]], stop: Stop) -> dict[str, float] | None:
        """Return the figures that `work` measures, in all processes; None if a signal interrupted it."""

        def check_signals(*_: object) -> None:
            # All must stop before the same batch: a process that goes on alone waits for rows forever.
            if self._ranks.any(stop.asked):
                raise stopped()

        own_figures = None
        hook = self._module.register_forward_pre_hook(check_signals, prepend=True)
        try:
            with as_peer_error():
                own_figures = work()
        except StoppedError:
            pass
        finally:
            hook.remove()
            self._module.reshard()
        figures: dict[str, float] | None = self._ranks.from_leader(lambda: own_figures)
        return figures

    def keep_best(self, path: Path) -> str:
        """Write all weights to one file; return its SHA-256. Only the leader holds them for it."""
        weights = {}
        with as_peer_error():
            for name, weight in self._module.state_dict().items():
                whole = weight.full_tensor()
                if self._ranks.leads:
                    weights[name] = whole.cpu()
        digest: str = self._ranks.from_leader(lambda: write_weights(path, weights))
        return digest

    def load_best(self, path: Path) -> None:
        """Do nothing: the best weights stay in the file, for `whole_model`."""

    def save(
        self, folder: Path, optimizer: torch.optim.Optimizer, state: Mapping[str, Any], *, every: int
    ) -> None:
        """Publish a checkpoint: the parts of all processes, then the state that makes them count."""
        tensors = {"model": self._module.state_dict(), "optimizer": averages(optimizer)}
        own = {
            group: {name: _own(value) for name, value in values.items()} for group, values in tensors.items()
        }
        save_part(folder, state["step"], self._ranks.number, own)
        self._ranks.any(False)  # waits until all parts are there
        self._ranks.from_leader(lambda: publish_parts(folder, state, self._ranks.count, every=every))

    def restore(self, tensors: CheckpointTensors, optimizer: torch.optim.Optimizer) -> None:
        """Take this process's rows of the weights and averages of a checkpoint."""
        wanted = self._module.state_dict()
        shapes = {name: tensors.shape("model", name) for name in tensors.names("model")}
        tensor_files.check_tensors(shapes, wanted, tensors.path)
        for name, weight in wanted.items():
            own, rows = _own(weight), tensors.rows("model", name, *self._bounds(weight))
            tensor_files.check_values(name, rows, own.dtype, tensors.path)
            own.copy_(rows)
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        saved = {}
        for name in tensors.names("optimizer"):
            with as_model_error(tensors.path):
                weight = weights[int(name.partition(".")[0])]
            rows = tensors.rows("optimizer", name, *self._bounds(weight))
            tensor_files.check_values(name, rows, torch.float32, tensors.path)
            saved[name] = _like(weight, rows)
        set_averages(optimizer, saved, tensors.path)

    def _bounds(self, weight: Any) -> tuple[int, int]:
        """Return the rows of this process as FSDP cuts them: equal blocks, the last ones shorter or empty."""
        count = weight.shape[0]
        begin = min(-(-count // self._ranks.count) * self._ranks.number, count)
        return begin, begin + len(weight.to_local())


def whole_model(model: nn.Module, path: Path) -> nn.Module:
    """Return an unsharded model of the same sizes, with the weights of a file."""
    sizes: Any = model.config
    whole = type(model)(sizes)
    tensor_files.load_weights(whole, path)
    return whole


def _own(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _like(weight: Any, rows: Tensor) -> Tensor:
    """Return rows as a tensor that is sharded like a weight; a scalar as it is."""
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
