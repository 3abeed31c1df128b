"""Errors that a user can cause, each with its exit code.

The command line prints a `UserError` as one line and exits with its code. Any other error that escapes is
a bug of ours (exit code 70).
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

OK = 0
INTERNAL_ERROR = 70
_LONGEST_LINE = 1000


class UserError(Exception):
    """An error that the user can fix.

    Args:
        message: the problem with its values: "width must be a multiple of heads, but width=770".
        file: file with the problem.
        line: line in that file, from 1.
        hint: a way out.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, file: str | Path | None = None, line: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(message)  # for tracebacks
        self.message = "\n".join(map(_shortened, message.split("\n")))
        self.file = None if file is None else str(file)
        self.line = line
        self.hint = _shortened(hint)

    def __str__(self) -> str:
        where = "" if self.file is None else f"{self.file}:" + (f"{self.line}:" if self.line else "") + " "
        return f"{where}{self.message}" + (f"; {self.hint}" if self.hint else "")


def _shortened(line: str) -> str:
    """Cut a line that shows an overlong value of a file."""
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."


class UsageError(UserError):
    """A wrong command line, setting or combination of settings."""

    exit_code = 2


class DataError(UserError):
    """Text or labels that can't be used."""

    exit_code = 3


class ModelError(UserError):
    """A model folder, checkpoint, tokenizer or token store that is damaged, foreign or doesn't fit."""

    exit_code = 4


class ResourceError(UserError):
    """Not enough disk or memory, or no permission."""

    exit_code = 5


class DivergedError(UserError):
    """A loss or gradient is not finite."""

    exit_code = 6


class LockedError(UserError):
    """Another process uses the same run directory."""

    exit_code = 7


class PeerError(UserError):
    """Another process of the run ended, or does not answer."""

    exit_code = 8


class StoppedError(UserError):
    """A signal stopped the command; its state is saved, and the same command resumes."""

    exit_code = 75


@contextlib.contextmanager
def as_model_error(path: Path) -> Iterator[None]:
    """Turn errors about the values of a file, which a block reads, into a ModelError that names the file."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        message = f"this is not what was written: {type(error).__name__}: {error}"
        raise ModelError(message, file=path, hint="it was changed, or written by another version") from error
