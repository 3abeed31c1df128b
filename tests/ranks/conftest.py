"""A tiny project, and the commands that several processes work on it with."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def commands(load_helper: Callable[[Path], ModuleType]) -> ModuleType:
    """Return `commands.py`."""
    return load_helper(Path(__file__).with_name("commands.py"))


@pytest.fixture(scope="session")
def make_project(write_project: Callable[[Path, int], None], commands: ModuleType) -> Callable[[Path], Path]:
    """Return a function that fills a folder with text, labels and settings."""

    def make(folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        write_project(folder, 100)
        (folder / "my.toml").write_text(commands.SETTINGS)
        return folder

    return make


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, make_project: Callable[[Path], Path]) -> Path:
    """A folder with text, labels and settings."""
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def finished(
    tmp_path_factory: pytest.TempPathFactory, make_project: Callable[[Path], Path], commands: ModuleType
) -> Path:
    """A folder with a comparison that lacks the predictions of one model only."""
    folder = make_project(tmp_path_factory.mktemp("finished"))
    arguments = ("my.toml", "--out", "finished", "--budget.amount", "20")
    assert commands.run(folder, "compare", *arguments)[0] == 0
    (folder / "finished/tasks/topic/gpt/seed-1/predictions.jsonl").unlink()
    return folder


@pytest.fixture
def places(tmp_path: Path, finished: Path) -> Callable[[int], list[Path]]:
    """Return a function that makes so many folders like that one."""

    def make(count: int) -> list[Path]:
        return [shutil.copytree(finished, tmp_path / str(number)) for number in range(count)]

    return make
