"""One model at work: a bounded queue, one thread, and batches by a budget of tokens.

Requests wait in one queue. The thread takes the first item with all others that ask for the same, sorts them
by length, and works on them in groups. Texts that are being written take turns with other requests, a token
at a time. An error that one item causes is that item's alone: its group is halved until it is found.

    event loop                      thread
    submit -> queue ------------->  take, compute
    job.events <-- call_soon_threadsafe -- finish, tell, fail
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from twinlm.checkpoint import Trained
from twinlm.data.sequences.packing import by_length
from twinlm.serve.limits import Limits, RefusalError
from twinlm.serve.turns import Turns
from twinlm.system import hardware

_PROGRAMS = 4  # batches that take turns
_LAYER_OPERATIONS = 10**10  # what a few cores do in 250 ms; a token costs 24 D^2 in a layer of width D
_LEAST_BATCH_TOKENS = 512
_DONE = object()


class Abandoned(Exception):  # noqa: N818 - no error: nobody waits for the answer any more
    """Raised inside a model's layers when all clients of a batch are gone."""


class Call(Protocol):
    """What is asked of a model. Equal calls share a batch."""

    def start(self, engine: "Engine", items: "Sequence[Item]") -> Iterator[None]:
        """Work on items, in pieces; `finish`, `fail` or `tell` each of them."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a model and a list of inputs that returns one answer for each."""

    ask: Callable[..., Sequence[Any]]
    """Function of (trained, inputs) and options."""
    options: tuple[tuple[str, Any], ...] = ()
    """Its options, by name."""

    def start(self, engine: "Engine", items: "Sequence[Item]") -> Iterator[None]:
        """Answer the items in groups, the shortest first."""
        for group in by_length([item.tokens for item in items], engine.batch_tokens):
            engine.answer(self, [items[number] for number in group])
            yield


