"""The command line: the list of its commands, and the exit code of every outcome.

Commands import models and libraries only once they run: help must appear at once.
"""

import faulthandler
import os
import re
import signal
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from typing import Any

from cyclopts import App, CycloptsError, Group, Parameter

from twinlm.cli.command import show_group
from twinlm.cli.compare import bundle, compare, page, plan, report, verify
from twinlm.cli.exchange import export, import_model
from twinlm.cli.failure import as_user_error, report_failure, usage_error
from twinlm.cli.look import cost, pairs, quality
from twinlm.cli.start import config, demo, describe, doctor
from twinlm.cli.train import data, finetune, pretrain, tokenizer
from twinlm.cli.use import ask, embed, fill, follows, generate, predict, rank, score, serve
from twinlm.errors import INTERNAL_ERROR, OK, StoppedError
from twinlm.system import launch
from twinlm.version import __version__

GROUPS = {
    "Start here": (demo.COMMAND, config.COMMAND, describe.COMMAND, doctor.COMMAND),
    "Train": (tokenizer.COMMAND, data.COMMAND, pretrain.COMMAND, finetune.COMMAND),
    "Compare": (
        plan.COMMAND,
        compare.COMMAND,
        report.COMMAND,
        page.COMMAND,
        bundle.COMMAND,
        verify.COMMAND,
    ),
    "Use": (
        generate.COMMAND,
        fill.COMMAND,
        follows.COMMAND,
        score.COMMAND,
        rank.COMMAND,
        embed.COMMAND,
        *ask.COMMANDS,
        predict.COMMAND,
        serve.COMMAND,
    ),
    "Look into": (pairs.COMMAND, quality.COMMAND, cost.COMMAND),
    "Exchange": (import_model.COMMAND, export.COMMAND),
}
_HELP = "Pre-train, fine-tune, use and honestly compare GPT and BERT on your own text."
_EPILOGUE = """Examples:
  twinlm config new my.toml   start with your own text and labels
  twinlm compare my.toml      train and compare; see runs/my/report.html

Every command takes --help, --json and --debug; repeat a stopped one to resume.
Exit codes: 0 done, 1 problem found by doctor data or difference by verify,
2 usage or settings, 3 data, 4 model, 5 disk, memory or permission, 6 diverged,
7 run in use, 8 process lost, 70 bug in twinlm, 75 stopped, everything is saved
"""
_DOTTED = re.compile(r"--[A-Za-z_][\w-]*(\.[\w-]+)+$")


def main() -> None:
    """Run the command of `sys.argv` and exit."""
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    warnings.showwarning = show_warning
    code = run(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):  # the work is done: a late signal must not change the code
        signal.signal(number, signal.SIG_IGN)
    if launch.is_among_others() or code == StoppedError.exit_code:
        launch.leave(code)
    sys.exit(code)


def show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line, without the place in the code."""
    print("warning: " + " ".join(str(message).split()), file=sys.stderr)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; every error is reported."""
    options = list(takewhile(lambda each: each != "--", arguments))  # what follows "--" is no option
    is_json, is_debug = "--json" in options, "--debug" in options
    try:
        code = build_app()(
            prepare(arguments), exit_on_error=False, print_error=False, result_action="return_value"
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except BrokenPipeError:  # the reader has left, as in `twinlm ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    except CycloptsError as error:
        return report_failure(usage_error(error), is_json=is_json, is_debug=is_debug)
    except SystemExit as error:  # the reason has been printed
        return error.code if isinstance(error.code, int) else INTERNAL_ERROR
    except Exception as error:
        return report_failure(as_user_error(error), is_json=is_json, is_debug=is_debug)


def build_app() -> App:
    """Return the app with all its commands."""
    app = App(
        name="twinlm",
        help=_HELP,
        help_epilogue=_EPILOGUE,
        help_format="plaintext",
        version=__version__,
        default_parameter=Parameter(negative=""),
        suppress_keyboard_interrupt=False,
    )
    for flag in ("--help", "--version"):
        app[flag].show = False
    for number, (title, commands) in enumerate(GROUPS.items()):
        show = partial(show_group, has_space_above=number > 0)
        group = Group(title, sort_key=number, help_formatter=show)
        for position, command in enumerate(commands):
            command.add_to(app, group=group, sort_key=position)
    return app


def prepare(arguments: Sequence[str]) -> list[str]:
    """Return the arguments as the parser takes them.

    Dots in the names of settings become slashes, because the parser gives dots a meaning of its own, and a
    lone "-" becomes a `Dash`.
    """
    prepared: list[str] = []
    for position, argument in enumerate(arguments):
        if argument == "--":
            return [*prepared, *arguments[position:]]
        name, equals, value = argument.partition("=")
        if _DOTTED.match(name):
            argument = name.replace(".", "/") + equals + value  # noqa: PLW2901
        if argument != "--debug":
            prepared.append(Dash(argument) if argument == "-" else argument)
    return prepared


class Dash(str):
    """A lone "-", a value wherever it stands; the parser takes what starts with "-" for an option."""

    __slots__ = ()

    def startswith(self, *prefix: Any) -> bool:
        """Deny it, so that the parser leaves it where it is."""
        return False


if __name__ == "__main__":
    main()
