"""For people and for watching: the page at /, and the figures for Prometheus."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from twinlm.serve.metrics import Metrics

ROUTER = APIRouter(tags=["watching"])


@ROUTER.get("/", response_class=HTMLResponse)
async def index(request: Request) -> Response:
    """Show both kinds reading a text; see docs/page.md."""
    return HTMLResponse(request.app.state.page)


@ROUTER.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Return the server's figures in Prometheus's text format."""
    figures: Metrics = request.app.state.metrics
    return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@ROUTER.get("/health", response_class=Response)
async def health() -> Response:
    """Tell that the server is alive. `gate.py` answers it before anything else; this is its schema."""
    return Response("ok", media_type="text/plain")
