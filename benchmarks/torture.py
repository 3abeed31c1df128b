"""Kills, stops, disk faults, flipped bytes and memory, in numbers: `make torture` (docs/reliability.md).

Takes --kills, --comparisons, --signals, --seed. Progress goes to standard error, a table to standard output.
Ends with 1 at the first mismatch, and says where it is. What it does stands in tests/faults, where a short
form is run.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from types import ModuleType

import helpers

helper = partial(helpers.helper, "faults")
PUBLISHED = {
    "folder": "store",
    "token store": "tokens",
    "packed store": "packed/index",
    "training checkpoint": "checkpoints/step-000000002",
    "checkpoint in parts": "checkpoints/parts-000000002/00001",
    "tokenizer": "files",
    "model": "model",
}
"""Folders that writers leave, by the writer's name."""
LATEST_STOP_S = 10
"""After a signal; a step takes milliseconds here. On a busy machine it may take longer."""
Row = tuple[str, int, int]
"""What was tried, how often, and how often it went wrong."""


def main() -> None:
    """Do all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="of SIGKILL, over trainings of three kinds")
    parser.add_argument("--comparisons", type=int, default=30, help="of SIGKILL, over whole comparisons")
    parser.add_argument("--signals", type=int, default=50, help="of SIGTERM")
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    given = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="twinlm-torture-"))
    began = time.perf_counter()
    rows = [*memory(), *faults(place), flips(place)]
    killing = helper("killing")
    *trainings, comparison = killing.KINDS
    kills = {kind: (given.kills + number) // len(trainings) for number, kind in enumerate(trainings)}
    kills[comparison] = given.comparisons
    rows += processes(killing, place, kills=kills, signals=given.signals, seed=given.seed)
    say(f"done in {time.perf_counter() - began:,.0f} s")
    shutil.rmtree(place)
    print(f"{'what':48} {'tried':>8} {'wrong':>6}")
    for what, tried, wrong in rows:
        print(f"{what:48} {tried:8,} {wrong:6}")
    sys.exit(any(wrong for _, _, wrong in rows))


def memory() -> list[Row]:
    """Train 10 million weights of each kind in a process, and compare its peak memory with the formula."""
    say("memory of a training process")
    measured = helpers.helper("core", "training_memory").in_a_process(6, 384, 4)
    wrong = sum(abs(formula / peak - 1) > 0.1 for peak, formula in measured.values())
    return [("peak memory of training, within 10 % of the formula", len(measured), wrong)]


def faults(place: Path) -> list[Row]:
    """Try every fault of the disk at every operation of every writer."""
    faulty, io_faults, writers = map(helper, ("faulty_disk", "io_faults", "writers"))
    tried, states = dict.fromkeys(faulty.FAULTS, 0), 0
    for name, writer in writers.WRITERS.items():
        say(f"faults of the disk: {name}")
        for kind in ("faults", "cuts"):
            (place / kind / name).mkdir(parents=True)
        for fault, count in io_faults.try_faults(writer, faulty, place / "faults" / name).items():
            tried[fault] += count
        states += io_faults.cut_power(writer, faulty, place / "cuts" / name)
    rows = [(f"disk: {fault}, at each operation", count, 0) for fault, count in tried.items()]
    return [*rows, ("disk: states after a power cut", states, 0)]


def flips(place: Path) -> Row:
    """Flip a bit of every byte of everything that is published."""
    flips, writers, found, made = helper("flips"), sys.modules["writers"], 0, 0
    for name, folder in PUBLISHED.items():
        say(f"flipped bytes: {name}")
        (place / "flips" / name).mkdir(parents=True)
        writers.WRITERS[name].prepare(place / "flips" / name)
        writers.WRITERS[name].act(place / "flips" / name)
        counts = flips.count_found(place / "flips" / name / folder)
        found, made = found + counts[0], made + counts[1]
    return "bytes flipped in what is published", made, made - found


def processes(
    killing: ModuleType, place: Path, *, kills: dict[str, int], signals: int, seed: int
) -> list[Row]:
    """Kill runs of each kind so often, and stop others, at random instants."""
    chance = random.Random(seed)
    killing.write_project(place)
    straight = {kind: killing.straight(kind, place) for kind in kills}
    rows = []
    for kind, most in kills.items():
        done = runs = 0
        while done < most:
            out = f"killed {kind} {runs}"
            done += killing.kill_until_done(kind, place, out, straight[kind], chance)
            shutil.rmtree(place / out)
            runs += 1
            say(f"{kind}: {done} kills in {runs} runs")
        rows.append((f"SIGKILL, {kind}: instants in {runs} runs", done, 0))
    times_s: list[float] = []
    while len(times_s) < signals:
        kind = ("gpt", "bert")[len(times_s) % 2]
        out = f"stopped {kind} {len(times_s)}"
        taken_s = killing.stop_once(kind, place, out, straight[kind], chance)
        shutil.rmtree(place / out, ignore_errors=True)
        times_s += [] if taken_s is None else [taken_s]
        say(f"SIGTERM: {len(times_s)} instants, at most {max(times_s, default=0):.2f} s to the end")
    late = sum(time_s > LATEST_STOP_S for time_s in times_s)
    what = f"SIGTERM: exit 75, at most {max(times_s, default=0):.2f} s later"
    return [*rows, (what, len(times_s), late)]


def say(line: str) -> None:
    """Show how far it is."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
