"""Turns in the event loop: one request begins or ends a round, so that short work never waits for long.

An event loop runs all that is ready before it looks at its connections again. When a hundred requests arrive
or are answered at once, checking and writing them all takes a tenth of a second, in which /health would wait.
"""

import asyncio
from collections import deque


class Turns:
    """A queue in front of work of about a millisecond in the event loop."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_going = False

    async def wait(self) -> None:
        """Wait for the turn."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        if not self._is_going:
            self._is_going = True
            loop.call_soon(self._next, loop)
        await turn

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else it was cancelled
                turn.set_result(None)
                loop.call_soon(self._next, loop)  # in the loop's next round
                return
        self._is_going = False
