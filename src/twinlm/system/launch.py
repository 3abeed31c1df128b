"""Several processes of one command on this machine: started, watched and ended together.

On several machines torchrun does the same. Next: `train/ranks.py`, how the processes connect.
"""

import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn

from twinlm.errors import OK, PeerError, StoppedError

LISTENING = "TWINLM_LISTENING"
"""Variable with the open socket on which the first process answers; its port can't be taken meanwhile."""
_HERE = "127.0.0.1"
_POLL_S = 0.05
_GRACE_S = 5.0
GOES_ON = "the last checkpoint is intact: run the same command again to continue"


def launch(command: Sequence[str], count: int) -> int:
    """Run a command as `count` connected processes; return their common exit code.

    Only the first has our standard output. Signals are passed on to all. If one fails, the others are ended
    too, within seconds. A process that was killed or does not answer the others is a PeerError.
    """
    with socket.create_server((_HERE, 0), backlog=count) as listening:
        processes = [_start(command, number, count, listening) for number in range(count)]
    with _passing_signals_on(processes) as passed:
        ended, killed = _watch(processes)
    return _outcome(ended, killed, passed)


def is_among_others() -> bool:
    """Tell whether this process is one of several, started by `launch` or torchrun."""
    return {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys()


def is_launched() -> bool:
    """Tell whether `launch` started this process; `launch` then reports the outcome."""
    return LISTENING in os.environ


def is_led() -> bool:
    """Tell whether this process is one of several and not the first."""
    return is_among_others() and os.environ["RANK"] != "0"


def end_with_launcher() -> None:
    """Stop this process in order when its launcher, which holds our standard input open, is gone."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            os.read(sys.__stdin__.fileno() if sys.__stdin__ else 0, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def leave(code: int) -> NoReturn:
    """End this process at once, without waiting for threads."""
    # On a normal exit, PyTorch's threads may abort one of several processes, and Python would wait for a
    # thread that a signal interrupted.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _start(
    command: Sequence[str], number: int, count: int, listening: socket.socket
) -> subprocess.Popen[bytes]:
    connection = {
        "RANK": number,
        "LOCAL_RANK": number,
        "WORLD_SIZE": count,
        "LOCAL_WORLD_SIZE": count,
        "MASTER_ADDR": _HERE,
        "MASTER_PORT": listening.getsockname()[1],
        LISTENING: listening.fileno(),
    }
    # PyTorch's own complaints about lost connections hide the one line that says what happened.
    defaults = {
        "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
        "TORCH_CPP_LOG_LEVEL": "FATAL",
    }
    return subprocess.Popen(
        command,
        env={**defaults, **os.environ, **{name: str(value) for name, value in connection.items()}},
        stdin=subprocess.PIPE,
        stdout=None if number == 0 else subprocess.DEVNULL,
        pass_fds=[listening.fileno()] if number == 0 else [],
        process_group=0,  # otherwise Ctrl-C would reach them twice
    )


@contextlib.contextmanager
def _passing_signals_on(processes: Sequence[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Pass SIGINT and SIGTERM on to all; a second one ends this process at once. Yield those received."""
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        for process in processes:
            process.send_signal(number)
        if seen:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        seen.append(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(processes: Sequence[subprocess.Popen[bytes]]) -> tuple[dict[int, int], list[int]]:
    """Wait for all; return exit codes by process, in the order of ending, and those that had to be killed.

    After one has failed, or the leader has ended, the others have a few seconds to notice.
    """
    ended: dict[int, int] = {}
    until_s = math.inf
    while (left := [n for n in range(len(processes)) if n not in ended]) and time.monotonic() < until_s:
        for number in left:
            code = processes[number].poll()
            if code is not None:
                ended[number] = code
            if code or (code == OK and number == 0):
                until_s = min(until_s, time.monotonic() + _GRACE_S)
        time.sleep(_POLL_S)
    for number in left:
        processes[number].kill()
    for process in processes:
        process.communicate()  # closes what held their input open
    return ended, left


def _outcome(ended: dict[int, int], killed: list[int], passed: Sequence[int] = ()) -> int:
    """Return the exit code of the first process that failed by itself, not because of another."""
    bad = {number: code for number, code in ended.items() if code != OK}
    causes = [number for number, code in bad.items() if code != PeerError.exit_code]
    if not bad:
        return OK
    if killed and all(bad[number] == -signal.SIGABRT for number in causes):
        # PyTorch may abort a process that waited too long for another.
        numbers = " and ".join(map(str, killed))
        raise PeerError(f"rank {numbers} did not answer the others", hint=GOES_ON)
    if passed and bad.get(0) == StoppedError.exit_code:
        return StoppedError.exit_code
    if not causes:
        raise PeerError("the processes lost each other", hint=GOES_ON)
    code = bad[causes[0]]
    if passed and code in (-passed[0], StoppedError.exit_code):
        raise StoppedError("stopped by a signal before it started", hint="run the same command again")
    if code > 0:
        return code
    name = signal.Signals(-code).name
    raise PeerError(f"rank {causes[0]} was ended by signal {-code} ({name})", hint=GOES_ON)
