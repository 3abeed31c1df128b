"""The application: all routes, behind the gate."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import HTTPException, RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response

from twinlm.errors import UserError
from twinlm.serve.answers import as_json, as_refusal, failure, is_of_openai, refused
from twinlm.serve.gate import Gate, broken
from twinlm.serve.limits import Limits, RefusalError
from twinlm.serve.metrics import Metrics
from twinlm.serve.routes import openai, own, pages, tei
from twinlm.serve.served import Models
from twinlm.version import __version__

_SHOWN_ERRORS = 3


def build(
    models: Models,
    metrics: Metrics,
    *,
    page: str,
    limits: Limits,
    token: str = "",
    hosts: Sequence[str] = (),
) -> Gate:
    """Return the application, with a page at /; see `Gate` for `token` and `hosts`.

    Its end ends the models' threads.
    """
    metrics.watch(lambda: {each.name: (each.engine.requests, each.engine.tokens) for each in models.all})

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        models.close()

    app = FastAPI(title="twinlm", version=__version__, lifespan=lifespan, redoc_url=None)
    app.state.models, app.state.metrics, app.state.page = models, metrics, page
    for family in (openai, tei, own, pages):
        app.include_router(family.ROUTER)
    app.add_exception_handler(RequestValidationError, _wrong_field)
    app.add_exception_handler(StarletteHTTPException, _wrong_request)
    app.add_exception_handler(RefusalError, _refused)
    app.add_exception_handler(UserError, _refused)
    app.add_exception_handler(Exception, _broken)
    return Gate(app, limits=limits, turns=models.turns, token=token, hosts=hosts, metrics=metrics)


async def _wrong_field(request: Request, error: Exception) -> Response:
    """Answer a request with a wrong field: its path and what is wrong, for the first few."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    words = [f"{_path(each['loc'])}: {each['msg']}" for each in found[:_SHOWN_ERRORS]]
    message = "; ".join(words) + f"; and {len(found) - _SHOWN_ERRORS} more" * (len(found) > _SHOWN_ERRORS)
    if not request.headers.get("content-type", "").partition(";")[0].strip().endswith("json"):
        message = "send JSON, with the header Content-Type: application/json"
    path = request.url.path
    status = 400 if is_of_openai(path) else 422
    return as_json(failure(path, status, message[:1000]), status)


async def _wrong_request(request: Request, error: Exception) -> Response:
    """Answer a request for what is not there."""
    assert isinstance(error, HTTPException | StarletteHTTPException)
    message = str(error.detail)
    if error.status_code == 404:
        message = "there is no such route: /docs lists them"
    if error.status_code == 405:
        message = f"{request.method} is not for this route: /docs lists them"
    headers = dict(error.headers or {})
    return as_json(failure(request.url.path, error.status_code, message), error.status_code, headers)


async def _refused(request: Request, error: Exception) -> Response:
    """Answer a request that can't be answered as asked."""
    refusal = as_refusal(error) if isinstance(error, UserError) else error
    assert isinstance(refusal, RefusalError)
    return refused(request.url.path, refusal)


async def _broken(request: Request, error: Exception) -> Response:
    return broken(request.url.path, error)


def _path(place: Sequence[Any]) -> str:
    return ".".join(str(part) for part in place if part != "body") or "the body"
