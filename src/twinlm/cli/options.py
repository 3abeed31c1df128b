"""What commands that work in a run directory take alike, and how it becomes a `Run`."""

import contextlib
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from cyclopts import Parameter

from twinlm.cli import settings_table
from twinlm.cli.progress import progress_on
from twinlm.errors import OK, PeerError, StoppedError, UsageError, UserError
from twinlm.settings import ProcessSettings, Settings, build, presets, recipes
from twinlm.settings.tree import read_toml
from twinlm.system import launch, storage
from twinlm.system.log import Progress, Silent
from twinlm.system.stopping import Stop, on_signals, stopped

if TYPE_CHECKING:
    from twinlm.compare.run import Run
    from twinlm.train.ranks import Ranks

_SAME_S = 1.0
SettingsFile = Annotated[
    Path | None,
    Parameter(
        help="The settings, as TOML (see twinlm config new), or the name of a recipe (twinlm describe)."
    ),
]
AnySetting = Annotated[str, Parameter(show=False)]
Json = Annotated[
    bool,
    Parameter(name="--json", show_default=False, help="Write JSON to standard output, and nothing else."),
]
Fresh = Annotated[
    bool, Parameter(name="--fresh", show_default=False, help="Remove what was done before, and begin anew.")
]

ALL_STAGES = (
    "tokenizers",
    "tokens",
    "plan",
    "data-doctor",
    *presets.KINDS,
    "tasks",
    "environment.json",
    "events.jsonl",
    "results.json",
    "details.json",
    "report.html",
    "report.md",
)
"""What a whole run leaves in its directory, beside the models of its arms, for `--fresh`."""
_LONGEST_NAME = 100

SETTINGS_NOTE = """Any setting can be given as an option and wins over the file, such as
--pretrain.length 64 or --size mini. twinlm config list shows them all.
"""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """Options of every command that works in a run directory."""

    out: Annotated[Path | None, Parameter(help="The run's folder; runs/NAME if not given.")] = None
    """The run's folder."""
    is_demo: Annotated[
        bool, Parameter(name="--demo", show_default=False, help="Take the embedded text and labels.")
    ] = False
    """Whether to take the embedded data."""
    is_resumed: Annotated[
        bool,
        Parameter(name="--resume", show_default=False, help="Go on with what was begun, as without it."),
    ] = True
    """Accepted for those who want to be sure."""
    is_json: Json = False
    """Whether standard output is JSON."""
    nproc: Annotated[
        int, Parameter(help="Processes on this machine that train together; torchrun starts them on several.")
    ] = 1
    """How many processes to start."""


@contextlib.contextmanager
def opened_run(
    file: Path | None,
    options: RunOptions,
    given: Mapping[str, str],
    *,
    tasks: Sequence[str] = (),
    removed: Sequence[str] = (),
) -> Iterator["Run"]:
    """Open the run that options and settings speak of, under signals and with progress on standard error.

    With `--nproc` this process only starts others and ends as they do. Of several processes one gets the run
    here; the others do what that one calls them to, and end.

    Args:
        file: of settings.
        options: of the command.
        given: settings as options, "pretrain/length" -> "64".
        tasks: files of labelled tasks.
        removed: what to remove from the folder first, for `--fresh`.
    """
    settings = read_settings(file, given, is_demo=options.is_demo, tasks=tasks)
    folder = options.out or default_folder(file, settings, is_demo=options.is_demo)
    start_processes(options.nproc)
    with interruptible() as stop, progress_on() as progress, joined(settings.processes, stop) as ranks:
        from twinlm.compare.plan.pretrainings import pretrainings, smaller_pretrainings
        from twinlm.compare.run import Run

        opened = partial(Run, folder, settings, is_demo=options.is_demo, stop=stop, ranks=ranks)
        if not ranks.leads:
            with opened(progress=Silent()) as run:
                follow(run, stop)
        if tuple(removed) == ALL_STAGES:
            removed = [*removed, *pretrainings(settings), *smaller_pretrainings(settings)]
        start_over(folder, removed, progress)
        command = shlex.join(["twinlm", *sys.argv[1:]])
        with opened(progress=progress, command=command) as run:
            yield run


def start_processes(count: int) -> None:
    """Start so many processes of this command, unless this is one of them, and end as they do.

    Raises:
        PeerError: one of them ended without a word.
        UsageError: torchrun has started processes too.
    """
    if count < 1:
        raise UsageError(f"--nproc must be at least 1, not {count}")
    if count == 1 or launch.is_launched():
        return
    if launch.is_among_others():
        raise UsageError("torchrun has started the processes already", hint="leave --nproc out")
    raise SystemExit(launch.launch([sys.executable, "-P", "-m", "twinlm", *sys.argv[1:]], count))


