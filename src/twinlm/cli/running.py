"""Open a run: processes, signals, progress and the run directory; and run a whole comparison."""

import contextlib
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from twinlm.cli.options import (
    RunOptions,
    default_folder,
    plain_names,
    read_settings,
)
from twinlm.cli.tables import aligned, print_json
from twinlm.errors import OK, PeerError, StoppedError, UsageError, UserError
from twinlm.settings import ProcessSettings, presets
from twinlm.system import launch, storage
from twinlm.system.log import Progress, Silent
from twinlm.system.progress import progress_on
from twinlm.system.stopping import Stop, on_signals, stopped

if TYPE_CHECKING:
    from twinlm.comparison.run import Run
    from twinlm.evidence.results import Results
    from twinlm.train.ranks import Ranks

ALL_STAGES = (
    *("tokenizers", "tokens", "plan", "data-doctor", *presets.KINDS, "tasks", "environment.json"),
    *("events.jsonl", "results.json", "details.json", "report.html", "report.md", "twins.html"),
)
"""Names in a run directory that `--fresh` removes, beside the models of its arms."""
_SAME_S = 1.0
_OF_SEVERAL = {"processes.shard", "processes.timeout_seconds"}


@contextlib.contextmanager
def opened_run(
    file: Path | None,
    options: RunOptions,
    given: Mapping[str, str],
    *,
    tasks: Sequence[str] = (),
    removed: Sequence[str] = (),
    base: Mapping[str, Any] = {},
    decided: Mapping[str, str] = {},
    is_compared: bool = False,
) -> Iterator["Run"]:
    """Open the run of these options and settings, with signals handled and progress on standard error.

    With `--nproc` this process only starts others and exits as they do. Of several processes the leader gets
    the run here; the others follow its calls and exit. `removed` are names in the run directory to remove
    first, for `--fresh`; see `read_settings` for the rest.
    """
    settings = read_settings(
        file,
        given,
        is_demo=options.is_demo,
        tasks=tasks,
        base=base,
        decided=decided,
        is_compared=is_compared,
    )
    folder = options.out or default_folder(file, settings, is_demo=options.is_demo)
    start_processes(options.nproc)
    with interruptible() as stop, progress_on() as progress, joined(settings.processes, stop) as ranks:
        from twinlm.comparison.plan.pretrainings import pretrainings, smaller_pretrainings
        from twinlm.comparison.run import Run

        # A run of several processes may be continued by one, with the same options.
        for name in _OF_SEVERAL & plain_names(given).keys() if ranks.count == 1 else ():
            progress.say(f"note: --{name} changes nothing, as this is one process (see --nproc)")
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
    """Start `count` processes of this command, unless this is one of them, and exit as they do."""
    if count < 1:
        raise UsageError(f"--nproc must be at least 1, not {count}")
    if count == 1 or launch.is_launched():
        return
    if launch.is_among_others():
        raise UsageError("torchrun has already started the processes", hint="leave --nproc out")
    raise SystemExit(launch.launch([sys.executable, "-P", "-m", "twinlm", *sys.argv[1:]], count))


@contextlib.contextmanager
def joined(settings: ProcessSettings, stop: Stop) -> Iterator["Ranks"]:
    """Connect to the other processes of this command, if there are any."""
    from twinlm.train.ranks import join

    if launch.is_among_others():
        stop.same_s = _SAME_S
    ranks = join(reduce=settings.reduce, is_sharded=settings.shard, timeout_s=settings.timeout_seconds)
    try:
        with ranks.watched(stop):
            yield ranks
    except PeerError:  # closing would wait for a process that is gone
        raise
    except BaseException:
        ranks.close()
        raise
    ranks.close()


def follow(run: "Run", stop: Stop) -> NoReturn:
    """Do what the leader calls this process to do, then exit; the leader reports all but its own errors."""
    try:
        with stop.deferred():
            run.follow()
            raise SystemExit(OK)
    except (StoppedError, PeerError) as error:
        raise SystemExit(error.exit_code) from error
    except UserError as error:
        error.message = f"rank {run.ranks.number}: {error.message}"
        raise


def start_over(folder: Path, names: Sequence[str], progress: Progress) -> None:
    """Remove parts of a run directory, and report each."""
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


def run_comparison(
    file: Path | None,
    options: RunOptions,
    settings: Mapping[str, str],
    *,
    tasks: Sequence[str],
    is_fresh: bool,
) -> Path:
    """Run a comparison, print its results and return its folder."""
    removed = ALL_STAGES if is_fresh else ()
    with opened_run(file, options, settings, tasks=tasks, removed=removed, is_compared=True) as run:
        results = run.compare()
    show_results(results, run.folder, is_json=options.is_json)
    return run.folder


def show_results(results: "Results", folder: Path, *, is_json: bool) -> None:
    """Print the answer to a comparison as one table and a few sentences, or all results as JSON."""
    if is_json:
        from twinlm.system.records import to_json

        print_json(to_json(results))
        return
    from twinlm.report.caveats import WORSE_TUNED
    from twinlm.report.task_sentences import undefined_sentences
    from twinlm.report.verdict import by_task, three_sentences

    table = by_task(results)
    if table.rows:
        print(aligned([table.header, *table.rows], left=range(len(table.header))), end="\n\n")
    print(*three_sentences(results), *undefined_sentences(results.tasks, is_main=True), sep="\n")
    urgent = [
        line for line in results.caveats if line.startswith(("Left out", "The data doctor", WORSE_TUNED))
    ]
    for caveat in urgent:
        print(f"Note: {caveat}")
    if others := len(results.caveats) - len(urgent):
        print(f"What this does not show: {others} note{'s' * (others > 1)} in the report.")
    print(f"\nReport: {folder / 'report.html'}")
    for source in results.attribution:
        print(source, file=sys.stderr)
