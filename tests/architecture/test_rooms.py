"""The plan of the rooms: no circle of files, no hall, no folder that is a pile.

An import under TYPE_CHECKING counts like any other.
"""

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
MOST_FILES_OF_A_FOLDER = 20
LARGEST_SHARE_OF_A_ROOM = 0.155


@pytest.fixture(scope="module")
def structure() -> ModuleType:
    """The script that prints the structure of the package."""
    specification = importlib.util.spec_from_file_location("structure", ROOT / "benchmarks" / "structure.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_no_file_reaches_itself(structure: ModuleType) -> None:
    assert structure.circles(structure.imports(ROOT / "src" / "twinlm")) == []


def test_no_folder_holds_many_files_and_no_room_many_lines(structure: ModuleType) -> None:
    package = ROOT / "src" / "twinlm"
    files = Counter(path.parent for path in structure.modules(package).values())
    assert not {folder: count for folder, count in files.items() if count > MOST_FILES_OF_A_FOLDER}
    names = {structure.room(name) for name in structure.modules(package)}
    lines = {name: structure.line_count(structure.modules_of(package, name)) for name in names}
    assert max(lines.values()) <= LARGEST_SHARE_OF_A_ROOM * sum(lines.values())


def test_only_the_command_line_and_the_public_names_import_the_run(structure: ModuleType) -> None:
    graph = structure.imports(ROOT / "src" / "twinlm")
    importers = {name for name, targets in graph.items() if "twinlm.comparison.run" in targets}
    public = ("twinlm.cli.", "twinlm.notebook.", "twinlm.comparison.single")
    assert importers and all(name == "twinlm" or name.startswith(public) for name in importers)


def test_an_import_that_is_for_types_only_closes_a_circle(tmp_path: Path, structure: ModuleType) -> None:
    package = tmp_path / "house"
    package.mkdir()
    files = {
        "__init__": "",
        "upper": "from house.lower import Lower\n",
        "lower": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.upper import Upper\n",
        "apart": "import house.upper\n",
    }
    for name, code in files.items():
        (package / f"{name}.py").write_text(code)
    assert structure.circles(structure.imports(package)) == [["house.lower", "house.upper"]]
