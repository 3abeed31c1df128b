"""Texts from arguments or standard input, always valid UTF-8.

A lone "-" in place of the only source of texts is standard input; among other texts it is a text.
"""

import sys
from collections.abc import Sequence

from twinlm.errors import DataError, UsageError

STANDARD_INPUT = "-"


def is_input(arguments: Sequence[str]) -> bool:
    """Tell whether texts are read from standard input: there is no argument, or only "-"."""
    return tuple(arguments) in ((), (STANDARD_INPUT,))


def argument_or_input(argument: str | None) -> str:
    """Return the argument, or all of standard input without its last line feed if it is None or "-"."""
    if argument is None or is_input((argument,)):
        return _read_input().removesuffix("\n")
    return as_text(argument)


def arguments_or_lines(arguments: Sequence[str]) -> list[str]:
    """Return the arguments, or the lines of standard input; blank lines are skipped, and counted."""
    if not is_input(arguments):
        return [as_text(argument) for argument in arguments]
    # Not splitlines: it also splits at characters such as U+2028, which a text may contain.
    lines = _read_input().replace("\r\n", "\n").removesuffix("\n").split("\n")
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise DataError("standard input has no text", hint="give one text a line")
    if len(texts) < len(lines):
        print(f"skipped {len(lines) - len(texts)} blank lines", file=sys.stderr)
    return texts


def paired(texts: Sequence[str], *, is_lines: bool) -> list[tuple[str, str]]:
    """Return pairs of texts: arguments two by two, or lines split at their one tab."""
    if is_lines:
        rows = [tuple(line.split("\t")) for line in texts]
    else:
        rows = [tuple(texts[index : index + 2]) for index in range(0, len(texts), 2)]
    if odd := next((row for row in rows if len(row) != 2), None):
        message = f"texts come in pairs here, but found {len(odd)}: {odd[0][:60]!r}"
        raise DataError(message, hint="give two arguments for each pair, or lines with one tab between them")
    return [(row[0], row[1]) for row in rows]


def as_text(argument: str) -> str:
    """Return an argument that is a text in any case, also "-"; a DataError if it is not UTF-8."""
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        message = f"the text {argument.encode(errors='surrogateescape')!r} is not UTF-8"
        raise DataError(message, hint="convert it to UTF-8") from error
    return argument


def text_alone(argument: str) -> str:
    """Return an argument that is one text beside others; say so of "-", as nothing is read for it."""
    if is_input((argument,)):
        print('note: "-" is a text here, not standard input', file=sys.stderr)
    return as_text(argument)


def _read_input() -> str:
    if sys.stdin.isatty():
        raise UsageError("no text was given", hint="give it as an argument, or pipe it into the command")
    data = sys.stdin.buffer.read()
    try:
        return data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        message = f"byte {error.start} (0x{data[error.start]:02x}) is not UTF-8"
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(message, file="standard input", line=line, hint="convert it to UTF-8") from error
