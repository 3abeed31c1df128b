"""How the leader learns, while it works alone, that another process is to stop or does not answer.

In a training step processes tell each other; while the leader tokenizes, validates or predicts, the others
only wait for it. So a thread of each tells the leader that it is there, and a thread of the leader looks.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from twinlm.errors import PeerError
from twinlm.system import launch
from twinlm.system.stopping import Stop

_BEAT_S = 0.25
_END_S = 1.0
_STOPPING = "stopping"


@contextlib.contextmanager
def watching(store: Any, number: int, count: int, *, timeout_s: float, stop: Stop) -> Iterator[None]:
    """Let the leader know of the others in this block: a signal to one stops it, a silent one ends it.

    Args:
        store: where they leave each other notes.
        number: of this process; 0 leads.
        count: how many there are.
        timeout_s: how long one may be silent.
        stop: of this process.
    """
    over = threading.Event()
    watch = _looks(store, range(1, count), timeout_s, stop) if number == 0 else _beats(store, number, stop)

    def work() -> None:
        with contextlib.suppress(RuntimeError):  # the store is gone: whoever needs it says so
            while not over.wait(_BEAT_S):
                next(watch, None)
            if number:
                next(watch, None)  # a signal may have come at the end

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_END_S)


def _beats(store: Any, number: int, stop: Stop) -> Iterator[None]:
    """Tell, each time, that this process is there, and whether it was asked to stop."""
    while True:
        if stop.asked:
            store.set(_STOPPING, "")
        store.add(f"beat/{number}", 1)
        yield


def _looks(store: Any, others: range, timeout_s: float, stop: Stop) -> Iterator[None]:
    """Look, each time, at what the others told, until one is silent."""
    beats, silent = dict.fromkeys(others, 0), dict.fromkeys(others, 0)
    while True:
        if not stop.asked and store.check([_STOPPING]):
            stop.ask()
        for number in others:
            found = store.add(f"beat/{number}", 0)
            silent[number] = 0 if found != beats[number] else silent[number] + 1
            beats[number] = found
            # Looks, not the clock, are counted: all may have been suspended together.
            if silent[number] * _BEAT_S > timeout_s:
                message = f"rank {number} did not answer for {timeout_s:g} seconds"
                stop.fail(PeerError(message, hint=launch.GOES_ON))
                return
        yield
