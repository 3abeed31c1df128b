"""For people and for watching: the page at /, and the figures for Prometheus."""

import html

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from twinlm.serve.metrics import Metrics
from twinlm.serve.routes.parts import ServedModels
from twinlm.serve.served import Served

ROUTER = APIRouter(tags=["watching"])
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>twinlm</title>
<style>:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
td, th {{ text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top }}</style>
<h1>twinlm</h1>
<p>The routes, with forms to try them, are at <a href="docs">/docs</a>; their schema is at
<a href="openapi.json">/openapi.json</a>.</p>
<table><tr><th>Model<th>Kind<th>Can<th>Parameters<th>Reads</tr>
{rows}
</table></html>
"""


@ROUTER.get("/", response_class=HTMLResponse)
async def index(served: ServedModels) -> Response:
    """Show the served models and the routes."""
    return HTMLResponse(_PAGE.format(rows="\n".join(map(_row, served.all))))


@ROUTER.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Return the server's figures in Prometheus's text format."""
    figures: Metrics = request.app.state.metrics
    return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@ROUTER.get("/health", response_class=Response)
async def health() -> Response:
    """Tell that the server is alive. `gate.py` answers it before anything else; this is its schema."""
    return Response("ok", media_type="text/plain")


def _row(served: Served) -> str:
    about = served.describe()
    cells = [
        about["name"],
        about["kind"],
        ", ".join(about["abilities"]),
        f"{about['parameters']:,}",
        f"{about['max_length']:,} tokens",
    ]
    return "<tr><td>" + "<td>".join(html.escape(cell) for cell in cells)
