"""Errors as one line on standard error, a JSON object if asked for, and an exit code."""

import errno
import hashlib
import re
import shlex
import sys
import traceback
from pathlib import Path

from cyclopts import CycloptsError, UnusedCliTokensError

from twinlm.cli.tables import print_json
from twinlm.errors import INTERNAL_ERROR, PeerError, ResourceError, StoppedError, UsageError, UserError
from twinlm.system import launch, storage
from twinlm.version import __version__

_OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "can't allocate memory")
_LOWER = (
    "set pretrain.micro_batch_sequences, or lower pretrain.batch_sequences, finetune.batch_examples or size"
)


class InternalError(UserError):
    """A bug in twinlm."""

    exit_code = INTERNAL_ERROR


def report_failure(error: UserError, *, is_json: bool, is_debug: bool) -> int:
    """Print an error and return its exit code."""
    # Of several processes, only the leader reports a stop, and only the launcher a lost process.
    is_reported = isinstance(error, PeerError) and launch.is_launched()
    if is_reported or (isinstance(error, StoppedError) and launch.is_led()):
        return error.exit_code
    if is_debug:
        traceback.print_exception(error)
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
    if is_json:
        record = {"error": error.message, "file": error.file, "line": error.line, "hint": error.hint}
        print_json({**record, "exit_code": error.exit_code})
    return error.exit_code


def usage_error(error: CycloptsError) -> UsageError:
    """Return the parser's error as one of ours: what is wrong, then what to do."""
    text = " ".join(str(error).split())
    if isinstance(error, UnusedCliTokensError):
        text = f"too many arguments: {' '.join(error.unused_tokens or [])}"
    text = re.sub(r"--[\w/-]+", lambda option: option[0].replace("/", "."), text)
    message, _, hint = text.removesuffix(".").partition(". ")
    hint = re.sub(r"\?.*", "?", hint)  # the parser lists all commands after its question
    usage = UsageError(
        _lower_first(message), hint=_lower_first(hint) or "--help shows what the command takes"
    )
    usage.__cause__ = error
    return usage


def as_user_error(error: Exception) -> UserError:
    """Return an exception as an error with an exit code; a bug leaves a file to report."""
    if isinstance(error, UserError):
        return error
    known: UserError
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error) for sign in _OUT_OF_MEMORY)
    ):
        known = ResourceError(f"not enough memory: {str(error)[:200]}", hint=_LOWER)
    elif isinstance(error, PermissionError):
        known = ResourceError("no permission", file=error.filename, hint="choose a folder that you may use")
    elif isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        known = UsageError(f"the name of a file is too long: {str(error.filename)[:100]}...")
    else:
        message = f"internal error, please report: {type(error).__name__}: {str(error)[:200]}"
        known = InternalError(message, hint=_saved_traceback(error))
    known.__cause__ = error
    return known


def _saved_traceback(error: Exception) -> str:
    """Write a file for the report; return where it is, or the traceback itself if nothing can be written."""
    trace = "".join(traceback.format_exception(error))
    text = f"twinlm {__version__}, Python {sys.version}\n{shlex.join(sys.argv)}\n\n{trace}"
    path = Path(f"twinlm-error-{hashlib.sha256(trace.encode()).hexdigest()[:8]}.txt")
    try:
        storage.write_file(path, text.encode(errors="backslashreplace"))
    except ResourceError:
        return "the traceback can't be saved here: " + trace
    return f"the traceback is in {path.absolute()}"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
