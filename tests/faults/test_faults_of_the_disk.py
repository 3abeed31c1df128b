"""Every fault at every operation of everything that writes: the old state follows, or the new one."""

from pathlib import Path
from types import ModuleType

import pytest

NAMES = [
    *("file", "first file", "folder", "first folder", "log", "synced log", "removal of a folder"),
    *("removal of a file", "cleaning", "lock", "token store", "packed store", "tokenizer"),
    *("training checkpoint", "checkpoint in parts", "model", "predictions", "report"),
]

SLOW = {
    **{"packed store": 11, "checkpoint in parts": 5, "model": 7},
    **{"training checkpoint": 3, "report": 3, "token store": 3},
}
"""Of which only every so-many-th operation has each fault here; `make torture` tries all."""


def test_every_writer_is_looked_at(writers: ModuleType) -> None:
    assert list(writers.WRITERS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_after_any_fault_there_is_the_old_or_the_new(
    name: str, faulty: ModuleType, io_faults: ModuleType, writers: ModuleType, tmp_path: Path
) -> None:
    tried = io_faults.try_faults(writers.WRITERS[name], faulty, tmp_path, SLOW.get(name, 1))
    assert tried["die"] == tried["EIO"] == tried["ENOSPC once"] >= 1


@pytest.mark.parametrize("name", NAMES)
def test_after_a_power_cut_there_is_the_old_or_the_new(
    name: str, faulty: ModuleType, io_faults: ModuleType, writers: ModuleType, tmp_path: Path
) -> None:
    assert io_faults.cut_power(writers.WRITERS[name], faulty, tmp_path) > 1
