"""No circle of files, not even in design: an import under TYPE_CHECKING counts like any other."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


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


def test_only_the_command_line_and_the_public_names_import_the_run(structure: ModuleType) -> None:
    graph = structure.imports(ROOT / "src" / "twinlm")
    importers = {name for name, targets in graph.items() if "twinlm.compare.run" in targets}
    assert importers and all(name == "twinlm" or name.startswith("twinlm.cli.") for name in importers)


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
