"""The processes of one run. The first leads: it alone decides and writes, and calls the others to each
training, where they take their share of every step's micro-batches.

They exchange JSON through PyTorch's store, and tensors. Next: `heartbeat.py` and `gradients.py`.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass
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
_MEETING_S = 300.0  # nodes of a cluster may start minutes apart

Reduce = Literal["ordered", "fast"]


class _Alone:
    """A run of one process: its methods are those of `Together`, with nobody to share with."""

    number, count, local_count, leads = 0, 1, 1, True
    reduce: Reduce = "ordered"
    is_sharded = False

    def share(self, count: int) -> range:
        return range(count)

    def gather(self, rows: list[dict[str, float]]) -> list[dict[str, float]]:
        return rows

    def any(self, flag: bool) -> bool:
        return flag

    def from_leader(self, work: Callable[[], Any]) -> Any:
        return work()

    def call(self, training: dict[str, Any]) -> None:
        pass

    def calls(self) -> Iterator[dict[str, Any]]:
        yield from ()

    def watched(self, stop: Stop) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def close(self) -> None:
        pass


ALONE = _Alone()


@dataclass
class Together:
    """One process among the others of its run; rank 0 leads. `store` is PyTorch's key-value store."""

    store: Any
    _: KW_ONLY
    number: int
    count: int
    local_count: int
    reduce: Reduce
    is_sharded: bool
    timeout_s: float

    def __post_init__(self) -> None:
        self.leads = self.number == 0
        self._asks = ThreadPoolExecutor(1)
        self._is_answered = True
        self._turns = self._calls = 0

    def share(self, count: int) -> range:
        """Return the numbers of this process's micro-batches, out of `count` in a step: a block."""
        return share_of(self.number, self.count, count)

    def gather(self, rows: list[dict[str, float]]) -> list[dict[str, float]]:
        """Return the rows of all processes, in the order of micro-batches; all rows have the same names."""
        # Counts up to 2**53 and losses in float32 stay exact in float64.
        own = torch.tensor([list(row.values()) for row in rows], dtype=torch.float64)
        parts = [torch.empty_like(own) for _ in range(self.count)]
        with as_peer_error():
            dist.all_gather(parts, own)
        return [dict(zip(rows[0], values, strict=True)) for part in parts for values in part.tolist()]

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process; all processes wait for each other here."""
        return any(row["flag"] for row in self.gather([{"flag": float(flag)}]))

    def from_leader(self, work: Callable[[], Any]) -> Any:
        """Return the result of `work`, a JSON value, done by the leader; the others wait for it.

        If it fails, the others end with a SystemExit; a DivergedError, which a run survives, reaches all.
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

    def call(self, training: dict[str, Any]) -> None:
        """Call the other processes to a training, if this is the leader."""
        if self.leads:
            self._tell(f"call/{self._calls}", training)
            self._calls += 1

    def calls(self) -> Iterator[dict[str, Any]]:
        """Yield the trainings that the leader calls this process to, until the leader is done."""
        while (training := self._wait(f"call/{self._calls}")) is not None:
            self._calls += 1
            yield training

    def watched(self, stop: Stop) -> contextlib.AbstractContextManager[None]:
        """Return a context in which the processes watch each other, also while the leader works alone."""
        return heartbeat(self.store, self.number, self.count, timeout_s=self.timeout_s, stop=stop)

    def close(self) -> None:
        """Release the other processes; this one must then end by `launch.leave`."""
        with contextlib.suppress(PeerError), as_peer_error():
            if self.leads:
                self._tell(f"call/{self._calls}", None)
                until_s = time.monotonic() + _GOODBYE_S  # the store ends with the leader, so it leaves last
                while self.store.add("gone", 0) < self.count - 1 and time.monotonic() < until_s:
                    time.sleep(_POLL_S)
            else:
                self._answer(partial(self.store.add, "gone", 1))

    def _tell(self, key: str, value: Any) -> None:
        with as_peer_error():
            self.store.set(key, json.dumps(value))

    def _wait(self, key: str) -> Any:
        with as_peer_error():
            while not self._answer(partial(self.store.check, [key])):
                time.sleep(_POLL_S)
            return json.loads(self._answer(partial(self.store.get, key)))

    def _answer(self, ask: Callable[[], T]) -> T:
        """Return the answer of the store, which the leader holds and may leave unanswered."""
        # In a thread, since PyTorch itself would wait forever. After one silence there is no second wait.
        try:
            return self._asks.submit(ask).result(self.timeout_s * self._is_answered)
        except TimeoutError as error:
            self._is_answered = False
            message = f"rank 0 did not answer for {self.timeout_s:g} seconds"
            raise PeerError(message, hint=launch.GOES_ON) from error


Ranks = _Alone | Together


def share_of(number: int, count: int, micro_batches: int) -> range:
    """Return the numbers of one process's micro-batches, out of `count`; a UsageError if that is uneven."""
    size, left = divmod(micro_batches, count)
    if left:
        message = f"{count} processes can't share the {micro_batches} micro-batches of a step evenly"
        hint = "lower pretrain.micro_batch_sequences or finetune.micro_batch_examples, so that "
        raise UsageError(message, hint=f"{hint}{count} divides their number, or start fewer processes")
    return range(number * size, (number + 1) * size)


def join(*, reduce: Reduce, is_sharded: bool, timeout_s: float) -> Ranks:
    """Join the processes started with this one, `ALONE` if none; a PeerError if one is silent."""
    count = int(os.environ["WORLD_SIZE"]) if launch.is_among_others() else 1
    if count == 1:
        return ALONE
    number, wait = int(os.environ["RANK"]), timedelta(seconds=timeout_s)
    local_number = int(os.environ.get("LOCAL_RANK", "0"))
    local_count = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    backend = _use_gpu(local_number, local_count) if torch.cuda.is_available() else "gloo"
    with as_peer_error():
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
    """Turn PyTorch's errors about unreachable processes into a PeerError, which has a way out."""
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, dist.DistError) or "gloo" in str(error)):  # gloo raises bare RuntimeErrors
            raise
        reason = str(error).partition("] ")[2] if str(error).startswith("[") else str(error)
        message = f"another process of this run ended or does not answer: {reason.partition('. ')[0][:200]}"
        raise PeerError(message, hint=launch.GOES_ON) from error


def _value(reply: dict[str, Any]) -> Any:
    if "value" in reply:
        return reply["value"]
    if reply["exit_code"] == DivergedError.exit_code:
        raise DivergedError(reply["message"])
    raise SystemExit(reply["exit_code"])


def _use_gpu(local_number: int, local_count: int) -> str:
    if local_count > (most := torch.cuda.device_count()):
        message = f"{local_count} processes on this machine, but it has {most} GPUs"
        raise UsageError(message, hint="start as many processes as there are GPUs, or hide the GPUs")
    torch.cuda.set_device(local_number)
    return "cpu:gloo,cuda:nccl"


def _open_store(number: int, count: int, wait: timedelta) -> Any:
    if not launch.is_launched():
        return next(rendezvous("env://", timeout=wait))[0]
    launch.end_with_launcher()
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    socket = int(os.environ[launch.LISTENING]) if number == 0 else None
    return TCPStore(host, port, count, number == 0, wait, master_listen_fd=socket)
