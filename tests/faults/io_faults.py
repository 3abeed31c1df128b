"""Tries faults on a writer, and says how many were tried: for the tests and for `make torture`.

A `Writer` is one of `writers.py`, the disks with faults are those of `faulty_disk.py`.
"""

import itertools
import shutil
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

from twinlm.errors import ResourceError


def try_faults(writer: Any, faulty: ModuleType, place: Path, every: int = 1) -> Counter[str]:
    """Try every fault at every operation, or at some of them; return how many there were of each kind.

    Raises:
        AssertionError: something else than the old or the new is left, or nobody was told.
    """
    old, straight = _prepared(writer, place)
    names = faulty.count(lambda: writer.act(straight))
    new = writer.found(straight)
    tried: Counter[str] = Counter()
    for fault, may_come in faulty.FAULTS.items():
        for at in [number for number, name in enumerate(names) if may_come(name)][::every]:
            folder = place / f"{fault} {at}"
            said = f"{fault} at operation {at}, {names[at]}"
            folder.mkdir()
            writer.prepare(folder)
            with faulty.put_in(faulty.FaultyDisk(fault, at)) as disk:
                ended = _outcome(writer, faulty, folder)
            assert disk.has_come, said
            assert ended == ("dead" if fault in faulty.DEADLY else "told"), said
            assert _is_old_or_new(writer, writer.found(folder), old, new), said
            if writer.repeats:
                writer.act(folder)  # the same command goes on
                assert writer.found(folder) == new, said
            tried[fault] += 1
            shutil.rmtree(folder)
    return tried


def cut_power(writer: Any, faulty: ModuleType, place: Path) -> int:
    """Cut the power after each operation, with every loss of what was not synced; return how many states.

    Raises:
        AssertionError: something else than the old or the new is left, or what was finished is lost.
    """
    old, straight = _prepared(writer, place)
    numbers = itertools.count()
    states: dict[tuple[Any, ...], str] = {}

    def look(disk: Any) -> None:
        for state in disk.states():
            states.setdefault(tuple(sorted(state.items())), f"after operation {next(numbers)}")

    disk = faulty.RecordingDisk(straight, look)
    with faulty.put_in(disk):
        writer.act(straight)
    last = [dict(state) for state in disk.states()]
    new = writer.found(straight)
    for number, (state, said) in enumerate(states.items()):
        found = _after_the_cut(writer, faulty, place / str(number), dict(state))
        assert _is_old_or_new(writer, found, old, new), f"{said}: {sorted(name for name, _ in state)}"
    if writer.is_durable:
        for number, state in enumerate(last):
            found = _after_the_cut(writer, faulty, place / f"last {number}", state)
            assert found == new, "it was said to be done, and is lost"
    return len(states)


def _prepared(writer: Any, place: Path) -> tuple[Any, Path]:
    """Return what is found before the writing, and a folder to write in."""
    for name in ("before", "straight"):
        (place / name).mkdir()
        writer.prepare(place / name)
    return writer.found(place / "before"), place / "straight"


def _after_the_cut(writer: Any, faulty: ModuleType, folder: Path, state: dict[str, bytes | None]) -> Any:
    faulty.write_state(folder, state)
    found = writer.found(folder)
    shutil.rmtree(folder)
    return found


def _is_old_or_new(writer: Any, found: Any, old: Any, new: Any) -> bool:
    if writer.is_one:
        return found in (old, new)
    return all(found.get(name) in (old.get(name), new.get(name)) for name in old | new | found)


def _outcome(writer: Any, faulty: ModuleType, folder: Path) -> str:
    """Tell what became of a process in which a fault came."""
    try:
        writer.act(folder)
    except faulty.Died:
        return "dead"
    except ResourceError as error:
        assert error.exit_code == 5
        assert error.hint
        assert str(folder) in str(error.file)
        return "told"
    return "silent"
