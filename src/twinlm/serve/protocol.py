"""Connections that cut off clients which are slow to ask, slow to read, or too many.

uvicorn has no limit for any of the three: a client that sends a byte a minute would hold its connection.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from twinlm.serve.limits import Limits

_LINGER_S = 0.25


class GuardedProtocol(H11Protocol):
    """uvicorn's protocol with deadlines for the header and for an unread answer, and a cap on connections."""

    def __init__(self, *args: Any, limits: Limits, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        self._header_deadline: asyncio.TimerHandle | None = None
        self._reading_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start to wait for a request's header, or close the connection if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            transport.abort()
            return
        self._expect_header()

    def data_received(self, data: bytes) -> None:
        """Read what came; a header that has begun must be finished in time."""
        super().data_received(data)
        self._expect_header()

    def pause_writing(self) -> None:
        """Note that the client does not read."""
        super().pause_writing()
        self._reading_deadline = self.loop.call_later(self._limits.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that it reads again."""
        super().resume_writing()
        _stop(self._reading_deadline)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        _stop(self._header_deadline)
        _stop(self._reading_deadline)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End the connection after its request; one that was just sent may still be on its way."""
        if self._is_idle:
            self.loop.call_later(_LINGER_S, super().shutdown)
        else:
            super().shutdown()

    def _expect_header(self) -> None:
        if not self._is_idle:
            _stop(self._header_deadline)
            self._header_deadline = None
        elif self._header_deadline is None:
            self._header_deadline = self.loop.call_later(self._limits.header_s, self._close_if_idle)

    def _close_if_idle(self) -> None:
        self._header_deadline = None
        if self._is_idle:
            self.transport.abort()

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
