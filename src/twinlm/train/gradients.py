"""How the gradients of a step's micro-batches, computed in one process or in several, become one gradient.

`Ordered` adds them over a fixed tree of micro-batch numbers: any number of processes gives the same bits.
`Averaged` lets PyTorch's DistributedDataParallel add them while they are computed, in whatever order.
Next: `sharding.py`, where no process has all weights.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from twinlm import checkpoint
from twinlm.batch import Batch
from twinlm.errors import StoppedError
from twinlm.objectives import Loss, Objective
from twinlm.system.stopping import Stop
from twinlm.train.checkpoint_tensors import Saved
from twinlm.train.checkpoints import restore, save_training, write_weights
from twinlm.train.ranks import Ranks, as_peer_error, share_of

if TYPE_CHECKING:
    from twinlm.train.sharding import Sharded

T = TypeVar("T")
Node = tuple[int, int]
"""Of the tree: its level, from 0 at the micro-batches, and its number among those of its level."""


class TreeSum(Generic[T]):
    """The sum of numbered parts, added up over a fixed tree as they come.

        ((0 + 1) + (2 + 3)) + (4 + 5)

    Args:
        count: how many parts there are.
        add: adds two parts; it may change the first.
    """

    def __init__(self, count: int, add: Callable[[T, T], T]) -> None:
        self.nodes: dict[Node, T] = {}
        """Sums that wait for their neighbour; in the end the whole one alone."""
        self._count = count
        self._add = add

    def put(self, node: Node, part: T) -> None:
        """Take a part, or a sum of parts that was added up elsewhere."""
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
    """Return the sums that are left when the tree over `count` parts got those of one process only."""
    tree = TreeSum[int](count, lambda first, second: first + second)
    for number in micro_batches:
        tree.put((0, number), 1)
    return sorted(tree.nodes)


class Replicated:
    """What is the same however gradients are added, if each process has all weights: who measures and writes.

    Args:
        module: what is trained.
        ranks: the processes that train it.
    """

    def __init__(self, module: nn.Module, ranks: Ranks) -> None:
        self._module = module
        self._ranks = ranks

    def clip(self, most: float) -> float:
        """Cut the gradient to a length; return what it was."""
        return float(nn.utils.clip_grad_norm_(self._module.parameters(), most))

    def measured(self, work: Callable[[], dict[str, float]], stop: Stop) -> dict[str, float] | None:
        """Return what `work` finds of the module, or None if a signal ended it; the leader does it."""

        def measure() -> dict[str, float] | None:
            try:
                with stop.at_once():
                    return work()
            except StoppedError:
                return None

        values: dict[str, float] | None = self._ranks.from_leader(measure)
        return values

    def keep_best(self, path: Path) -> str:
        """Write the weights into a file; return its SHA-256."""
        digest: str = self._ranks.from_leader(lambda: write_weights(path, self._module.state_dict()))
        return digest

    def load_best(self, path: Path) -> None:
        """Bring the module back to the weights of a file."""
        checkpoint.load_weights(self._module, path)

    def save(
        self, folder: Path, optimizer: torch.optim.Optimizer, state: Mapping[str, Any], *, every: int
    ) -> None:
        """Publish a checkpoint, see `save_training`; the leader does it."""
        save = partial(save_training, folder, state["step"], self._module, optimizer, state, every=every)
        self._ranks.from_leader(save)

    def restore(self, saved: Saved, optimizer: torch.optim.Optimizer) -> None:
        """Take the weights and averages of a checkpoint."""
        restore(saved, self._module, optimizer)


class Ordered(Replicated):
    """Adds each micro-batch's gradient over the tree of their numbers.

    Processes add what they have; the sums that are left are cut into as many slices as there are processes,
    each process adds the sums of one slice, and all get all slices: as many bytes as a usual all-reduce.
    """

    def __init__(self, module: nn.Module, objective: Objective[Any, Any], ranks: Ranks) -> None:
        super().__init__(module, ranks)
        self._weights = [weight for weight in module.parameters() if weight.requires_grad]
        self._tree = TreeSum[list[Tensor | None]](0, _add_all)
        self._count = 0
        self.loss: Callable[[Batch], Loss] = partial(objective, module)
        """Of a batch."""

    def begin(self, count: int) -> int:
        """Begin a step of so many micro-batches; return what to divide their losses by."""
        self._count = count
        self._tree = TreeSum(count, _add_all)
        return count

    @contextlib.contextmanager
    def adding(self, number: int) -> Iterator[None]:
        """Add the gradient that is computed in this block, that of a micro-batch of that number."""
        yield
        self._tree.put((0, number), [weight.grad for weight in self._weights])
        for weight in self._weights:
            weight.grad = None

    def finish(self) -> None:
        """Give all weights the sum over the micro-batches of all processes."""
        if self._ranks.count > 1:
            self._exchange()
        for weight, gradient in zip(self._weights, *self._tree.nodes.values(), strict=True):
            weight.grad = gradient
        self._tree.nodes.clear()

    def _exchange(self) -> None:
        """Put the whole sum in the place of what this process has added up."""
        processes, (where, *_) = self._ranks.count, [weight.device for weight in self._weights]
        sizes = [weight.numel() for weight in self._weights]
        width = -(-sum(sizes) // processes)
        kept = [nodes_of(share_of(other, processes, self._count), self._count) for other in range(processes)]
        sums = [self._tree.nodes.pop(node) for node in sorted(self._tree.nodes)]
        is_used = torch.tensor([[float(g is not None) for g in gradients] for gradients in sums]).amax(0)
        sent = [len(sums) * width] * processes
        counts = [len(nodes) * width for nodes in kept]
        slices = torch.empty(sum(counts), device=where)
        with as_peer_error():
            dist.all_to_all_single(slices, self._cut(sums, processes, width), counts, sent)
            whole_PW = torch.empty(processes, width, device=where)
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
                part.view_as(weight) if used else None
                for part, weight, used in zip(parts, self._weights, is_used.tolist(), strict=True)
            ]
        }

    def _cut(self, sums: list[list[Tensor | None]], processes: int, width: int) -> Tensor:
        """Return sums as the slices that go to each process, in their order; none is left in the list."""
        sent_PKW = torch.zeros(processes, len(sums), width, device=self._weights[0].device)
        while sums:
            flat = torch.cat(list(map(_flat, self._weights, sums.pop())))
            rows, rest = divmod(len(flat), width)
            sent_PKW[:rows, len(sums)] = flat[: rows * width].view(rows, width)
            sent_PKW[rows : rows + 1, len(sums), :rest] = flat[rows * width :]
        return sent_PKW.flatten()


class Averaged(Replicated):
    """Lets PyTorch average the processes' gradients, as soon as each is whole in the last micro-batch."""

    def __init__(self, module: nn.Module, objective: Objective[Any, Any], ranks: Ranks) -> None:
        super().__init__(module, ranks)
        self._last = 0
        with as_peer_error():
            # Heads that an objective does not use get no gradient, as in one process.
            self._whole = DistributedDataParallel(Whole(module, objective), find_unused_parameters=True)

    def begin(self, count: int) -> int:
        """Begin a step of so many micro-batches; return what to divide their losses by."""
        share = self._ranks.share(count)
        self._last = share[-1]
        return len(share)

    def loss(self, batch: Batch) -> Loss:
        """Return the loss of a batch."""
        with as_peer_error():
            return Loss(*self._whole(batch))

    @contextlib.contextmanager
    def adding(self, number: int) -> Iterator[None]:
        """Add the gradient that is computed in this block; the processes' are averaged with the last one."""
        waits = contextlib.nullcontext() if number == self._last else self._whole.no_sync()
        with as_peer_error(), waits:
            yield

    def finish(self) -> None:
        """All weights have their gradients already."""


