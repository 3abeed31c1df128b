"""A flipped bit in any byte of what is published is found."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from twinlm import checkpoint
from twinlm.data.token_store import TokenStore


@pytest.fixture
def flips(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """Return `flips.py`."""
    return load_helper(Path(__file__).with_name("flips.py"))


@pytest.mark.parametrize(
    ("writer", "folder", "every"),
    [
        ("folder", "store", 1),
        ("token store", "tokens", 1),
        ("training checkpoint", "checkpoints/step-000000002", 1),
        ("tokenizer", "files", 5),
        ("model", "model", 11),
    ],
)
def test_a_flip_in_any_byte_is_found(
    writer: str, folder: str, every: int, flips: ModuleType, writers: ModuleType, tmp_path: Path
) -> None:
    writers.WRITERS[writer].prepare(tmp_path)
    found, made = flips.count_found(tmp_path / folder, every)
    assert found == made > 300


@pytest.mark.parametrize(
    ("writer", "folder", "read"),
    [
        ("token store", "tokens", lambda folder: TokenStore(folder, verify=True)),
        ("model", "model", checkpoint.load_model),
    ],
)
def test_those_who_read_look_for_flips(
    writer: str,
    folder: str,
    read: Callable[[Path], Any],
    flips: ModuleType,
    writers: ModuleType,
    tmp_path: Path,
) -> None:
    writers.WRITERS[writer].prepare(tmp_path)
    for path in flips.flipped(tmp_path / folder, every=101):
        assert flips.is_refused(lambda: read(tmp_path / folder)), path
