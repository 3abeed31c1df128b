"""A flipped bit in any byte of what is published is found."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from twinlm import checkpoint
from twinlm.data.tokens.store import TokenStore
from twinlm.train.checkpoints import roll_back


@pytest.fixture
def flips(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """Return `flips.py`."""
    return load_helper(Path(__file__).with_name("flips.py"))


def see_packed(shard: Path) -> None:
    """Open the store that a shard belongs to."""
    TokenStore(shard.parents[1], verify=True)


def see(checkpoints: Path) -> None:
    """Look at the checkpoint of step 2, as one that goes on does."""
    roll_back(checkpoints, 2, lambda saved: None)


@pytest.mark.parametrize(
    ("writer", "folder", "every"),
    [
        ("folder", "store", 1),
        ("token store", "tokens", 1),
        ("training checkpoint", "checkpoints/step-000000002", 1),
        ("checkpoint in parts", "checkpoints/parts-000000002/00001", 1),
        ("tokenizer", "files", 5),
        ("model", "model", 11),
    ],
)
def test_a_flip_in_any_byte_is_found(
    writer: str, folder: str, every: int, flips: ModuleType, writers: ModuleType, tmp_path: Path
) -> None:
    writers.WRITERS[writer].prepare(tmp_path)
    writers.WRITERS[writer].act(tmp_path)
    found, made = flips.count_found(tmp_path / folder, every)
    assert found == made > 300


@pytest.mark.parametrize(
    ("writer", "folder", "read"),
    [
        ("token store", "tokens", lambda folder: TokenStore(folder, verify=True)),
        ("packed store", "packed/index", lambda index: TokenStore(index.parent, verify=True)),
        ("packed store", "packed/part-00001-of-00001/0002", see_packed),
        ("model", "model", checkpoint.load_model),
        ("checkpoint in parts", "checkpoints/step-000000002", lambda step: see(step.parent)),
        ("checkpoint in parts", "checkpoints/parts-000000002/00001", lambda part: see(part.parents[1])),
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
    writers.WRITERS[writer].act(tmp_path)
    for path in flips.flipped(tmp_path / folder, every=101):
        assert flips.is_refused(lambda: read(tmp_path / folder)), path
