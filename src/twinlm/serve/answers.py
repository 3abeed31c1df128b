"""Answers as JSON: results, and errors in the form of the route's family."""

from typing import Any

import msgspec
from starlette.responses import Response

from twinlm.errors import UserError
from twinlm.serve.limits import RefusalError

_TYPES = {
    401: ("authentication_error", "Unauthorized"),
    404: ("not_found_error", "Validation"),
    429: ("rate_limit_error", "Overloaded"),
    500: ("server_error", "Backend"),
}


def as_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a value as an answer."""
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")


def is_of_openai(path: str) -> bool:
    """Tell whether a path is one of OpenAI's routes."""
    return path.startswith("/v1/")


def failure(path: str, status: int, message: str, code: str = "") -> dict[str, Any]:
    """Return an error as the route's family writes it."""
    theirs, tei = _TYPES.get(status, ("invalid_request_error", "Validation"))
    if is_of_openai(path):
        return {"error": {"message": message, "type": theirs, "param": None, "code": code or None}}
    return {"error": message, "error_type": tei}


def refused(path: str, refusal: RefusalError) -> Response:
    """Return the answer to a request that is refused."""
    headers = {"retry-after": str(refusal.retry_after_s)} if refusal.retry_after_s is not None else {}
    if refusal.status == 401:
        # A browser asks for the token, as the password of any user, and sends it from then on.
        headers["www-authenticate"] = 'Basic realm="twinlm", charset="UTF-8"'
    return as_json(failure(path, refusal.status, refusal.message, refusal.code), refusal.status, headers)


def as_refusal(error: UserError) -> RefusalError:
    """Return an error of ours, about what a request asks for, as a refusal."""
    hint = f": {error.hint}" if error.hint else ""
    return RefusalError(400, error.message + hint)
