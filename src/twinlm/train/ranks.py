"""The processes of one run. The first one leads: it alone decides and writes; the others are called to each
training, and take their share of every step's micro-batches.

Micro-batches, not processes, define what a step computes: data, masks and dropout follow from their numbers.
What one process tells the others passes through PyTorch's store as JSON, or as tensors of numbers.
Next: `train/heartbeat.py`, how the leader learns what becomes of the others, and `gradients.py`, how the
processes' gradients become one.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, Literal, TypeVar

import torch
import torch.distributed as dist
from torch.distributed import PrefixStore, TCPStore, rendezvous  # type: ignore[attr-defined]

from twinlm.errors import DivergedError, PeerError, UsageError, UserError
from twinlm.system import launch
from twinlm.system.stopping import Stop
from twinlm.train.heartbeat import heartbeat

T = TypeVar("T")
_POLL_S = 0.02
_GOODBYE_S = 5.0
_MEETING_S = 300.0

Reduce = Literal["ordered", "fast"]


class Alone:
    """One process, which leads itself."""

    number, count, local_count, leads = 0, 1, 1, True
    reduce: Reduce = "ordered"
    is_sharded = False

    def share(self, count: int) -> range:
        """Return the numbers of the micro-batches that this process takes of a step's `count`: all."""
        return range(count)

    def gather(self, rows: list[dict[str, float]]) -> list[dict[str, float]]:
        """Return the rows of all processes, in the order of micro-batches."""
        return rows

    def any(self, flag: bool) -> bool:
        """Tell whether a flag is set in any process."""
        return flag

    def from_leader(self, work: Callable[[], Any]) -> Any:
        """Return what `work` returns when the leader does it."""
        return work()

    def call(self, what: dict[str, Any]) -> None:
        """Call the other processes to a training: there are none."""

    def calls(self) -> Iterator[dict[str, Any]]:
        """Yield what the leader calls this process to: nothing."""
        yield from ()

    def watched(self, stop: Stop) -> contextlib.AbstractContextManager[None]:
        """Look after the other processes in a block: there are none."""
        return contextlib.nullcontext()

    def close(self) -> None:
        """Let the other processes go: there are none."""


ALONE = Alone()


class Together:
    """This process among the others of its run.

    Args:
        store: where the processes leave each other notes.
        number: of this process; 0 leads.
        count: how many there are.
        local_count: how many of them are on this machine.
        reduce: how gradients are added.
        is_sharded: whether each process holds a part of the weights of what is pre-trained.
        timeout_s: how long to wait for an answer of another process.
    """

    def __init__(
        self,
        store: Any,
        *,
        number: int,
        count: int,
        local_count: int,
        reduce: Reduce,
        is_sharded: bool,
        timeout_s: float,
    ) -> None:
        self.number, self.count, self.local_count = number, count, local_count
        self.leads = number == 0
        self.reduce: Reduce = reduce
        self.is_sharded = is_sharded
        self._store = store
        self._timeout_s = timeout_s
        self._asks = ThreadPoolExecutor(1)
        self._is_answered = True
        self._turns = self._calls = 0

    def share(self, count: int) -> range:
        """Return the numbers of the micro-batches that this process takes of a step's `count`: a block.

        Raises:
            UsageError: they can't be dealt out evenly.
        """
        return share_of(self.number, self.count, count)

    def gather(self, rows: list[dict[str, float]]) -> list[dict[str, float]]:
        """Return the rows of all processes, in the order of micro-batches; all have the same names."""
        mine = torch.tensor([list(row.values()) for row in rows], dtype=torch.float64)
        found = [torch.empty_like(mine) for _ in range(self.count)]
        with as_peer_error():
            dist.all_gather(found, mine)
        return [dict(zip(rows[0], values, strict=True)) for part in found for values in part.tolist()]

    def any(self, flag: bool) -> bool:
        """Tell whether a flag is set in any process."""
        return any(row["flag"] for row in self.gather([{"flag": float(flag)}]))

    def from_leader(self, work: Callable[[], Any]) -> Any:
        """Return what `work` returns when the leader does it, a JSON value; the others wait for it.

        Raises:
            PeerError: the leader has ended.
            SystemExit: in the others, if the leader's work failed: the leader says why.
            UserError: in the leader, what `work` raises; a DivergedError comes in all: runs go on after it.
        """
        self._turns += 1
        key = f"turn/{self._turns}"
        if not self.leads:
            return _value(self._wait(key))
        try:
            value = work()
        except UserError as error:
            self._tell(key, {"exit_code": error.exit_code, "message": error.message})
            raise
        self._tell(key, {"value": value})
        return value

    def call(self, what: dict[str, Any]) -> None:
        """Call the other processes to a training, as the leader; one that was called does nothing here."""
        if self.leads:
            self._tell(f"call/{self._calls}", what)
            self._calls += 1

    def calls(self) -> Iterator[dict[str, Any]]:
        """Yield what the leader calls this process to, until the leader is done."""
        while (what := self._wait(f"call/{self._calls}")) is not None:
            self._calls += 1
            yield what

    def watched(self, stop: Stop) -> contextlib.AbstractContextManager[None]:
        """Let the processes look after each other in a block, also where the leader works alone."""
        return heartbeat(self._store, self.number, self.count, timeout_s=self._timeout_s, stop=stop)

    def close(self) -> None:
        """Let the others go, as the leader, and wait for them, since the store ends with the leader.

        This process must then end by `launch.leave`.
        """
        with contextlib.suppress(PeerError), as_peer_error():
            if self.leads:
                self._tell(f"call/{self._calls}", None)
                until_s = time.monotonic() + _GOODBYE_S
                while self._store.add("gone", 0) < self.count - 1 and time.monotonic() < until_s:
                    time.sleep(_POLL_S)
            else:
                self._answer(partial(self._store.add, "gone", 1))

    def _tell(self, key: str, value: Any) -> None:
        with as_peer_error():
            self._store.set(key, json.dumps(value))

    def _wait(self, key: str) -> Any:
        with as_peer_error():
            while not self._answer(partial(self._store.check, [key])):
                time.sleep(_POLL_S)
            return json.loads(self._answer(partial(self._store.get, key)))

    def _answer(self, ask: Callable[[], T]) -> T:
        """Return what the store says, which the leader holds: it may be silent without being gone.

        In a thread, as PyTorch's own waiting for this has no end. After the first silence there is no second.
        """
        try:
            return self._asks.submit(ask).result(self._timeout_s * self._is_answered)
        except TimeoutError as error:
            self._is_answered = False
            message = f"rank 0 did not answer for {self._timeout_s:g} seconds"
            raise PeerError(message, hint=launch.GOES_ON) from error


