"""`twinlm serve`: answer requests over HTTP with several models at once."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json
from twinlm.cli.tables import print_json
from twinlm.errors import UsageError


def command(
    first: Annotated[Path, Parameter(name="RUN", help="Run directory, or folder of a model.")],
    /,
    *others: Annotated[Path, Parameter(help="More of them.")],
    host: Annotated[str, Parameter(help="Address; any but this machine's own needs a token.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port; 0 for any free one.")] = 8000,
    token: Annotated[
        str, Parameter(env_var="TWINLM_TOKEN", help="Word that requests must bring; better in TWINLM_TOKEN.")
    ] = "",
    is_json: Json = False,
) -> None:
    """Serve models over HTTP.

    Use it to put models to work: all models of a run and of its tasks, or single
    ones. It answers OpenAI's routes, those of text-embeddings-inference, and its
    own; / shows both kinds reading a sentence, /docs the routes. A signal ends it
    once all requests are answered. It needs an extra: pip install "twinlm[serve]".

    Examples:
      twinlm serve runs/demo
      twinlm serve runs/demo/gpt imported/minilm --port 8080
      twinlm serve runs/demo --host 0.0.0.0 (with TWINLM_TOKEN set)
    Next:
      twinlm export runs/demo/gpt --out exported/gpt
    """
    try:
        from twinlm.serve.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("twinlm"):
            raise
        message = f"serve needs the extra serve, and {error.name} is not installed"
        raise UsageError(message, hint='pip install "twinlm[serve]"') from error
    if not 0 <= port <= 65_535:
        raise UsageError(f"--port must be from 0 to 65,535, not {port:,}")

    def show(address: str, models: list[dict[str, Any]]) -> None:
        if is_json:
            print_json({"address": address, "models": models})
        else:
            for each in models:
                can = ", ".join(each["abilities"])
                print(f"{each['name']}\t{each['kind']}\t{can}", file=sys.stderr)
            print(f"serving at {address}; end with Ctrl-C")
        sys.stdout.flush()

    serve([first, *others], host=host, port=port, token=token, on_start=show)


COMMAND = Command("serve", command)
