"""Stopping on SIGINT and SIGTERM: at once where nothing is lost, otherwise after saving the current step."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from types import FrameType

from twinlm.errors import StoppedError, UserError


class Stop:
    """A request to stop, made by a signal."""

    def __init__(self) -> None:
        self.asked = False
        self._is_deferred = False
        # A second signal within this time is the same one: stopping several processes may reach each twice.
        self.same_s = 0.0
        self._asked_s = 0.0
        self._failure: UserError | None = None

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """In this block, let a signal only set `asked`, which the block looks at after each step.

        A signal that it did not notice is a StoppedError at its end.
        """
        before, self._is_deferred = self._is_deferred, True
        try:
            yield
        finally:
            self._is_deferred = before
        if self.asked and not self._is_deferred:
            raise stopped()

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside a deferred block, let a signal end this block at once: its work is not worth saving."""
        before, self._is_deferred = self._is_deferred, False
        try:
            if self.asked:
                raise stopped()
            yield
        finally:
            self._is_deferred = before

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first one stops in order, a second one ends the process."""
        if self._failure is not None:
            raise self._failure
        if self.asked and time.monotonic() - self._asked_s < self.same_s:
            return
        if self.asked:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.asked, self._asked_s = True, time.monotonic()
        if not self._is_deferred:
            raise stopped()

    def ask(self) -> None:
        """Stop this process in order, from any thread, like a signal."""
        os.kill(os.getpid(), signal.SIGTERM)

    def fail(self, error: UserError) -> None:
        """Raise an error in the main thread, from any thread, even where signals are deferred."""
        self._failure = error
        os.kill(os.getpid(), signal.SIGTERM)


def stopped() -> StoppedError:
    """Return the error that ends a command after a signal stopped it in order."""
    hint = "run the same command again to continue"
    return StoppedError("stopped by a signal; all work is saved", hint=hint)


@contextlib.contextmanager
def on_signals() -> Iterator[Stop]:
    """Catch SIGINT and SIGTERM in this block."""
    stop = Stop()
    before = {number: signal.signal(number, stop.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
