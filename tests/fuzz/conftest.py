"""The tables of parsers, and what feeds them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def bench(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """Return `bench.py`."""
    return load_helper(HERE / "bench.py")


@pytest.fixture(scope="session")
def mutations(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """Return `mutations.py`."""
    return load_helper(HERE / "mutations.py")


@pytest.fixture(scope="session")
def parsers(load_helper: Callable[[Path], ModuleType], bench: ModuleType) -> dict[str, Any]:
    """Return all parsers by name."""
    tables = [
        load_helper(HERE / f"reading_{name}.py").PARSERS for name in ("texts", "labels", "models", "runs")
    ]
    return {name: bench.Parser(**about) for table in tables for name, about in table.items()}


@pytest.fixture(scope="session")
def valid(parsers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Any]:
    """Return a function (parser, folder) that puts a valid input into a folder; each is made once."""
    made: dict[str, Path] = {}

    def put(name: str, folder: Path) -> Any:
        if name not in made:
            made[name] = tmp_path_factory.mktemp("valid")
            parsers[name].write(made[name])
        shutil.copytree(made[name], folder, dirs_exist_ok=True)
        return parsers[name]

    return put


@pytest.fixture(scope="session")
def laboratory(
    load_helper: Callable[[Path], ModuleType], bench: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Return where random settings are tried."""
    yield load_helper(HERE / "drawing.py").Laboratory(tmp_path_factory.mktemp("settings"), bench.judge)
