"""The server around the application: its socket, its connections, and how it ends."""

import contextlib
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from twinlm.errors import ResourceError, UsageError
from twinlm.serve import app, served
from twinlm.serve.limits import DEFAULT_LIMITS, Limits
from twinlm.serve.metrics import Metrics
from twinlm.serve.protocol import GuardedProtocol
from twinlm.serve.showing import first_page
from twinlm.system import hardware

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_BACKLOG = 512
_OTHER_FILES = 128
_TURN_S = 0.001


class Server(uvicorn.Server):
    """uvicorn's server, which a signal ends with exit code 0 once all requests are answered.

    It calls `on_start` when it listens: who hears of its address may connect at once.
    """

    def __init__(self, configuration: uvicorn.Config, on_start: Callable[[], None] = lambda: None) -> None:
        super().__init__(configuration)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        await super().startup(sockets)
        if self.started:
            self._on_start()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catch signals: the first one ends the server in order, a second one at once."""
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            os.kill(os.getpid(), sig)
        self.should_exit = True


def open_socket(host: str, port: int, *, token: str) -> socket.socket:
    """Return a socket that listens at an address.

    Raises:
        UsageError: the address can be reached from other machines, and there is no token.
        ResourceError: the port is in use, or the address is not this machine's.
    """
    if not is_local(host) and not token:
        message = f"{host} can be reached from other machines, so a token is needed"
        raise UsageError(message, hint="set TWINLM_TOKEN or --token, or leave out --host")
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as stack:
            listening = stack.enter_context(socket.socket(family, kind, number))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            stack.pop_all()  # only a socket that listens stays open
    except (OSError, OverflowError, UnicodeError) as error:
        words = getattr(error, "strerror", None) or str(error)
        message = f"can't listen at {host}:{port}: {words[:1].lower()}{words[1:]}"
        raise ResourceError(message, hint="choose another --port or --host") from error
    return listening


def is_local(host: str) -> bool:
    """Tell whether an address is this machine's own, which no other machine can reach."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host == "localhost"


def serve(
    folders: Sequence[Path],
    *,
    host: str,
    port: int,
    token: str,
    limits: Limits = DEFAULT_LIMITS,
    on_start: Callable[[str, list[dict[str, Any]]], None],
) -> None:
    """Serve models until a signal comes, and then until all requests are answered.

    `on_start` gets the address and what is known of each model.
    """
    listening = open_socket(host, port, token=token)
    # Without a free file, no connection is accepted, not even one that asks for /health.
    files = hardware.open_files(limits.connections + _OTHER_FILES)
    limits = replace(limits, connections=max(1, files - _OTHER_FILES))
    # Python lets a busy thread run for 5 ms before another one gets its turn, and each model has a thread.
    sys.setswitchinterval(_TURN_S)
    with listening:
        metrics = Metrics()
        models = served.load(folders, limits, metrics.on_batch)
        number = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        hosts = () if not is_local(host) else (*_LOCAL_NAMES, shown)
        page = first_page(models, folders)
        gate = app.build(models, metrics, page=page, limits=limits, token=token, hosts=hosts)
        tell = partial(on_start, f"http://{shown}:{number}", [each.describe() for each in models.all])
        Server(configuration(gate, limits), tell).run([listening])


def configuration(gate: Any, limits: Limits) -> uvicorn.Config:
    """Return how uvicorn runs the application: no log of requests, and connections with deadlines."""
    return uvicorn.Config(
        gate,
        http=partial(GuardedProtocol, limits=limits),  # type: ignore[arg-type]
        ws="none",
        loop="asyncio",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=16_384,
        timeout_graceful_shutdown=int(limits.request_s) + 1,
    )
