"""The gate that every request passes: address, token, size and time of its body; errors; clients that leave.

Bodies are read here, counted while they arrive, so no route sees a request before it is whole.
"""

import asyncio
import base64
import binascii
import contextlib
import hmac
import logging
import secrets
import time
import traceback
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twinlm.errors import UserError
from twinlm.serve.answers import as_json, as_refusal, failure, refused
from twinlm.serve.limits import Limits, RefusalError
from twinlm.serve.metrics import Metrics
from twinlm.serve.turns import Turns

_LOG = logging.getLogger("twinlm.serve")
_HEALTH = "/health"
_DISCARDED_BYTES = 16 << 20
_DISCARDING_S = 1.0


class _LeftError(Exception):
    """The client is gone."""


class Gate:
    """The application around all routes.

    Args:
        app: the routes.
        limits: what is refused.
        token: word that requests must bring, as a bearer token or a password; empty for none.
        turns: turns of requests in the event loop.
        hosts: names by which this server may be called; empty for any. A page of another site can point its
            own name to this address ("DNS rebinding"), and would be let in.
        metrics: counts requests.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        turns: Turns,
        token: str,
        hosts: Sequence[str],
        metrics: Metrics,
    ) -> None:
        self._app = app
        self._limits = limits
        self._turns = turns
        self._token = token.encode()
        self._hosts = frozenset(hosts)
        self._metrics = metrics
        self._buffered_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] == _HEALTH and scope["method"] in ("GET", "HEAD"):
            await PlainTextResponse("ok")(scope, receive, send)  # first and fast, also when all else is busy
            return
        started_s, sent = time.perf_counter(), _Sent(send)
        try:
            self._check(dict(scope["headers"]))
            await self._pass_on(scope, receive, sent)
        except _LeftError:
            sent.status = 0
        except RefusalError as refusal:
            await self._refuse(scope, receive, sent, refusal)
        except UserError as error:
            await self._refuse(scope, receive, sent, as_refusal(error))
        except Exception as error:
            if sent.status != 500:  # else it was answered inside
                answer = broken(scope["path"], error)
                if not sent.status:
                    await answer(scope, receive, sent)
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.on_request(route, sent.status, time.perf_counter() - started_s)

    def _check(self, headers: dict[bytes, bytes]) -> None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
        if self._hosts and name not in self._hosts:
            raise RefusalError(
                403, "this server answers only to the name or address that it was started with"
            )
        if self._token and not hmac.compare_digest(_given_token(headers), self._token):
            raise RefusalError(401, "a token is needed: send it in the header Authorization: Bearer TOKEN")
        size = headers.get(b"content-length", b"0")
        if size.isdigit() and int(size[:20]) > self._limits.body_bytes:
            raise self._too_large()

    async def _pass_on(self, scope: Scope, receive: Receive, sent: "_Sent") -> None:
        body = bytearray()
        try:
            await self._read(receive, body)
            await self._turns.wait()
            gone, messages = (
                asyncio.Event(),
                [{"type": "http.request", "body": bytes(body), "more_body": False}],
            )

            async def whole() -> Message:
                if messages:
                    return messages.pop()
                await gone.wait()
                return {"type": "http.disconnect"}

            await self._work(scope, receive, whole, sent, gone)
        finally:
            self._buffered_bytes -= len(body)

    async def _read(self, receive: Receive, body: bytearray) -> None:
        try:
            async with asyncio.timeout(self._limits.body_s):
                while (message := await receive())["type"] != "http.disconnect":
                    part = message.get("body", b"")
                    body += part
                    self._buffered_bytes += len(part)
                    if len(body) > self._limits.body_bytes:
                        raise self._too_large()
                    if self._buffered_bytes > self._limits.buffered_bytes:
                        raise RefusalError(429, "too many requests at once: try again later", retry_after_s=1)
                    if not message.get("more_body"):
                        return
        except TimeoutError:
            raise RefusalError(
                408, f"the body did not arrive within {self._limits.body_s:g} seconds"
            ) from None
        raise _LeftError

    async def _work(
        self, scope: Scope, receive: Receive, whole: Receive, sent: "_Sent", gone: asyncio.Event
    ) -> None:
        """Run the routes, and stop them if the client leaves."""
        work = asyncio.create_task(_run(self._app, scope, whole, sent))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not sent.is_complete:
                gone.set()
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work
                raise _LeftError
            await work
        finally:
            for task in (work, leaving):
                task.cancel()

    def _too_large(self) -> RefusalError:
        most = self._limits.body_bytes
        return RefusalError(
            413, f"a body may have at most {most:,} bytes: send the texts in several requests"
        )

    async def _refuse(self, scope: Scope, receive: Receive, sent: "_Sent", refusal: RefusalError) -> None:
        if sent.status:  # a stream has begun, and ends here
            return
        answer = refused(scope["path"], refusal)
        if refusal.status in (408, 413):
            answer.headers["connection"] = "close"
        await answer(scope, receive, partial(_send_first, sent, receive) if refusal.status == 413 else sent)


def broken(path: str, error: Exception) -> Response:
    """Return the answer to a fault of ours: a number that also stands in the log, with places in the code.

    The error's own words stay out of both: they may hold text.
    """
    number = secrets.token_hex(4)
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    _LOG.error("error %s: %s at %s", number, type(error).__name__, " < ".join(reversed(places[-5:])))
    return as_json(failure(path, 500, f"the server failed; its log has the reason under {number}"), 500)


class _Sent:
    """Passes messages on, and remembers what was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.is_complete = False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif not message.get("more_body"):
            self.is_complete = True
        await self._send(message)


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def _send_first(send: Send, receive: Receive, message: Message) -> None:
    """Send an answer, and read some more of the refused body before its end.

    The end closes the connection, and a client that still writes then would lose the answer.
    """
    if message["type"] != "http.response.body":
        await send(message)
        return
    await send({**message, "more_body": True})
    left_bytes = _DISCARDED_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DISCARDING_S):
            while left_bytes > 0 and (part := await receive()).get("more_body"):
                left_bytes -= len(part["body"])
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _given_token(headers: dict[bytes, bytes]) -> bytes:
    """Return the bearer token, or the password that a browser sends."""
    kind, _, value = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"basic":
        with contextlib.suppress(binascii.Error):
            return base64.b64decode(value).partition(b":")[2]
    return value if kind.lower() == b"bearer" else b""
