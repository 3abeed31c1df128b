"""How the leader learns, while it works alone, that another process is to stop or does not answer."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from twinlm.errors import PeerError
from twinlm.system import launch
from twinlm.system.stopping import Stop

_BEAT_S = 0.25
_END_S = 1.0  # wait for the thread at the end; it may be stuck in the store of a leader that is gone
_STOPPING = "stopping"


@contextlib.contextmanager
def heartbeat(store: Any, number: int, count: int, *, timeout_s: float, stop: Stop) -> Iterator[None]:
    """Keep the leader informed in this block: a signal to any process stops it, a silent process ends it."""
    is_over = threading.Event()
    beats = _listen(store, range(1, count), timeout_s, stop) if number == 0 else _send(store, number, stop)

    def work() -> None:
        with contextlib.suppress(RuntimeError):  # the store is gone: whoever needs it reports that
            while not is_over.wait(_BEAT_S):
                next(beats, None)
            if number:
                next(beats, None)  # a signal may have come at the end

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(_END_S)


def _send(store: Any, number: int, stop: Stop) -> Iterator[None]:
    while True:
        if stop.asked:
            store.set(_STOPPING, "")
        store.add(f"beat/{number}", 1)
        yield


def _listen(store: Any, others: range, timeout_s: float, stop: Stop) -> Iterator[None]:
    beats, silent = dict.fromkeys(others, 0), dict.fromkeys(others, 0)
    while True:
        if not stop.asked and store.check([_STOPPING]):
            stop.ask()
        for number in others:
            beat = store.add(f"beat/{number}", 0)
            silent[number] = 0 if beat != beats[number] else silent[number] + 1
            beats[number] = beat
            # Beats are counted, not seconds: all processes may have been suspended together.
            if silent[number] * _BEAT_S > timeout_s:
                message = f"rank {number} did not answer for {timeout_s:g} seconds"
                stop.fail(PeerError(message, hint=launch.GOES_ON))
                return
        yield