@contextlib.contextmanager
def joined(settings: ProcessSettings, stop: Stop) -> Iterator["Ranks"]:
    """Meet the other processes of this command in this block, if there are any."""
    from twinlm.train.ranks import join

    if launch.is_among_others():
        stop.same_s = _SAME_S
    ranks = join(reduce=settings.reduce, is_sharded=settings.shard, timeout_s=settings.timeout_seconds)
    try:
        with ranks.watched(stop):
            yield ranks
    except PeerError:  # there is nobody to take leave of
        raise
    except BaseException:
        ranks.close()
        raise
    ranks.close()


def follow(run: "Run", stop: Stop) -> NoReturn:
    """Do what the leader calls this process to, and end it: the leader speaks for all.

    Raises:
        UserError: something is wrong with this process alone.
    """
    try:
        with stop.deferred():
            run.follow()
            raise SystemExit(OK)
    except (StoppedError, PeerError) as error:
        raise SystemExit(error.exit_code) from error
    except UserError as error:
        error.message = f"rank {run.ranks.number}: {error.message}"
        raise


def read_settings(
    file: Path | None, given: Mapping[str, str], *, is_demo: bool, tasks: Sequence[str] = ()
) -> Settings:
    """Return the settings of a file (or the demo's) with those given as options.

    Raises:
        UsageError: a setting is not valid, or tasks are given both ways.
    """
    names = {name.replace("/", ".").replace("-", "_"): value for name, value in given.items()}
    check_option_names(names)
    of_task = {name: value for name, value in names.items() if name.startswith("task.")}
    overrides = {name: value for name, value in names.items() if name not in of_task}
    base: dict[str, Any] = dict(presets.DEMO) if is_demo else {}
    rows = task_rows(tasks, {name.removeprefix("task."): value for name, value in of_task.items()})
    if rows:
        base["task"] = rows
        if file is not None and "task" in read_toml(recipes.find(file)):
            message = "tasks are given both in the file and as options"
            raise UsageError(message, file=file, hint="give them in one place")
    return presets.resolve(file, overrides, base=base)


def task_rows(files: Sequence[str], given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return one task for each file, named after it, all with the settings given as `--task.NAME VALUE`."""
    hints = {"max_train_examples": int, "valid_share": float}
    shared: dict[str, Any] = {}
    for name, text in given.items():
        try:
            shared[name] = hints.get(name, str)(text)
        except ValueError:
            shared[name] = text  # its reader says what is wrong with it
    if not files:
        return [shared] if shared else []
    return [{"name": stem(file), "train": file, **shared} for file in files]


def check_option_names(names: Mapping[str, str]) -> None:
    """Check that each option is a setting.

    Raises:
        UsageError: one is not; with what was probably meant.
    """
    known = settings_table.names()
    tables = {name.split(".")[0] for name in known} | set(presets.KINDS)
    flags = {"out", "demo", "resume", "json", "fresh", "task", "debug", "help", "nproc"}
    for name in names:
        if len(name) > _LONGEST_NAME:
            raise UsageError(f"--{name[:_LONGEST_NAME]}... is neither an option nor a setting")
        first = name.split(".")[0]
        if first in tables and (name in known or "." in name):
            continue  # `settings/build.py` checks the rest, and knows each table's names
        options = [setting for setting in known if not setting.startswith("imported.")]
        alike = [setting for setting in options if setting.split(".")[-1] == name.split(".")[-1]]
        hint = f"did you mean --{' or --'.join(alike)}?" if alike else ""
        if not hint:
            closest = build.closest(first, tables | flags)
            hint = closest if closest.startswith("did") else "see --help and `twinlm config list`"
        raise UsageError(f"--{name} is neither an option nor a setting", hint=hint)


def default_folder(file: Path | None, settings: Settings, *, is_demo: bool) -> Path:
    """Return the run directory of a command that names none."""
    corpus = settings.corpus.train[0] if settings.corpus.train else "run"
    name = "demo" if is_demo else file.stem if file else stem(corpus)
    return Path("runs") / name


def stem(file: str) -> str:
    """Return a file's name without folders and endings, or the last part of a data set's name."""
    return Path(file.replace(":", "/")).name.split(".")[0].replace("*", "") or "run"


def start_over(folder: Path, names: Sequence[str], progress: Progress) -> None:
    """Remove parts of a run directory, saying so."""
    doomed = [folder / name for name in names if (folder / name).exists()]
    if not doomed:
        return
    with storage.lock(folder):
        for path in doomed:
            progress.say(f"--fresh: removing {path}")
            storage.remove(path)


@contextlib.contextmanager
def interruptible() -> Iterator[Stop]:
    """Let signals stop this block in order, also while libraries are being imported."""
    with on_signals() as stop:
        try:
            yield stop
        except Exception as error:
            if stop.asked and not isinstance(error, StoppedError | PeerError):
                raise stopped() from error  # a library wrapped our error in its own
            raise
