"""The tiny run that the tests of training share."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def tiny(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """Return `tiny_job.py`, which lies beside this file and is also a script."""
    return load_helper(Path(__file__).with_name("tiny_job.py"))
