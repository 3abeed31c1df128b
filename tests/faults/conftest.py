"""What writes, and the faults that it meets."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def writers(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """Return `writers.py`."""
    return load_helper(HERE / "writers.py")


@pytest.fixture(scope="session")
def io_faults(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """Return `io_faults.py`."""
    return load_helper(HERE / "io_faults.py")
