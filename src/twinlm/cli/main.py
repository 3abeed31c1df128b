"""The command line: builds the app out of one thin file a command, and turns every outcome into an exit code.

Only `errors.py`, `settings/` and their like are imported before a command runs: help must appear at once.
"""

import faulthandler
import os
import re
import signal
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from twinlm.cli.compare import bundle, compare, cost, plan, report, verify
from twinlm.cli.exchange import export, import_model
from twinlm.cli.failure import as_user_error, report_failure, usage_error
from twinlm.cli.look import pairs, quality
from twinlm.cli.start import config, demo, describe, doctor
from twinlm.cli.train import data, finetune, pretrain, tokenizer
from twinlm.cli.use import (
    answer,
    choose,
    classify,
    embed,
    fill,
    follows,
    generate,
    predict,
    rank,
    score,
    similarity,
    tag,
)
from twinlm.errors import INTERNAL_ERROR, OK, StoppedError
from twinlm.system import launch
from twinlm.version import __version__

_PARTS = (
    demo,
    config,
    describe,
    plan,
    compare,
    report,
    bundle,
    verify,
    tokenizer,
    data,
    pretrain,
    finetune,
    generate,
    fill,
    follows,
    score,
    rank,
    pairs,
    quality,
    embed,
    classify,
    tag,
    answer,
    similarity,
    choose,
    predict,
    cost,
    import_model,
    export,
    doctor,
)
_HELP = "Pre-train, fine-tune, use and honestly compare GPT and BERT on your own text."
_EPILOGUE = """Examples:
  twinlm demo                            a whole comparison, in minutes
  twinlm config new my.toml              begin with your own text and labels
  twinlm plan my.toml                    what both models will cost
  twinlm compare my.toml                 train, compare; see runs/my/report.html
  twinlm generate runs/my/gpt "Once"     let the GPT go on
  twinlm fill runs/my/bert "A [MASK]."   let the BERT guess

Every command takes --json (standard output is JSON only) and --debug (errors
with a traceback). A command that was stopped goes on when it is given again.
Exit codes: 0 done, 1 doctor data found a problem or verify a difference,
2 wrong usage or settings, 3 unusable data, 4 unusable model, 5 no disk, memory
or permission, 6 training diverged, 7 the run is in use, 8 another process
of the run is lost, 70 a bug of ours, 75 stopped by a signal and all is saved.
"""
_DOTTED = re.compile(r"--[A-Za-z_][\w-]*(\.[\w-]+)+$")


def main() -> None:
    """Run the command of `sys.argv` and exit."""
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    code = run(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):  # all is done: nothing is left to stop
        signal.signal(number, signal.SIG_IGN)
    if launch.is_among_others() or code == StoppedError.exit_code:
        launch.leave(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; whatever goes wrong is reported."""
    is_json, is_debug = "--json" in arguments, "--debug" in arguments
    try:
        done = build_app()(
            prepare(arguments), exit_on_error=False, print_error=False, result_action="return_value"
        )
        sys.stdout.flush()
        return done if isinstance(done, int) else OK
    except BrokenPipeError:  # the reader has seen enough, as in `twinlm ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    except CycloptsError as error:
        return report_failure(usage_error(error), is_json=is_json, is_debug=is_debug)
    except SystemExit as error:  # it has been said why
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
    for place, part in enumerate(_PARTS):
        if part in (config, tokenizer, data, doctor):
            app.command(part.build(sort_key=place))
        else:
            app.command(part.command, name=part.NAME, help_epilogue=part.EXAMPLES, sort_key=place)
    return app


def prepare(arguments: Sequence[str]) -> list[str]:
    """Return the arguments as the parser takes them.

    Dots in the names of settings become slashes, since the parser has a meaning of its own for dots. A lone
    "-", standard input, is left out: texts are read from there when none is given.
    """
    prepared: list[str] = []
    for number, argument in enumerate(arguments):
        if argument == "--":
            return [*prepared, *arguments[number:]]
        name, equals, value = argument.partition("=")
        if _DOTTED.match(name):
            argument = name.replace(".", "/") + equals + value  # noqa: PLW2901
        if argument not in ("-", "--debug"):
            prepared.append(argument)
    return prepared


if __name__ == "__main__":
    main()
