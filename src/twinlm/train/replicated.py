"""Training in which every process holds all weights: each computes the gradients of some micro-batches."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from twinlm import tensor_files
from twinlm.batch import Batch, Counts
from twinlm.errors import StoppedError
from twinlm.objectives import Loss, Objective
from twinlm.system.stopping import Stop
from twinlm.train.checkpoint_tensors import CheckpointTensors
from twinlm.train.checkpoints import restore, save_training, write_weights
from twinlm.train.ranks import Ranks, as_peer_error, share_of

T = TypeVar("T")
Node = tuple[int, int]  # a node of the tree: its level, 0 for micro-batches, and its number within the level


class TreeSum(Generic[T]):
    """The sum of `count` numbered parts, added along a fixed tree as they arrive.

        ((0 + 1) + (2 + 3)) + (4 + 5)

    `add` returns the sum of two parts; it may change the first.
    """

    def __init__(self, count: int, add: Callable[[T, T], T]) -> None:
        self.nodes: dict[Node, T] = {}
        """Sums that wait for their neighbour; at the end, the total alone."""
        self._count = count
        self._add = add

    def put(self, node: Node, part: T) -> None:
        """Take a part, or a sum of parts that was added elsewhere."""
        level, number = node
        while (width := -(-self._count >> level)) > 1:
            neighbour = (level, number ^ 1)
            if neighbour[1] < width:
                if neighbour not in self.nodes:
                    break
                part = self._add(self.nodes.pop(neighbour), part)
            level, number = level + 1, number // 2
        self.nodes[level, number] = part


def nodes_of(micro_batches: range, count: int) -> list[Node]:
    """Return the nodes that remain if a tree over `count` parts gets these micro-batches only."""
    tree = TreeSum[int](count, lambda first, second: first + second)
    for number in micro_batches:
        tree.put((0, number), 1)
    return sorted(tree.nodes)


class Replicated:
    """The part that does not depend on how gradients are added: the leader measures and writes for all."""

    def __init__(self, module: nn.Module, objective: Objective[Any, Any], ranks: Ranks) -> None:
        self._module = module
        self._objective = objective
        self._ranks = ranks

    def loss(self, batch: Batch, step: Counts) -> Loss:
        """Return the loss of a micro-batch."""
        return self._objective(self._module, batch, step)

    def clip(self, max_norm: float) -> float:
        """Scale the gradient to at most this norm; return its norm before."""
        return float(nn.utils.clip_grad_norm_(self._module.parameters(), max_norm))

    def measured(self, work: Callable[[], dict[str, float]], stop: Stop) -> dict[str, float] | None:
        """Return the figures that `work` measures, in the leader; None if a signal interrupted it."""

        def measure() -> dict[str, float] | None:
            try:
                with stop.at_once():
                    return work()
            except StoppedError:
                return None

        figures: dict[str, float] | None = self._ranks.from_leader(measure)
        return figures

    def keep_best(self, path: Path) -> str:
        """Write the weights to one file; return its SHA-256."""
        digest: str = self._ranks.from_leader(lambda: write_weights(path, self._module.state_dict()))
        return digest

    def load_best(self, path: Path) -> None:
        """Load the weights that `keep_best` wrote."""
        tensor_files.load_weights(self._module, path)

    def save(
        self, folder: Path, optimizer: torch.optim.Optimizer, state: Mapping[str, Any], *, every: int
    ) -> None:
        """Publish a checkpoint, see `save_training`."""
        save = partial(save_training, folder, state["step"], self._module, optimizer, state, every=every)
        self._ranks.from_leader(save)

    def restore(self, tensors: CheckpointTensors, optimizer: torch.optim.Optimizer) -> None:
        """Take weights and averages from a checkpoint."""
        restore(tensors, self._module, optimizer)


class Ordered(Replicated):
    """Adds gradients along the tree of micro-batch numbers: any number of processes gives the same bits.

    A process adds what it has. Each then adds one slice of all sums that remain, and all gather all slices.
    """

    def __init__(self, module: nn.Module, objective: Objective[Any, Any], ranks: Ranks) -> None:
        super().__init__(module, objective, ranks)
        self._weights = [weight for weight in module.parameters() if weight.requires_grad]
        self._tree = TreeSum[list[Tensor | None]](0, _add_all)
        self._count = 0

    def begin(self, count: int) -> int:
        """Start a step of `count` micro-batches; return the factor of their losses."""
        self._count = count
        self._tree = TreeSum(count, _add_all)
        return 1

    @contextlib.contextmanager
    def adding(self, number: int) -> Iterator[None]:
        """Add the gradient that this block computes for the micro-batch of this number."""
        yield
        self._tree.put((0, number), [weight.grad for weight in self._weights])
        for weight in self._weights:
            weight.grad = None

    def finish(self) -> None:
        """Leave the gradient of the whole step in the weights."""
        if self._ranks.count > 1:
            self._exchange()
        for weight, gradient in zip(self._weights, *self._tree.nodes.values(), strict=True):
            weight.grad = gradient
        self._tree.nodes.clear()

    def _exchange(self) -> None:
        processes, (device, *_) = self._ranks.count, [weight.device for weight in self._weights]
        sizes = [weight.numel() for weight in self._weights]
        width = -(-sum(sizes) // processes)
        kept = [nodes_of(share_of(other, processes, self._count), self._count) for other in range(processes)]
        sums = [self._tree.nodes.pop(node) for node in sorted(self._tree.nodes)]
        is_used = torch.tensor([[float(g is not None) for g in gradients] for gradients in sums]).amax(0)
        sent = [len(sums) * width] * processes
        received = [len(nodes) * width for nodes in kept]
        cut = self._cut(sums, processes, width)  # before `slices`: it frees the sums
        slices = torch.empty(sum(received), device=device)
        with as_peer_error():
            dist.all_to_all_single(slices, cut, received, sent)
            whole_PW = torch.empty(processes, width, device=device)
            tree = TreeSum[Tensor](self._count, Tensor.add_)
            for node, part in zip(
                [node for nodes in kept for node in nodes], slices.view(-1, width), strict=True
            ):
                tree.put(node, part)
            dist.all_gather(list(whole_PW), *tree.nodes.values())
            dist.all_reduce(is_used, dist.ReduceOp.MAX)
        parts = torch.split(whole_PW.flatten()[: sum(sizes)], sizes)
        self._tree.nodes = {
            (0, 0): [
                # A head that no micro-batch used gets no gradient, as in one process: Adam must not decay it.
                part.view_as(weight) if used else None
                for part, weight, used in zip(parts, self._weights, is_used.tolist(), strict=True)
            ]
        }

    def _cut(self, sums: list[list[Tensor | None]], processes: int, width: int) -> Tensor:
        """Return the sums as slices in the order of their receivers; empty the list, to free memory."""
        sent_PKW = torch.zeros(processes, len(sums), width, device=self._weights[0].device)
        while sums:
            flat = torch.cat(list(map(_flat, self._weights, sums.pop())))
            rows, rest = divmod(len(flat), width)
            sent_PKW[:rows, len(sums)] = flat[: rows * width].view(rows, width)
            sent_PKW[rows : rows + 1, len(sums), :rest] = flat[rows * width :]
        return sent_PKW.flatten()


class Averaged(Replicated):
    """Lets PyTorch average the processes' gradients during the backward pass of the last micro-batch."""

    def __init__(self, module: nn.Module, objective: Objective[Any, Any], ranks: Ranks) -> None:
        super().__init__(module, objective, ranks)
        self._last = 0
        with as_peer_error():
            # Heads that an objective does not use get no gradient, as in one process.
            self._wrapped = DistributedDataParallel(_Whole(module, objective), find_unused_parameters=True)

    def begin(self, count: int) -> int:
        """Start a step of `count` micro-batches; return the factor of their losses."""
        self._last = self._ranks.share(count)[-1]
        return self._ranks.count  # PyTorch divides the sum over the processes by their number

    def loss(self, batch: Batch, step: Counts) -> Loss:
        """Return the loss of a micro-batch."""
        with as_peer_error():
            return Loss(*self._wrapped(batch, step))

    @contextlib.contextmanager
    def adding(self, number: int) -> Iterator[None]:
        """Add the gradient that this block computes; processes average theirs in the last micro-batch."""
        waits = contextlib.nullcontext() if number == self._last else self._wrapped.no_sync()
        with as_peer_error(), waits:
            yield

    def finish(self) -> None:
        """Do nothing: the backward pass has left the gradients in the weights."""


class _Whole(nn.Module):
    """Module and objective as one forward pass, which is all that PyTorch's wrapper knows."""

    def __init__(self, module: nn.Module, objective: Objective[Any, Any]) -> None:
        super().__init__()
        self.module = module
        self._objective = objective

    def forward(self, batch: Batch, step: Counts) -> tuple[Tensor, int, dict[str, Tensor]]:
        loss = self._objective(self.module, batch, step)
        return loss.total, loss.targets, loss.parts


def _add_all(first: list[Tensor | None], second: list[Tensor | None]) -> list[Tensor | None]:
    return [b if a is None else a if b is None else a.add_(b) for a, b in zip(first, second, strict=True)]


def _flat(weight: Tensor, gradient: Tensor | None) -> Tensor:
    return weight.new_zeros(weight.numel()) if gradient is None else gradient.flatten()
