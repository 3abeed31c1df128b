"""Hostile inputs for every parser, and random settings, in numbers: `make fuzz` (docs/reliability.md).

Takes --inputs, --configs, --seed, and --only PARSER to try one alone. Progress goes to standard error, a
table to standard output. Ends with 1 if anything was neither read nor refused as it should be, and says how
to make that case again: --only PARSER --case NUMBER. What is done stands in tests/fuzz, where a short form is
run.
"""

import argparse
import faulthandler
import math
import os
import resource
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import helpers

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
# Each new shape leaves a compiled kernel behind, 1,024 of them at most: too many for the limit below.
os.environ.update(ONEDNN_PRIMITIVE_CACHE_CAPACITY="64", LRU_CACHE_CAPACITY="64")
helper = partial(helpers.helper, "fuzz")
TABLES = ("reading_texts", "reading_labels", "reading_models", "reading_runs")
SETTINGS = "random settings"
HANGING_S = 60
"""After so long in one case the process ends and shows where it hangs."""
MOST_MEMORY = 4 << 30
"""Bytes of addresses beside those of the libraries: more ends in a MemoryError, which is wrong."""
SHOWN = 10
"""Cases that went wrong, of each parser."""


def main() -> None:
    """Try all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="over all parsers")
    parser.add_argument("--configs", type=int, default=10_000, help="random settings")
    parser.add_argument("--seed", type=int, default=0, help="of all inputs")
    parser.add_argument("--only", default="", help=f'the name of a parser, or "{SETTINGS}"')
    parser.add_argument("--case", type=int, default=-1, help="one case of it, with its traceback")
    given = parser.parse_args()
    place = Path(
        tempfile.mkdtemp(prefix="twinlm-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    )
    bench, began = helper("bench"), time.perf_counter()
    limit_memory()
    try:
        tallies = parsers(bench, place, given) | settings(bench, place, given)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    say(f"done in {time.perf_counter() - began:,.0f} s, at most {peak_mib():,.0f} MiB of memory")
    show(tallies)
    sys.exit(any(tally.wrong for tally in tallies.values()))


def parsers(bench: ModuleType, place: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Feed all parsers, each in proportion to its weight."""
    mutations, tallies = helper("mutations"), {}
    table = {name: bench.Parser(**about) for file in TABLES for name, about in helper(file).PARSERS.items()}
    total = sum(parser.weight for parser in table.values())
    for number, (name, parser) in enumerate(table.items()):
        if given.only not in ("", name):
            continue
        count = given.inputs if given.only else math.ceil(given.inputs * parser.weight / total)
        began = time.perf_counter()
        one = bench.Bench(name, parser, place / str(number), mutations, judge_of(bench, given))
        tallies[name] = tried(bench, name, one.run, count, given)
        say(f"{name}: {count:,} inputs in {time.perf_counter() - began:,.0f} s")
    return tallies


def settings(bench: ModuleType, place: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Draw settings."""
    if given.only not in ("", SETTINGS):
        return {}
    laboratory = helper("drawing").Laboratory(place / "settings", judge_of(bench, given))
    tallies = {SETTINGS: tried(bench, SETTINGS, laboratory.run, given.configs, given)}
    say(f"{SETTINGS}: {laboratory.trained:,} of {given.configs:,} were valid, small, and trained")
    return tallies


def judge_of(bench: ModuleType, given: argparse.Namespace) -> Any:
    """Return what judges cases; a single one may end in its traceback."""
    return bench.judge if given.case < 0 else bench.let_through


def tried(bench: ModuleType, name: str, run: Any, count: int, given: argparse.Namespace) -> Any:
    """Run so many cases, or the one that is asked for; return what came of them."""
    tally = bench.Tally()
    for number in range(count) if given.case < 0 else (given.case,):
        faulthandler.dump_traceback_later(HANGING_S, exit=True)
        outcome, seconds = run(given.seed, number)
        faulthandler.cancel_dump_traceback_later()
        before = len(tally.wrong)
        tally.add(outcome, seconds)
        if len(tally.wrong) > before and len(tally.wrong) <= SHOWN:
            say(f'WRONG: {outcome}\n  again: --seed {given.seed} --only "{name}" --case {number}')
    return tally


def limit_memory() -> None:
    """Let the process have only so many more addresses than it has now."""
    import torch  # has most of them

    torch.set_num_threads(1)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        most = pages * resource.getpagesize() + MOST_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def peak_mib() -> float:
    """Return the largest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def show(tallies: dict[str, Any]) -> None:
    """Print the table."""
    print(f"{'parser':40} {'inputs':>8} {'accepted':>8} {'refused':>8} {'slowest s':>9} {'wrong':>6}")
    sums = [0, 0, 0, 0]
    for name, tally in tallies.items():
        counts = [tally.inputs, tally.accepted, tally.refused, len(tally.wrong)]
        sums = (
            [total + count for total, count in zip(sums, counts, strict=True)] if name != SETTINGS else sums
        )
        line(name, counts, tally.slowest_s)
    line("all parsers", sums, max((tally.slowest_s for tally in tallies.values()), default=0))


def line(name: str, counts: list[int], slowest_s: float) -> None:
    """Print one row."""
    inputs, accepted, refused, wrong = counts
    print(f"{name:40} {inputs:8,} {accepted:8,} {refused:8,} {slowest_s:9.2f} {wrong:6}")


def say(text: str) -> None:
    """Show how far it is."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