class Whole(nn.Module):
    """A module with what is made small, as one forward pass: all that PyTorch's wrappers know."""

    def __init__(self, module: nn.Module, objective: Objective[Any, Any]) -> None:
        super().__init__()
        self.module = module
        self._objective = objective

    def forward(self, batch: Batch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return what a `Loss` is made of."""
        loss = self._objective(self.module, batch)
        return loss.total, loss.targets, loss.parts


Gradients: TypeAlias = "Ordered | Averaged | Sharded"


def gradients_of(module: nn.Module, objective: Objective[Any, Any], ranks: Ranks) -> Gradients:
    """Return the way in which these processes add the gradients of a module, which is on its device."""
    if hasattr(module, "unshard"):
        from twinlm.train.sharding import Sharded

        return Sharded(module, objective, ranks)
    return (Averaged if ranks.reduce == "fast" else Ordered)(module, objective, ranks)


def _add_all(first: list[Tensor | None], second: list[Tensor | None]) -> list[Tensor | None]:
    """Add gradients weight by weight; one that a micro-batch does not reach is None."""
    return [b if a is None else a if b is None else a.add_(b) for a, b in zip(first, second, strict=True)]


def _flat(weight: Tensor, gradient: Tensor | None) -> Tensor:
    return weight.new_zeros(weight.numel()) if gradient is None else gradient.flatten()