Ranks = Alone | Together


def share_of(number: int, count: int, micro_batches: int) -> range:
    """Return the numbers of the micro-batches that one of `count` processes takes of a step.

    Raises:
        UsageError: they can't be dealt out evenly.
    """
    size, left = divmod(micro_batches, count)
    if left:
        message = f"{count} processes can't share the {micro_batches} micro-batches of a step evenly"
        hint = (
            f"lower pretrain.micro_batch_sequences or finetune.micro_batch_examples, so that {count} divides "
        )
        raise UsageError(message, hint=f"{hint} their number, or start fewer processes")
    return range(number * size, (number + 1) * size)


def join(*, reduce: Reduce, is_sharded: bool, timeout_s: float) -> Ranks:
    """Meet the processes that this one was started among, by `--nproc` or torchrun; `ALONE` if by neither.

    Args:
        reduce: how gradients are added.
        is_sharded: whether each process holds a part of the weights of what is pre-trained.
        timeout_s: how long to wait for an answer of another process.

    Raises:
        PeerError: the others can't be met.
        UsageError: there are more processes than GPUs on this machine.
    """
    count = int(os.environ["WORLD_SIZE"]) if launch.is_among_others() else 1
    if count == 1:
        return ALONE
    number, wait = int(os.environ["RANK"]), timedelta(seconds=timeout_s)
    local_number = int(os.environ.get("LOCAL_RANK", "0"))
    local_count = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    backend = _use_gpu(local_number, local_count) if torch.cuda.is_available() else "gloo"
    with as_peer_error():
        # Processes begin at different times, above all on several machines: they have longer to meet.
        store = _open_store(number, count, timedelta(seconds=max(timeout_s, _MEETING_S)))
        store.set_timeout(wait)
        dist.init_process_group(backend, store=store, rank=number, world_size=count, timeout=wait)
    return Together(
        PrefixStore("twinlm", store),
        number=number,
        count=count,
        local_count=local_count,
        reduce=reduce,
        is_sharded=is_sharded,
        timeout_s=timeout_s,
    )


@contextlib.contextmanager
def as_peer_error() -> Iterator[None]:
    """Turn what PyTorch raises when processes can't reach each other into an error with a way out.

    Raises:
        PeerError: another process ended or did not answer in time.
    """
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, dist.DistError) or "gloo" in str(error)):
            raise
        reason = str(error).partition("] ")[2] if str(error).startswith("[") else str(error)
        message = f"another process of this run ended or does not answer: {reason.partition('. ')[0][:200]}"
        raise PeerError(message, hint=launch.GOES_ON) from error


def _value(said: dict[str, Any]) -> Any:
    """Return what the leader's work returned, or end as the leader did."""
    if "value" in said:
        return said["value"]
    if said["exit_code"] == DivergedError.exit_code:
        raise DivergedError(said["message"])
    raise SystemExit(said["exit_code"])


def _use_gpu(local_number: int, local_count: int) -> str:
    """Take the GPU of this process's number; return the backends that reach the others."""
    if local_count > (most := torch.cuda.device_count()):
        message = f"{local_count} processes on this machine, but it has {most} GPUs"
        raise UsageError(message, hint="start as many processes as there are GPUs, or hide the GPUs")
    torch.cuda.set_device(local_number)
    return "cpu:gloo,cuda:nccl"


def _open_store(number: int, count: int, wait: timedelta) -> Any:
    if not launch.is_launched():
        return next(rendezvous("env://", timeout=wait))[0]
    launch.end_with_launcher()
    place, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    socket = int(os.environ[launch.LISTENING]) if number == 0 else None
    return TCPStore(place, port, count, number == 0, wait, master_listen_fd=socket)
