"""What the server takes at most, and the answer to what it does not take."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Sizes and times at which requests are refused. Seconds end in `_s`."""

    body_bytes: int = 1 << 20
    """Largest body."""
    buffered_bytes: int = 64 << 20
    """Most bytes of bodies held at once, of all requests together."""
    connections: int = 1024
    """Most open connections."""
    header_s: float = 10.0
    """Time in which a connection must have sent the whole header of a request."""
    body_s: float = 30.0
    """Time in which the whole body must have arrived."""
    stalled_s: float = 30.0
    """Time for which a client may leave its answer unread."""
    request_s: float = 120.0
    """Time in which a request must be answered, its wait in the queue included."""
    requests: int = 128
    """Most requests of a model that wait or are worked on."""
    tokens: int = 1 << 20
    """Most tokens of these requests together."""
    answer_numbers: int = 1 << 20
    """Most numbers in an answer; so many take 20 MB as JSON, and 50 ms to write."""
    batch_tokens: int = 8192
    """Most tokens that a model reads at once."""


DEFAULT_LIMITS = Limits()


class RefusalError(Exception):
    """A request that is not answered, for a reason that the client is told.

    Args:
        status: status code of HTTP.
        message: what is wrong, and what to do.
        code: a word for programs, such as "model_not_found".
        retry_after_s: seconds after which to try again, for 429.
    """

    def __init__(
        self, status: int, message: str, *, code: str = "", retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.retry_after_s = retry_after_s