@dataclass(eq=False, slots=True)
class Item:
    """One input of a request."""

    job: "Job"
    """Request that it belongs to."""
    number: int
    """Number of the input in its request."""
    payload: Any
    """Input."""
    tokens: int
    """Most tokens that the model reads and writes for it."""

    @property
    def is_dead(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.job.is_over

    def tell(self, piece: Any) -> None:
        """Send a piece of the answer."""
        self.job.send((self.number, piece))

    def finish(self, answer: Any) -> None:
        """Give the answer; the request is answered once all its items are."""
        self.job.answers[self.number] = answer
        self.job.left -= 1
        if not self.job.left:
            self.job.send(_DONE)

    def fail(self, error: Exception) -> None:
        """End the whole request with an error."""
        self.job.send(error)


@dataclass(eq=False, slots=True)
class Job:
    """A request while it is worked on."""

    call: Call
    """What it asks for."""
    loop: asyncio.AbstractEventLoop
    """Loop in which the client's connection is served."""
    answers: list[Any]
    """Answers so far, by the items' numbers."""
    left: int
    """Number of unfinished items."""
    tokens: int
    """Tokens of all items."""
    events: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    """Pieces, and the end."""
    is_over: bool = False
    """Whether it is answered or given up."""

    def send(self, event: Any) -> None:
        """Pass an event to the loop, from the thread."""
        if not self.is_over:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the server has ended
                self.loop.call_soon_threadsafe(self.events.put_nowait, event)


class Engine:
    """The queue and the thread of one model."""

    def __init__(
        self, trained: Trained, limits: Limits, turns: Turns, *, on_batch: Callable[[int], None]
    ) -> None:
        self.trained = trained
        self.limits = limits
        self.requests = 0
        """Number of requests that wait or are worked on."""
        self.tokens = 0
        """Tokens of these requests."""
        width = cast(Any, trained.model.config).width
        # Between two layers a batch looks who still waits: a layer should not take much longer than 250 ms.
        most = max(_LEAST_BATCH_TOKENS, _LAYER_OPERATIONS // (24 * width * width))
        self.batch_tokens = (
            limits.batch_tokens if hardware.device().type != "cpu" else min(limits.batch_tokens, most)
        )
        """Most tokens that are read at once, unless a single input has more."""
        self._turns = turns
        self._on_batch = on_batch
        self._waiting: deque[Item] = deque()
        self._wake = threading.Condition()
        self._is_closed = False
        self._at_work: Sequence[Item] = ()
        for block in trained.model.blocks:  # type: ignore[union-attr]
            block.register_forward_pre_hook(self._look)
        self._thread = threading.Thread(target=self._work, name="twinlm-engine", daemon=True)
        self._thread.start()

    async def answers(self, call: Call, payloads: Sequence[Any], tokens: Sequence[int]) -> list[Any]:
        """Return the answer to each payload, in order; `tokens` is the most that each may take.

        Raises:
            RefusalError: the queue is full (429), the request larger than it (413), or late (408).
        """
        job = self._submit(call, payloads, tokens)
        async for _ in self._events(job):
            pass
        await self._turns.wait()
        return job.answers

    async def pieces(
        self, call: Call, payloads: Sequence[Any], tokens: Sequence[int]
    ) -> AsyncIterator[tuple[int, Any]]:
        """Yield pieces of answers as they come, each with the number of its payload; see `answers`."""
        async for event in self._events(self._submit(call, payloads, tokens)):
            yield event

    async def _events(self, job: Job) -> AsyncIterator[tuple[int, Any]]:
        try:
            async with asyncio.timeout(self.limits.request_s):
                while (event := await job.events.get()) is not _DONE:
                    if isinstance(event, Exception):
                        raise event
                    yield event
        except TimeoutError:
            raise _late(self.limits) from None
        finally:
            self._drop(job)

    def close(self) -> None:
        """End the thread once the queue is empty."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()
        self._thread.join()

    def answer(self, call: Function, items: Sequence[Item]) -> None:
        """Answer items together; if that fails, each half by itself."""
        items = self._at_work = [item for item in items if not item.is_dead]
        if not items:
            return
        self._on_batch(len(items))
        try:
            answers = call.ask(self.trained, [item.payload for item in items], **dict(call.options))
        except Abandoned:
            return
        except BaseException as error:  # a panic of the tokenizers' library is no Exception
            if len(items) == 1:
                items[0].fail(as_exception(error))
                return
            middle = len(items) // 2
            self.answer(call, items[:middle])
            self.answer(call, items[middle:])
            return
        for item, answer in zip(items, answers, strict=True):
            item.finish(answer)

    def watch(self, items: Sequence[Item]) -> None:
        """Stop the model inside its layers once all of these items are dead."""
        self._at_work = items

    def _submit(self, call: Call, payloads: Sequence[Any], tokens: Sequence[int]) -> Job:
        total = sum(tokens)
        if total > self.limits.tokens:
            message = (
                f"the request may take {total:,} tokens, more than the {self.limits.tokens:,} of the queue"
            )
            raise RefusalError(413, f"{message}: send it in parts")
        if self.requests >= self.limits.requests or self.tokens + total > self.limits.tokens:
            raise RefusalError(429, "the model has too many requests: try again later", retry_after_s=1)
        job = Job(call, asyncio.get_running_loop(), [None] * len(payloads), len(payloads), total)
        self.requests += 1
        self.tokens += total
        items = [
            Item(job, number, payload, size)
            for number, (payload, size) in enumerate(zip(payloads, tokens, strict=True))
        ]
        with self._wake:
            self._waiting.extend(items)
            self._wake.notify()
        return job

    def _drop(self, job: Job) -> None:
        """Free the place of a request that is answered or given up."""
        job.is_over = True
        self.requests -= 1
        self.tokens -= job.tokens
        if job.left:
            with self._wake:
                self._waiting = deque(item for item in self._waiting if item.job is not job)

    def _look(self, *_: Any) -> None:
        if self._at_work and all(item.is_dead for item in self._at_work):
            raise Abandoned

    def _work(self) -> None:
        running: list[tuple[Sequence[Item], Iterator[None]]] = []
        while True:
            with self._wake:
                while not (running or self._waiting or self._is_closed):
                    self._wake.wait()
                if self._is_closed and not (running or self._waiting):
                    return
                items = self._take() if len(running) < _PROGRAMS else []
            if items:
                running.append((items, items[0].job.call.start(self, items)))
            running = [pair for pair in running if self._advance(*pair)]

    def _take(self) -> list[Item]:
        """Take the first item and those that ask for the same, up to some batches of them."""
        taken: list[Item] = []
        others: deque[Item] = deque()
        room = 4 * self.batch_tokens
        for item in self._waiting:
            is_taken = not taken or (item.job.call == taken[0].job.call and item.tokens <= room)
            (taken if is_taken else others).append(item)
            room -= item.tokens * is_taken
        self._waiting = others
        return taken

    def _advance(self, items: Sequence[Item], program: Iterator[None]) -> bool:
        """Let a batch do its next piece of work; return whether there is more."""
        try:
            next(program)
        except (StopIteration, Abandoned):
            return False
        except BaseException as error:  # the thread must live on
            for item in items:
                item.fail(as_exception(error))
            return False
        finally:
            self._at_work = ()
        return True


def options(**given: Any) -> tuple[tuple[str, Any], ...]:
    """Return options as `Function` takes them."""
    return tuple(given.items())


def _late(limits: Limits) -> RefusalError:
    return RefusalError(408, f"the request was not answered within {limits.request_s:g} seconds: send less")


def as_exception(error: BaseException) -> Exception:
    """Return an error as one that a request can fail with; a panic of a library in Rust is no Exception."""
    return error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
