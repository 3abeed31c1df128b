"""What all routes share: strict JSON, the served models, and answers of errors for the schema."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from fastapi.exceptions import HTTPException
from fastapi.routing import APIRoute
from pydantic import BaseModel

from twinlm.serve.engine import Function, options
from twinlm.serve.schemas import openai, tei
from twinlm.serve.served import Models, Served
from twinlm.system import strict_json

_MOST_KEYS = 100  # of an object; each unknown one costs an error, and a body has room for 100,000


class StrictRequest(Request):
    """A request whose JSON is read as its standard defines it."""

    async def json(self) -> Any:
        """Return the body's value; 400 for what is no JSON, such as NaN or half a surrogate pair."""
        try:
            return strict_json.loads(await self.body(), most_keys=_MOST_KEYS)
        except ValueError as error:
            raise HTTPException(400, f"the body is not JSON: {error}"[:500]) from None


class StrictRoute(APIRoute):
    """A route that takes strict JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly


async def _models(request: Request) -> Models:
    models: Models = request.app.state.models
    return models


ServedModels = Annotated[Models, Depends(_models)]
ModelQuery = Annotated[
    str | None, Query(alias="model", max_length=1000, description="Like the field of the body.")
]


def errors(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return how errors look, for the schema."""
    reasons = {
        400: "The body is not JSON, or the model cannot do this with it.",
        401: "The token is missing or wrong.",
        404: "There is no such model, or none that can do this.",
        408: "The request was not answered in time.",
        413: "The request is too large.",
        422: "A field is wrong.",
        429: "Too many requests; the header Retry-After says when to come back.",
        500: "The server failed.",
    }
    return {status: {"model": model, "description": reason} for status, reason in reasons.items()}


OPENAI_ERRORS = errors(openai.Failure)
ERRORS = errors(tei.Failure)


async def ask(
    served: Served, function: Callable[..., Any], payloads: Sequence[Any], tokens: Sequence[int], **given: Any
) -> list[Any]:
    """Return a model's answers to some inputs, by a function of `work.py`."""
    return await served.engine.answers(Function(function, options(**given)), payloads, tokens)


def listed(value: str | list[str]) -> list[str]:
    """Return one text or several as a list."""
    return [value] if isinstance(value, str) else value
