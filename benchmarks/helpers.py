"""What the tests' own files do, for those benchmarks that do the same more often."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

TESTS = Path(__file__).parents[1] / "tests"


def helper(folder: str, name: str) -> ModuleType:
    """Import a file of a folder of tests."""
    specification = importlib.util.spec_from_file_location(name, TESTS / folder / f"{name}.py")
    assert specification is not None and specification.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
