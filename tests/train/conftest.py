"""The tiny run that the tests of training share."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """Return `tiny_job.py`, which lies beside this file and is also a script."""
    specification = importlib.util.spec_from_file_location(
        "tiny_job", Path(__file__).with_name("tiny_job.py")
    )
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["tiny_job"] = module
    specification.loader.exec_module(module)
    return module
